"""Where a request comes from: allowed networks, the client's address behind proxies, its origin.

Values in, values out, but for ``address_of``. Must not know models: ``meta`` is the mapping of
a request's environment (``REMOTE_ADDR``, ``HTTP_…``), the configured lists are arguments.

What is unknown is ``None`` and matches nothing, so a list refuses it. Only ``REMOTE_ADDR`` and,
from a trusted proxy, ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed; ``Forwarded``
(RFC 7239) and ``X-Real-IP`` never are. An IPv4-mapped IPv6 address is its IPv4 address (RFC 4291,
section 2.5.5.2); 6to4, NAT64 and IPv4-compatible ones are IPv6 like any other. The peer of a Unix
socket has no address: it is trusted as ``conf.UNIX`` or not at all.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apikeys import conf
from apikeys.conf import UNIX, TrustedProxy

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAXIMUM_HOPS = 20
"""How many entries of `X-Forwarded-For` are read, counted from the right."""

UNKNOWN_BUCKET = "unknown"

_LONGEST_ADDRESS = 45
_LONGEST_NETWORK = _LONGEST_ADDRESS + len("/128")
_LONGEST_ORIGIN = len("https://") + 253 + len(":65535")
_HIGHEST_PORT = 65535
_PREFIX = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
_WITH_PORT = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\]|(?P<v4>[0-9.]+))(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII,
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_ORIGIN = re.compile(
    rf"(?P<scheme>https?)://(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<host>{_LABEL}(?:\.{_LABEL})*))"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?",
    re.ASCII,
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
# What stands for the peer of a Unix socket: gunicorn, granian and cheroot say "", waitress
# "localhost", uWSGI "0.0.0.0"; uvicorn, hypercorn and daphne nothing, and then Django writes their
# missing port as "None" or "0".
_UNIX_PEERS = frozenset({"", "localhost", "0.0.0.0"})  # noqa: S104  # nosec B104
_NO_PORT = frozenset({"None", "0"})
# What nginx itself writes for such a peer (``$remote_addr``).
_NGINX_UNIX = "unix:"


@dataclass(frozen=True, slots=True)
class ParsedNetwork:
    """An address range a person wrote, its canonical text, and whether host bits were cleared."""

    network: Network
    text: str
    normalised: bool


def parse_network(text: object) -> ParsedNetwork:
    """Read one address or CIDR range, IPv4 or IPv6, as a person or a JSON body gives it.

    Strict: ASCII text, the prefix as a plain number of bits, no host mask, no zone id, no
    IPv4-mapped IPv6, no leading zeros, no ``/0``. A single address becomes ``/32`` or ``/128``;
    host bits are cleared (``10.0.0.1/8`` is ``10.0.0.0/8``). Raises ValueError that says what to
    write.
    """
    if not isinstance(text, str):
        kind = "null" if text is None else type(text).__name__
        raise ValueError(
            _("A network must be a string such as 203.0.113.0/24, not %(kind)s.") % {"kind": kind}
        )
    shown = ascii(text[:_LONGEST_NETWORK])
    written, slash, prefix = text.partition("/")
    address = _read_ip(written)
    if address is None:
        raise ValueError(
            _(
                "%(text)s is not an IP address or range; write it like 203.0.113.7, 203.0.113.0/24 "
                "or 2001:db8::/32, without spaces, leading zeros or a zone id."
            )
            % {"text": shown}
        )
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        raise ValueError(
            _("%(text)s is IPv4 mapped into IPv6; write IPv4: %(address)s.")
            % {"text": shown, "address": address.ipv4_mapped}
        )
    bits = address.max_prefixlen
    if slash and (not _PREFIX.fullmatch(prefix) or int(prefix) > bits):
        raise ValueError(
            _("%(text)s: write the prefix as a number of bits from 1 to %(bits)d.")
            % {"text": shown, "bits": bits}
        )
    if prefix == "0":
        raise ValueError(
            _("%(text)s allows every address; leave the list empty for no restriction.")
            % {"text": shown}
        )
    network = ipaddress.ip_network(f"{address}/{prefix or bits}", strict=False)
    return ParsedNetwork(network, str(network), normalised=network.network_address != address)


def parse_networks(values: Iterable[object], *, maximum: int = 100) -> tuple[str, ...]:
    """The canonical texts of a list of networks, in its order, each once.

    ``maximum`` counts the entries as given. Raises ValueError on a string, None or mapping in place
    of the list, on too many entries, and whatever ``parse_network`` raises on the first bad one.
    """
    texts: dict[str, None] = {}
    for number, value in enumerate(_list_of(values), start=1):
        if number > maximum:
            raise ValueError(_too_many(maximum))
        texts[parse_network(value).text] = None
    return tuple(texts)


def contains(networks: Sequence[str], address: str | None) -> bool:
    """Whether one of ``networks`` (canonical texts) contains ``address``.

    False for an unknown or unreadable address, and for an empty list: that an empty list means no
    restriction is the caller's rule. A stored text that is no network contains nothing.
    """
    # The length is checked before the cache, which must not keep whatever a header says.
    if not isinstance(address, str) or len(address) > _LONGEST_ADDRESS:
        return False
    return _contains(tuple(networks), address)


def is_within(child: Sequence[str], parent: Sequence[str]) -> bool:
    """Whether a token with the list ``child`` may be used from nowhere that ``parent`` may not.

    Each network of the child must lie inside one of the parent's. An empty list is no restriction:
    within an empty parent everything is, and an empty child is within nothing else. Raises
    ValueError on a text that is no network.
    """
    inner = [parse_network(text).network for text in _list_of(child)]
    outer = [parse_network(text).network for text in _list_of(parent)]
    if not outer:
        return True
    return bool(inner) and all(any(_inside(one, other) for other in outer) for one in inner)


def client_address(
    meta: Mapping[str, object], trusted_proxies: Sequence[TrustedProxy] = ()
) -> str | None:
    """The client's address in canonical text, or None where it can't be known.

    ``REMOTE_ADDR``, unless that hop is a trusted proxy: then ``X-Forwarded-For`` is walked from the
    right to the first hop that is not one. What stands further left was written by strangers and is
    never looked at, so no stuffing of the header changes the answer. None: junk, an empty entry, a
    Unix socket that is not trusted, more than ``MAXIMUM_HOPS`` proxies, or no untrusted hop at
    all, where a trusted machine names nobody but machines that could be writing it themselves.
    """
    remote = meta.get("REMOTE_ADDR")
    if not trusted_proxies:
        return _canonical(remote) if isinstance(remote, str) else None
    if not is_proxy(meta, trusted_proxies):
        return _canonical(remote) if isinstance(remote, str) else None
    forwarded = meta.get("HTTP_X_FORWARDED_FOR")
    if not isinstance(forwarded, str):
        return None
    for entry in reversed(forwarded.rsplit(",", MAXIMUM_HOPS)[-MAXIMUM_HOPS:]):
        text = entry.strip(" \t")
        hop = _hop(text)
        if hop is None:
            if text == _NGINX_UNIX and UNIX in trusted_proxies:
                continue
            return None
        if not _in_any(hop, trusted_proxies):
            return str(hop)
    return None


def is_proxy(meta: Mapping[str, object], trusted_proxies: Sequence[TrustedProxy]) -> bool:
    """Whether the peer of this connection is one of the trusted proxies."""
    if is_unix(meta):
        return UNIX in trusted_proxies
    peer = _hop(meta.get("REMOTE_ADDR"))
    return peer is not None and _in_any(peer, trusted_proxies)


def is_unix(meta: Mapping[str, object]) -> bool:
    """Whether the request came through a Unix socket, by what servers put in the place of its peer.

    None of these is the address of a TCP connection. A server of ASGI that names no peer must not
    name a port of its own either: one may fail to learn the peer of a TCP connection that is gone.
    """
    remote = meta.get("REMOTE_ADDR")
    if remote is None:
        return meta.get("SERVER_PORT") in _NO_PORT
    return remote in _UNIX_PEERS


def address_of(request: Any) -> str | None:
    """The address of whoever sent a Django or DRF request, by the setting ``TRUSTED_PROXIES``; None
    where it can't be known."""
    return client_address(request.META, conf.get().trusted_proxies)


