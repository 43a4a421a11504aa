"""Networks, the client's address behind proxies, transport and origins: values only."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apikeys import networks
from apikeys.networks import (
    address_bucket,
    client_address,
    contains,
    is_first_party,
    is_foreign,
    is_secure,
    is_within,
    normalise_origin,
    parse_network,
    parse_networks,
)

PROXIES = tuple(
    ipaddress.ip_network(text) for text in ("10.0.0.0/8", "192.0.2.1", "2001:db8:ffff::/48")
)
ALLOWED = frozenset({"https://tools.example", "http://localhost:3000"})
OWN = "https://api.example"


# One network


@pytest.mark.parametrize(
    ("text", "canonical", "normalised"),
    [
        ("203.0.113.7", "203.0.113.7/32", False),
        ("203.0.113.0/24", "203.0.113.0/24", False),
        ("203.0.113.7/32", "203.0.113.7/32", False),
        ("10.0.0.1/8", "10.0.0.0/8", True),
        ("128.0.0.0/1", "128.0.0.0/1", False),
        ("2001:db8::1", "2001:db8::1/128", False),
        ("2001:DB8:0:0::/32", "2001:db8::/32", False),
        ("2001:db8::1/64", "2001:db8::/64", True),
        ("2001:0db8::/32", "2001:db8::/32", False),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201/128", False),
    ],
)
def test_a_network_is_read_and_given_its_canonical_text(text, canonical, normalised):
    parsed = parse_network(text)
    assert (parsed.text, parsed.normalised) == (canonical, normalised)
    assert parsed.network == ipaddress.ip_network(canonical)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "must be a string such as 203.0.113.0/24, not bool"),
        (1, "not int"),
        (None, "not null"),
        ({}, "not dict"),
        ([], "not list"),
        (b"10.0.0.0", "not bytes"),
        (ipaddress.ip_network("10.0.0.0/8"), "not IPv4Network"),
        ("", "is not an IP address or range; write it like 203.0.113.7"),
        (" 1.1.1.1", "without spaces"),
        ("1.1.1.1 ", "without spaces"),
        ("1.1.1.1\n", "without spaces"),
        ("1.1.1.1 /32", "without spaces"),
        ("010.0.0.1", "leading zeros"),
        ("10.0.0.01/8", "leading zeros"),
        ("1.1.1", "is not an IP address"),
        ("1.1.1.256", "is not an IP address"),
        ("16843009", "is not an IP address"),
        ("0x7f.0.0.1", "is not an IP address"),
        ("localhost", "is not an IP address"),
        ("1.1.1.1:80", "is not an IP address"),
        ("[::1]", "is not an IP address"),
        ("1.1.1.1-1.1.1.9", "is not an IP address"),
        ("1.1.1.*", "is not an IP address"),
        ("fe80::1%eth0", "a zone id"),
        ("fe80::1%1/64", "a zone id"),
        ("\u0661.1.1.1", "is not an IP address"),
        ("\uff11.1.1.1", "is not an IP address"),
        ("1.1.1.1\x00", "is not an IP address"),
        ("/24", "is not an IP address"),
        ("1" * 100_000, "is not an IP address"),
        ("1.1.1.1/", "bits from 1 to 32"),
        ("1.1.1.1/33", "bits from 1 to 32"),
        ("1.1.1.1/08", "bits from 1 to 32"),
        ("1.1.1.1/+8", "bits from 1 to 32"),
        ("1.1.1.1/-8", "bits from 1 to 32"),
        ("1.1.1.1/8/8", "bits from 1 to 32"),
        ("1.1.1.1/ 8", "bits from 1 to 32"),
        ("1.1.1.1/\u0668", "bits from 1 to 32"),
        ("1.1.1.1/0.0.0.255", "bits from 1 to 32"),
        ("1.1.1.0/255.255.255.0", "bits from 1 to 32"),
        ("::1/129", "bits from 1 to 128"),
        ("::1/9999999999", "bits from 1 to 128"),
        ("0.0.0.0/0", "allows every address; leave the list empty"),
        ("1.2.3.4/0", "allows every address"),
        ("::/0", "allows every address"),
        ("::ffff:192.0.2.1", r"write IPv4: 192\.0\.2\.1"),
        ("::ffff:192.0.2.0/120", r"write IPv4: 192\.0\.2\.0"),
        ("::FFFF:c000:0201", r"write IPv4: 192\.0\.2\.1"),
        ("::ffff:0:0/96", r"write IPv4: 0\.0\.0\.0"),
    ],
)
def test_what_is_no_network_is_refused_with_what_to_write(value, message):
    with pytest.raises(ValueError, match=message) as error:
        parse_network(value)
    assert len(str(error.value)) < 300


ADDRESSES = st.ip_addresses(v=4) | st.ip_addresses(v=6).filter(lambda a: a.ipv4_mapped is None)


@settings(max_examples=1000, deadline=None)
@given(address=ADDRESSES, data=st.data())
def test_the_canonical_text_of_a_network_reads_back_as_itself(address, data):
    prefix = data.draw(st.integers(1, address.max_prefixlen))
    first = parse_network(f"{address}/{prefix}")
    second = parse_network(first.text)
    assert second == type(second)(first.network, first.text, normalised=False)
    assert first.normalised is (first.network.network_address != address)
    assert contains([first.text], str(address)) is True


@settings(max_examples=2000, deadline=None)
@given(st.text(max_size=30) | st.text("0123456789abcdef:./% ", max_size=30))
def test_any_text_is_a_network_that_python_reads_too_or_a_value_error(text):
    try:
        parsed = parse_network(text)
    except ValueError:
        return
    assert parsed.network == ipaddress.ip_network(text, strict=False)
    assert parse_network(parsed.text).network == parsed.network


# Lists


def test_a_list_keeps_its_order_and_drops_what_is_there_already():
    values = ["203.0.113.7", "2001:db8::1/32", "203.0.113.7/32", "10.0.0.0/8", "10.9.9.9/8"]
    assert parse_networks(values) == ("203.0.113.7/32", "2001:db8::/32", "10.0.0.0/8")
    assert parse_networks([]) == ()


@pytest.mark.parametrize("values", ["10.0.0.0/8", b"10.0.0.0/8", None, {}, {"a": "b"}, 5, True])
def test_what_is_no_list_of_networks_is_refused(values):
    with pytest.raises(ValueError, match="must be a list of strings, not"):
        parse_networks(values)


def test_one_bad_entry_refuses_the_list():
    with pytest.raises(ValueError, match="'nonsense' is not an IP address"):
        parse_networks(["10.0.0.0/8", "nonsense"])


def test_a_list_ends_at_its_maximum():
    hundred = [f"10.0.0.{number}" for number in range(100)]
    assert len(parse_networks(hundred)) == 100
    with pytest.raises(ValueError, match="At most 100 networks"):
        parse_networks([*hundred, "10.0.0.0"])
    with pytest.raises(ValueError, match="At most 1 networks"):
        parse_networks(["10.0.0.1", "10.0.0.2"], maximum=1)


def test_a_list_without_an_end_is_not_read_to_it():
    with pytest.raises(ValueError, match="At most 100 networks"):
        parse_networks("10.0.0.1" for _ in iter(int, 1))


# Containment


@pytest.mark.parametrize(
    ("listed", "address", "expected"),
    [
        (["192.0.2.0/24"], "192.0.2.1", True),
        (["192.0.2.0/24"], "::ffff:192.0.2.1", True),
        (["192.0.2.0/24"], "::ffff:c000:201", True),
        (["192.0.2.0/24"], "2002:c000:201::", False),
        (["192.0.2.0/24"], "64:ff9b::192.0.2.1", False),
        (["192.0.2.0/24"], "::192.0.2.1", False),
        (["192.0.2.0/24"], "192.0.3.1", False),
        (["192.0.2.0/24"], "192.0.1.255", False),
        (["192.0.2.0/24"], "192.0.2.0", True),
        (["192.0.2.0/24"], "192.0.2.255", True),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db8:1::5", True),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:DB8:1::5", True),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db9::", False),
        (["2001:db8::/32"], "32.1.13.184", False),
        (["::/1"], "::ffff:192.0.2.1", False),
        ([], "192.0.2.1", False),
        (["192.0.2.0/24"], None, False),
        (["192.0.2.0/24"], "", False),
        (["192.0.2.0/24"], "junk", False),
        (["192.0.2.0/24"], "192.0.2.1:80", False),
        (["192.0.2.0/24"], "192.0.2.01", False),
        (["192.0.2.0/24"], " 192.0.2.1", False),
        (["fe80::/10"], "fe80::1", True),
        (["fe80::/10"], "fe80::1%eth0", False),
        (["128.0.0.0/1", "1.0.0.0/8"], 3232235777, False),
        (["junk"], "192.0.2.1", False),
        (["junk", "192.0.2.0/24"], "192.0.2.1", True),
        (["0.0.0.0/0"], "192.0.2.1", False),
        (["::ffff:192.0.2.0/120"], "192.0.2.1", False),
        ("192.0.2.0/24", "192.0.2.1", False),
    ],
)
def test_a_list_contains_exactly_the_addresses_of_its_networks(listed, address, expected):
    assert contains(listed, address) is expected


def test_a_tuple_and_a_list_of_networks_contain_the_same():
    assert contains(("192.0.2.0/24",), "192.0.2.1") is True
    assert contains(["192.0.2.0/24"], "192.0.2.1") is True


@settings(max_examples=500, deadline=None)
@given(address=st.ip_addresses(v=4), network=st.ip_addresses(v=4), prefix=st.integers(1, 32))
def test_a_mapped_address_is_contained_exactly_where_its_ipv4_form_is(address, network, prefix):
    listed = [parse_network(f"{network}/{prefix}").text]
    plain = address in ipaddress.ip_network(listed[0])
    assert contains(listed, str(address)) is plain
    assert contains(listed, f"::ffff:{address}") is plain


# A token made by a token


@pytest.mark.parametrize(
    ("child", "parent", "expected"),
    [
        ([], [], True),
        (["10.0.0.0/8"], [], True),
        ([], ["10.0.0.0/8"], False),
        (["10.0.0.0/8"], ["10.0.0.0/8"], True),
        (["10.1.0.0/16", "10.2.3.4"], ["10.0.0.0/8"], True),
        (["10.1.0.0/16", "11.0.0.1"], ["10.0.0.0/8"], False),
        (["10.0.0.0/7"], ["10.0.0.0/8"], False),
        (["10.1.0.0/16", "2001:db8::1"], ["2001:db8::/32", "10.0.0.0/8"], True),
        (["2001:db8::/31"], ["2001:db8::/32"], False),
        (["32.1.13.184/32"], ["2001:db8::/32"], False),
        (["2001:db8::1"], ["10.0.0.0/8"], False),
        (["10.0.0.0/24"], ["10.0.0.0/25", "10.0.0.128/25"], False),
    ],
)
def test_a_child_list_must_lie_within_its_parents(child, parent, expected):
    assert is_within(child, parent) is expected


@pytest.mark.parametrize(
    ("child", "parent"),
    [(["junk"], ["10.0.0.0/8"]), (["10.0.0.1"], ["junk"]), (["junk"], []), ([], ["0.0.0.0/0"])],
)
def test_an_unreadable_list_is_never_within_another(child, parent):
    with pytest.raises(ValueError, match=r"is not an IP address|allows every address"):
        is_within(child, parent)


@pytest.mark.parametrize(("child", "parent"), [("", []), ([], ""), (None, []), ([], None)])
def test_what_is_no_list_is_never_within_another(child, parent):
    with pytest.raises(ValueError, match="must be a list of strings"):
        is_within(child, parent)


# The client's address


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("203.0.113.7:51000", "203.0.113.7"),
        ("[2001:db8::7]:51000", "2001:db8::7"),
        ("10.0.0.1", "10.0.0.1"),
        ("", None),
        ("unix:", None),
        ("localhost", None),
        ("fe80::1%eth0", None),
        ("203.0.113.7, 203.0.113.8", None),
        ("203.0.113.07", None),
        ("x" * 100_000, None),
        (None, None),
        (b"203.0.113.7", None),
    ],
)
def test_without_proxies_the_address_is_that_of_the_connection(remote, expected):
    lies = {
        "HTTP_X_FORWARDED_FOR": "198.51.100.1",
        "HTTP_X_REAL_IP": "198.51.100.1",
        "HTTP_FORWARDED": "for=198.51.100.1",
        "HTTP_CLIENT_IP": "198.51.100.1",
        "HTTP_TRUE_CLIENT_IP": "198.51.100.1",
    }
    assert client_address({"REMOTE_ADDR": remote}) == expected
    assert client_address({"REMOTE_ADDR": remote, **lies}) == expected
    assert client_address({"REMOTE_ADDR": remote, **lies}, ()) == expected


def test_a_request_without_a_connection_has_no_address():
    assert client_address({}) is None
    assert client_address({"HTTP_X_FORWARDED_FOR": "198.51.100.1"}, PROXIES) is None


@pytest.mark.parametrize("remote", ["203.0.113.7", "9.255.255.255", "192.0.2.2", "2001:db8:fffe::"])
def test_a_stranger_is_not_believed_about_who_they_are(remote):
    for forwarded in ("198.51.100.1", "10.0.0.1", "junk", "", "198.51.100.1, 10.0.0.1"):
        meta = {"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": forwarded}
        assert client_address(meta, PROXIES) == remote


# 198.51.100.7 is the address the proxy saw; 6.6.6.6 is what the client wrote itself.
@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("198.51.100.7", "198.51.100.7"),
        (" 198.51.100.7 ", "198.51.100.7"),
        ("\t198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:1234", "198.51.100.7"),
        ("198.51.100.7:0", "198.51.100.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("[::ffff:198.51.100.7]:443", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("6.6.6.6,198.51.100.7", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7, 10.0.0.9", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7, 192.0.2.1, 10.0.0.9", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7, ::ffff:10.0.0.9", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7, 10.0.0.9:8080", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7, [2001:db8:ffff::1]:80", "198.51.100.7"),
        ("10.0.0.5, 198.51.100.7", "198.51.100.7"),
        ("junk, 198.51.100.7", "198.51.100.7"),
        (", 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1, 198.51.100.7, 10.0.0.9", "198.51.100.7"),
        ("6.6.6.6," * 1000 + "198.51.100.7", "198.51.100.7"),
        ("," * 100_000 + "198.51.100.7", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7, 192.0.2.2", "192.0.2.2"),
        ("", None),
        (" ", None),
        (",", None),
        ("198.51.100.7,", None),
        ("198.51.100.7, ", None),
        ("198.51.100.7,,10.0.0.9", None),
        ("junk", None),
        ("198.51.100.7, junk", None),
        ("198.51.100.7, junk, 10.0.0.9", None),
        ("unknown", None),
        ("_hidden", None),
        ("198.51.100.7, unknown", None),
        ("for=198.51.100.7", None),
        ('"198.51.100.7"', None),
        ("198.51.100.7;10.0.0.9", None),
        ("198.51.100.7 10.0.0.9", None),
        ("198.51.100.7/32", None),
        ("198.51.100.07", None),
        ("198.51.100", None),
        ("3325256711", None),
        ("198.51.100.7:", None),
        ("198.51.100.7:x", None),
        ("198.51.100.7:99999", None),
        ("198.51.100.7:123456", None),
        ("198.51.100.7:80:80", None),
        ("[198.51.100.7]:80", None),
        ("[2001:db8::7", None),
        ("2001:db8::7]:80", None),
        ("[2001:db8::7]80", None),
        ("[]:80", None),
        ("fe80::1%eth0", None),
        ("[fe80::1%25eth0]:80", None),
        ("198.51.100.\u0667", None),
        ("198.51.100.7\x00", None),
        ("198.51.100.7\n", None),
        ("localhost", None),
        ("10.0.0.9", None),
        ("10.0.0.5, 10.0.0.9", None),
        ("9" * 100_000, None),
        (None, None),
        (7, None),
    ],
)
def test_behind_proxies_the_address_is_the_first_from_the_right_that_is_no_proxy(
    forwarded, expected
):
    for remote in ("10.0.0.1", "::ffff:10.0.0.1", "10.0.0.1:4000", "2001:db8:ffff::1"):
        meta = {"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": forwarded}
        assert client_address(meta, PROXIES) == expected


def test_a_proxy_that_names_nobody_leaves_the_client_unknown():
    assert client_address({"REMOTE_ADDR": "10.0.0.1"}, PROXIES) is None
    others = {"HTTP_X_REAL_IP": "198.51.100.1", "HTTP_FORWARDED": "for=198.51.100.1"}
    assert client_address({"REMOTE_ADDR": "10.0.0.1", **others}, PROXIES) is None


def test_a_chain_is_followed_through_twenty_entries_and_no_further():
    def address_behind(proxies):
        chain = ", ".join(["198.51.100.7", *["10.0.0.9"] * proxies])
        return client_address({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": chain}, PROXIES)

    assert address_behind(19) == "198.51.100.7"
    assert address_behind(20) is None
    assert address_behind(5000) is None


@settings(max_examples=1000, deadline=None)
@given(
    prepended=st.text(max_size=80)
    | st.lists(st.ip_addresses().map(str), max_size=30).map(", ".join),
    proxies=st.integers(0, 5),
)
def test_nothing_a_client_writes_changes_its_address(prepended, proxies):
    chain = ", ".join([prepended, "198.51.100.7", *["10.0.0.9"] * proxies])
    meta = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": chain}
    assert client_address(meta, PROXIES) == "198.51.100.7"


@settings(max_examples=1000, deadline=None)
@given(remote=st.text(max_size=50), forwarded=st.text(max_size=80))
def test_junk_is_an_address_or_unknown_and_never_an_error(remote, forwarded):
    for trusted in ((), PROXIES):
        found = client_address({"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": forwarded}, trusted)
        assert found is None or str(ipaddress.ip_address(found)) == found


def test_a_header_of_a_megabyte_is_not_remembered():
    before = networks._unmapped.cache_info().misses
    meta = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "9" * 1_000_000}
    assert client_address(meta, PROXIES) is None
    assert contains(["10.0.0.0/8"], "8" * 1_000_000) is False
    assert networks._unmapped.cache_info().misses - before <= 1  # the proxy's own address


# Transport


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("10.0.0.1", "https", True),
        ("::ffff:10.0.0.1", "https", True),
        ("10.0.0.1", " https ", True),
        ("10.0.0.1", "http, https", True),
        ("10.0.0.1", "https,https", True),
        ("10.0.0.1", "https, http", False),
        ("10.0.0.1", "https,", False),
        ("10.0.0.1", "http", False),
        ("10.0.0.1", "HTTPS", False),
        ("10.0.0.1", "https://", False),
        ("10.0.0.1", "httpss", False),
        ("10.0.0.1", "Xhttps", False),
        ("10.0.0.1", "wss", False),
        ("10.0.0.1", "on", False),
        ("10.0.0.1", "", False),
        ("10.0.0.1", None, False),
        ("10.0.0.1", True, False),
        ("203.0.113.7", "https", False),
        ("", "https", False),
        (None, "https", False),
        ("junk", "https", False),
    ],
)
def test_only_a_trusted_proxy_vouches_for_https(remote, forwarded, expected):
    meta = {"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_PROTO": forwarded}
    assert is_secure(meta, "http", PROXIES) is expected
    assert is_secure(meta, "http", ()) is False
    assert is_secure(meta, "https", PROXIES) is True


@pytest.mark.parametrize("scheme", ["http", "", "HTTPS", "ws", "https "])
def test_a_scheme_that_is_not_https_is_not_secure(scheme):
    others = {"HTTP_X_FORWARDED_SSL": "on", "HTTP_FORWARDED": "proto=https", "HTTPS": "on"}
    assert is_secure({"REMOTE_ADDR": "10.0.0.1", **others}, scheme, PROXIES) is False
    assert is_secure({}, scheme) is False


def test_a_connection_over_tls_is_secure_whoever_opened_it():
    assert is_secure({}, "https") is True
    assert is_secure({"HTTP_X_FORWARDED_PROTO": "http"}, "https", PROXIES) is True


# Origins


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://tools.example", "https://tools.example"),
        ("HTTPS://Tools.Example", "https://tools.example"),
        ("https://tools.example:443", "https://tools.example"),
        ("http://tools.example:80", "http://tools.example"),
        ("http://tools.example:443", "http://tools.example:443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://[2001:DB8:0::1]", "http://[2001:db8::1]"),
        ("http://my_host:65535", "http://my_host:65535"),
    ],
)
def test_an_origin_has_one_spelling(text, expected):
    assert normalise_origin(text) == expected
    assert normalise_origin(expected) == expected


NO_ORIGINS = [
    *[
        "",
        "null",
        "NULL",
        "*",
        "tools.example",
        "//tools.example",
        "https:",
        "https://",
        "https:/a",
    ],
    *[
        "https://tools.example/",
        "https://tools.example/a",
        "https://tools.example?a",
        "https://a#b",
    ],
    *["https://user@tools.example", "https://a:b@tools.example", "https://@tools.example"],
    *["https://tools.example.", "https://.example", "https://a..b", "https://-a.b", "https://a-.b"],
    *["https://tools.example:", "https://tools.example:0", "https://tools.example:0443"],
    *["https://tools.example:65536", "https://tools.example:99999", "https://a:x", "https://a:1:2"],
    *["https://b\u00fccher.example", "https://\u212a.example", "https://a\u3002b", "https://%61"],
    *[" https://tools.example", "https://tools.example ", "https://tools.example\n", "https://a b"],
    *["https://a, https://b", "https://a https://b", "https://a\\b", "https://a\x00"],
    *["https://*.example", "ftp://a", "file://", "javascript://a", "chrome-extension://abc"],
    *["https://::1", "https://[::1", "https://[1.2.3.4]", "https://[::1%25lo]", "https://[g::]"],
    *["https://[:::]", "https://" + "a" * 64 + ".b", "https://" + "a." * 1000 + "b", None, 5, b"a"],
]


@pytest.mark.parametrize("text", NO_ORIGINS)
def test_what_is_no_web_origin_has_no_spelling(text):
    assert normalise_origin(text) is None


LOOKALIKES = [
    *["https://tools.example.evil.example", "https://eviltools.example", "https://a.tools.example"],
    *["http://tools.example", "https://tools.example:8443", "https://tools.example:443"],
    *["HTTPS://tools.example", "https://Tools.example", "https://tools.exampl", "https://tools"],
    *["https://tools.example, https://tools.example", "http://localhost", "http://localhost:30000"],
    *["http://127.0.0.1:3000", "https://localhost:3000"],
]


@pytest.mark.parametrize("origin", LOOKALIKES + NO_ORIGINS)
@pytest.mark.parametrize("site", ["same-origin", "same-site", "cross-site", "none", None])
def test_an_origin_that_is_not_exactly_listed_is_foreign_and_not_first_party(origin, site):
    meta = {"HTTP_ORIGIN": origin}
    if site is not None:
        meta["HTTP_SEC_FETCH_SITE"] = site
    assert is_first_party(meta, ALLOWED) is False
    assert is_foreign(meta, ALLOWED, OWN) is True
    assert is_foreign(meta, ALLOWED) is True
    assert is_foreign(meta, ALLOWED, "null") is True
    assert is_first_party(meta, frozenset()) is False


@pytest.mark.parametrize("origin", sorted(ALLOWED))
@pytest.mark.parametrize("site", ["same-origin", "same-site", "cross-site", "none", None])
def test_a_listed_origin_is_first_party_and_not_foreign(origin, site):
    meta = {"HTTP_ORIGIN": origin, "HTTP_SEC_FETCH_SITE": site}
    assert is_first_party(meta, ALLOWED) is True
    assert is_foreign(meta, ALLOWED, OWN) is False
    assert is_foreign(meta, ALLOWED) is False


def test_a_null_origin_is_foreign_even_when_it_is_listed():
    meta = {"HTTP_ORIGIN": "null"}
    assert is_first_party(meta, ALLOWED | {"null"}) is False
    assert is_foreign(meta, ALLOWED | {"null"}, OWN) is True


@pytest.mark.parametrize(
    ("own", "foreign"),
    [
        ("https://api.example", False),
        ("https://API.example:443", False),
        ("http://api.example", True),
        ("https://api.example:8443", True),
        ("https://api.example/", True),
        ("", True),
        (None, True),
    ],
)
def test_a_page_of_the_server_itself_is_not_foreign_and_needs_listing_to_be_first_party(
    own, foreign
):
    meta = {"HTTP_ORIGIN": "https://api.example"}
    assert is_foreign(meta, ALLOWED, own) is foreign
    assert is_first_party(meta, ALLOWED) is False


@pytest.mark.parametrize(
    ("meta", "first_party", "foreign"),
    [
        ({}, False, False),
        ({"HTTP_SEC_FETCH_SITE": "same-origin"}, True, False),
        ({"HTTP_SEC_FETCH_SITE": "same-site"}, False, True),
        ({"HTTP_SEC_FETCH_SITE": "cross-site"}, False, True),
        ({"HTTP_SEC_FETCH_SITE": "none"}, False, False),
        ({"HTTP_SEC_FETCH_SITE": "Same-Origin"}, False, False),
        ({"HTTP_SEC_FETCH_SITE": "same-origin, cross-site"}, False, False),
        ({"HTTP_SEC_FETCH_SITE": ""}, False, False),
        ({"HTTP_REFERER": "https://tools.example/"}, False, False),
        ({"HTTP_USER_AGENT": "Mozilla/5.0 (Windows NT 10.0) PowerShell/7.4.6"}, False, False),
        ({"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "navigate"}, False, True),
    ],
)
def test_without_an_origin_only_the_browsers_own_word_counts(meta, first_party, foreign):
    assert is_first_party(meta, ALLOWED) is first_party
    assert is_foreign(meta, ALLOWED, OWN) is foreign


# Buckets


@pytest.mark.parametrize(
    ("address", "bucket"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        (None, "unknown"),
        ("", "unknown"),
        ("junk", "unknown"),
        ("203.0.113.7:80", "unknown"),
        ("fe80::1%eth0", "unknown"),
    ],
)
def test_failures_are_counted_per_ipv4_address_and_per_ipv6_customer(address, bucket):
    assert address_bucket(address) == bucket


def test_ipv4_mapped_into_ipv6_is_told_how_to_be_written():
    with pytest.raises(ValueError, match="mapped") as caught:
        parse_network("::ffff:203.0.113.7")
    assert str(caught.value) == (
        "'::ffff:203.0.113.7' is IPv4 mapped into IPv6; write IPv4: 203.0.113.7."
    )
