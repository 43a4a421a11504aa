"""The peer of a Unix socket, which has no address: trusted by its own word, or not at all."""

from __future__ import annotations

import ipaddress

import pytest

from apikeys.conf import UNIX
from apikeys.networks import client_address, is_proxy, is_secure, is_unix

NETWORK = ipaddress.ip_network("10.0.0.0/8")

# What gunicorn, granian and cheroot say; waitress; uWSGI; uvicorn; hypercorn and daphne.
PEERS = [
    {"REMOTE_ADDR": "", "SERVER_PORT": "443"},
    {"REMOTE_ADDR": "localhost", "SERVER_PORT": "/run/a.sock"},
    {"REMOTE_ADDR": "0.0.0.0", "SERVER_PORT": "80"},
    {"SERVER_PORT": "None"},
    {"SERVER_PORT": "0"},
]
# A TCP connection whose peer has gone before uvicorn asked for it; a network; junk.
OTHERS = [
    {"SERVER_PORT": "8000"},
    {},
    {"REMOTE_ADDR": "127.0.0.1", "SERVER_PORT": "None"},
    {"REMOTE_ADDR": "::1", "SERVER_PORT": "0"},
    {"REMOTE_ADDR": "unix:", "SERVER_PORT": "0"},
    {"REMOTE_ADDR": "::", "SERVER_PORT": "0"},
    {"REMOTE_ADDR": " ", "SERVER_PORT": "0"},
    {"REMOTE_ADDR": b"", "SERVER_PORT": "0"},
]
SAID = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 198.51.100.7", "HTTP_X_FORWARDED_PROTO": "https"}

peers = pytest.mark.parametrize("peer", PEERS)


@peers
@pytest.mark.parametrize("trusted", [(UNIX,), (NETWORK, UNIX)])
def test_a_trusted_socket_says_who_and_how(peer, trusted):
    assert is_unix(peer)
    assert is_proxy(peer, trusted)
    assert client_address({**peer, **SAID}, trusted) == "198.51.100.7"
    assert is_secure({**peer, **SAID}, "http", trusted)


@peers
@pytest.mark.parametrize("trusted", [(), (NETWORK,)])
def test_a_socket_that_is_not_trusted_says_nothing(peer, trusted):
    assert client_address({**peer, **SAID}, trusted) is None
    assert not is_secure({**peer, **SAID}, "http", trusted)


@pytest.mark.parametrize("peer", OTHERS)
def test_nothing_else_is_a_unix_socket(peer):
    assert not is_unix(peer)
    assert not is_proxy(peer, (UNIX,))
    assert client_address({**peer, **SAID}, (UNIX,)) != "198.51.100.7"
    assert not is_secure({**peer, **SAID}, "http", (UNIX,))


@peers
@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("198.51.100.7, unix:", "198.51.100.7"),
        ("198.51.100.7, 10.0.0.9, unix:", "198.51.100.7"),
        ("6.6.6.6, unix:, 198.51.100.7", "198.51.100.7"),
        ("198.51.100.7, unix", None),
        ("198.51.100.7, ", None),
        ("198.51.100.7, localhost", None),
        ("198.51.100.7, 0.0.0.0", "0.0.0.0"),
        ("unix:", None),
        ("", None),
        (None, None),
    ],
)
def test_a_chain_through_sockets_is_followed(peer, forwarded, expected):
    meta = {**peer, "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(meta, (NETWORK, UNIX)) == expected


def test_a_socket_in_the_chain_needs_the_word_too():
    meta = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "198.51.100.7, unix:"}
    assert client_address(meta, (NETWORK,)) is None
    assert client_address(meta, (NETWORK, UNIX)) == "198.51.100.7"


@pytest.mark.parametrize("scheme", ["http", "ws"])
@pytest.mark.parametrize("said", ["http", "HTTPS", "https, http", ""])
def test_a_trusted_socket_says_https_in_one_way(said, scheme):
    assert not is_secure({**PEERS[0], "HTTP_X_FORWARDED_PROTO": said}, scheme, (UNIX,))