def is_secure(
    meta: Mapping[str, object], scheme: str, trusted_proxies: Sequence[TrustedProxy] = ()
) -> bool:
    """Whether the client's connection is encrypted.

    ``scheme`` is the server's own word (``wsgi.url_scheme``), and must not itself derive from a
    header that anybody may send. Where it isn't "https", ``X-Forwarded-Proto`` counts if
    the peer is a trusted proxy: its rightmost value, the one that this proxy wrote or let
    stand, which must be exactly "https". The proxy must set the header itself; a value to the left
    never counts.
    """
    if scheme == "https":
        return True
    if not trusted_proxies or not is_proxy(meta, trusted_proxies):
        return False
    forwarded = meta.get("HTTP_X_FORWARDED_PROTO")
    return isinstance(forwarded, str) and forwarded.rpartition(",")[2].strip(" \t") == "https"


def normalise_origin(text: object) -> str | None:
    """A web origin (RFC 6454) in the one spelling a browser sends, or None if it is no such thing.

    ``http`` or ``https``, host, optional port: lower case, the default port dropped, IPv6
    compressed. None for a path or a trailing slash, user information, a trailing dot, a name that
    isn't ASCII (write its ``xn--`` form), ``null``, several values and everything else. For
    settings and the server's own origin; a header's value is compared as it came.
    """
    if not isinstance(text, str) or len(text) > _LONGEST_ORIGIN or not text.isascii():
        return None
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        return None
    scheme, host, port = match["scheme"], match["host"], match["port"]
    if match["v6"] is not None:
        address = _read_ip(match["v6"])
        if not isinstance(address, ipaddress.IPv6Address):
            return None
        host = f"[{address.compressed}]"
    if port is None or port == _DEFAULT_PORTS[scheme]:
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}" if int(port) <= _HIGHEST_PORT else None


