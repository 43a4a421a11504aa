"""The edges of addresses, networks and origins as text: the longest one, each digit, each kind."""

from __future__ import annotations

import ipaddress

import pytest

from apikeys import networks
from apikeys.networks import client_address, contains, normalise_origin, parse_network

# The longest spelling of an address: IPv4 in full IPv6, 45 characters.
LONGEST = "0000:0000:0000:0000:0000:ffff:192.168.100.228"
PROXY = {"REMOTE_ADDR": "10.0.0.1"}
TRUSTED = [ipaddress.ip_network("10.0.0.0/8")]


def behind_a_proxy(hop: str) -> str | None:
    return client_address({**PROXY, "HTTP_X_FORWARDED_FOR": hop}, TRUSTED)


def test_an_address_of_45_characters_is_read_everywhere():
    assert len(LONGEST) == 45
    assert contains(["192.168.100.228/32"], LONGEST)
    assert not contains(["192.168.100.229/32"], LONGEST)
    assert behind_a_proxy(LONGEST) == "192.168.100.228"
    assert client_address({"REMOTE_ADDR": LONGEST}) == "192.168.100.228"


def test_the_longest_network_is_read_and_a_longer_text_is_not():
    longest = "0000:0000:0000:0000:0000:0000:192.168.100.228/128"
    assert parse_network(longest).text == "::c0a8:64e4/128"
    with pytest.raises(ValueError, match=r"\S"):
        parse_network(f"{longest}0")


def test_what_is_longer_than_an_address_enters_no_memory():
    before = networks._unmapped.cache_info(), networks._contains.cache_info()
    for length in (46, 1_000_000):
        assert behind_a_proxy("1" * length) is None
        assert not contains(["192.0.2.0/24"], "1" * length)
    after = networks._unmapped.cache_info(), networks._contains.cache_info()
    # The proxy's own address is the one that was read.
    assert after[0].currsize - before[0].currsize <= 1
    assert after[1] == before[1]


@pytest.mark.parametrize("text", ["10.0.0.0/024", "10.0.0.0/00", "10.0.0.0/08", "::/0128"])
def test_a_prefix_with_a_leading_zero_is_refused(text):
    with pytest.raises(ValueError, match=r"\S"):
        parse_network(text)


@pytest.mark.parametrize(
    ("hop", "address"),
    [
        ("[fe80::1]:80", "fe80::1"),
        ("[FE80::1]:80", "fe80::1"),
        ("[2001:db8::a]:65535", "2001:db8::a"),
        ("[2001:DB8::A]", "2001:db8::a"),
        ("[2001:db8::9]:1", "2001:db8::9"),
        ("192.0.2.1:80", "192.0.2.1"),
        ("192.0.2.9:0", "192.0.2.9"),
        ("192.0.2.1:65536", None),
        ("192.0.2.1:100000", None),
        ("192.0.2.1:", None),
        (":80", None),
        ("[]:80", None),
        ("[]", None),
        ("[192.0.2.1]:80", None),
    ],
)
def test_a_hop_with_a_port_is_the_address_alone(hop, address):
    assert behind_a_proxy(hop) == address


@pytest.mark.parametrize(
    ("origin", "normal"),
    [
        (f"https://{'a' * 63}.example", f"https://{'a' * 63}.example"),
        (f"https://{'a' * 64}.example", None),
        (f"https://{'a' * 63}", f"https://{'a' * 63}"),
        ("https://a", "https://a"),
        ("https://example.org:65535", "https://example.org:65535"),
        ("https://example.org:65536", None),
        ("https://example.org:655350", None),
        ("https://example.org:0", None),
        ("https://example.org:01", None),
        ("https://[2001:db8::f]", "https://[2001:db8::f]"),
        ("https://[]", None),
        ("http://example.org:80", "http://example.org"),
        ("http://example.org:443", "http://example.org:443"),
    ],
)
def test_an_origin_is_read_to_its_edges(origin, normal):
    assert normalise_origin(origin) == normal


def test_the_longest_origin_has_a_host_of_253_characters():
    def of(length: int) -> str:
        host = ".".join(["a" * 63] * 3) + "."
        return f"https://{host}{'b' * (length - len(host))}:65535"

    assert normalise_origin(of(253)) == of(253)
    assert normalise_origin(of(254)) is None


@pytest.mark.parametrize(
    ("values", "kind"), [(None, "null"), (5, "int"), ("10.0.0.0/8", "str"), ({}, "dict")]
)
def test_what_is_no_list_of_networks_is_named_by_its_kind(values, kind):
    with pytest.raises(ValueError, match=f"^Networks must be a list of strings, not {kind}.$"):
        networks.parse_networks(values)