def is_first_party(meta: Mapping[str, object], allowed: frozenset[str]) -> bool:
    """Whether the request says that a page of our own made it.

    An ``Origin`` that is exactly one of ``allowed`` (normalised), or no ``Origin`` and
    `Sec-Fetch-Site: same-origin`, as browsers send on a GET by a page of this very host. Any
    program can send both: this proves nothing and opens at most what is open to everyone.
    """
    if "HTTP_ORIGIN" in meta:
        return _is_listed(meta["HTTP_ORIGIN"], allowed)
    return meta.get("HTTP_SEC_FETCH_SITE") == "same-origin"


def is_foreign(
    meta: Mapping[str, object], allowed: frozenset[str], own_origin: str | None = None
) -> bool:
    """Whether a browser made the request for a page that is not ours.

    With an ``Origin``: it is neither in ``allowed`` nor the server's own (``null``, junk and
    several values are neither), whatever ``Sec-Fetch-Site`` says. Without one: ``Sec-Fetch-Site``
    is
    ``cross-site`` or ``same-site``, as in a page's script or image request without CORS; it can't
    add a header, but a browser may add remembered Basic credentials by itself. A sibling domain is
    not ours unless listed, and a listed one sends its ``Origin`` with every request that carries a
    key. Without both headers it is no browser, ``none`` is a person's own doing: not foreign. A
    navigation needs no rule of its own: it can't carry a key header, and with remembered
    credentials it is judged like the rest.

    ``own_origin`` is scheme and host of the request; the host must have been validated before.
    """
    if "HTTP_ORIGIN" in meta:
        origin = meta["HTTP_ORIGIN"]
        own = normalise_origin(own_origin)
        return not (_is_listed(origin, allowed) or (own is not None and origin == own))
    return meta.get("HTTP_SEC_FETCH_SITE") in ("cross-site", "same-site")


@lru_cache(maxsize=4096)
def address_bucket(address: str | None) -> str:
    """What failures are counted under: an IPv4 address, the /64 of an IPv6 one, or "unknown".

    A /64 because that is what one customer is given: counted singly, addresses would never run out.
    """
    client = _address(address)
    if client is None:
        return UNKNOWN_BUCKET
    if isinstance(client, ipaddress.IPv4Address):
        return str(client)
    return str(ipaddress.ip_network((client, 64), strict=False))


def _is_listed(origin: object, allowed: frozenset[str]) -> bool:
    # "null" is what every sandboxed page sends, so a list that holds it by mistake must not help.
    return origin != "null" and origin in allowed


def _too_many(maximum: int) -> str:
    sentence = ngettext(
        "At most %(most)d networks fit in one list; join some into ranges.",
        "At most %(most)d networks fit in one list; join some into ranges.",
        maximum,
    )
    return sentence % {"most": maximum}


def _list_of(values: object) -> Iterable[object]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        kind = "null" if values is None else type(values).__name__
        raise ValueError(_("Networks must be a list of strings, not %(kind)s.") % {"kind": kind})
    return values


def _inside(child: Network, parent: Network) -> bool:
    return child.prefixlen >= parent.prefixlen and child.network_address in parent


def _in_any(address: Address, networks: Sequence[TrustedProxy]) -> bool:
    return any(address in network for network in networks)


@lru_cache(maxsize=4096)
def _contains(texts: tuple[str, ...], address: str) -> bool:
    client = _address(address)
    return client is not None and _in_any(client, _stored_networks(texts))


@lru_cache(maxsize=1024)
def _stored_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    networks = []
    for text in texts:
        try:
            networks.append(parse_network(text).network)
        except ValueError:
            continue
    return tuple(networks)


@lru_cache(maxsize=4096)
def _canonical(peer: str) -> str | None:
    # The server's own word, so it is short.
    address = None if peer in _UNIX_PEERS else _hop(peer)
    return None if address is None else str(address)


def _hop(text: object) -> Address | None:
    """The address of one hop, its port (``192.0.2.1:80``, ``[2001:db8::1]:80``) left off."""
    address = _address(text)
    if address is not None or not isinstance(text, str):
        return address
    match = _WITH_PORT.fullmatch(text)
    if match is None or int(match["port"] or 0) > _HIGHEST_PORT:
        return None
    return _address(match["v6"] or match["v4"])


def _address(text: object) -> Address | None:
    # The length is checked before the cache, which must not keep a header of a megabyte.
    if not isinstance(text, str) or len(text) > _LONGEST_ADDRESS:
        return None
    return _unmapped(text)


@lru_cache(maxsize=4096)
def _unmapped(text: str) -> Address | None:
    address = _read_ip(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _read_ip(text: str) -> Address | None:
    if "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
