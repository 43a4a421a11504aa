"""Changes that widen and changes that narrow, for the tests of pages, API and services."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, get_resolver

HOME = "203.0.113.0/24"
OFFICE = "198.51.100.0/24"
DESK = "203.0.113.7/32"

NETWORKS = [
    ([], [], False),
    ([], [HOME], False),
    ([HOME], [HOME], False),
    ([HOME, OFFICE], [HOME], False),
    ([HOME, OFFICE], [OFFICE, HOME], False),
    ([HOME], [DESK], False),
    ([HOME], [], True),
    ([HOME], [HOME, OFFICE], True),
    ([HOME], [OFFICE], True),
    ([HOME], ["203.0.0.0/16"], True),
    ([HOME], [DESK, "2001:db8::/32"], True),
    (["2001:db8::/32"], ["2001:db8:1::/48"], False),
    (["2001:db8:1::/48"], ["2001:db8::/32"], True),
]
LIFETIMES = [
    (None, None, False),
    (None, 90, False),
    (90, 90, False),
    (90, 30, False),
    (90, 91, True),
    (90, None, True),
]
RATES = [
    ({}, {}, False),
    ({"read-token": "60/minute"}, {"read-token": "60/minute"}, False),
    ({"read-token": "60/minute"}, {"read-token": "59/minute"}, False),
    ({"read-token": "60/minute"}, {"read-token": "1/second"}, False),
    ({"read-token": "1000/hour"}, {"read-token": "10/minute"}, False),
    ({"read-token": "60/minute"}, {"read-token": "60/hour"}, False),
    ({"read-token": "60/minute"}, {"read-token": "61/minute"}, True),
    ({"read-token": "1/second"}, {"read-token": "60/minute"}, True),
    ({"read-token": "60/hour"}, {"read-token": "60/minute"}, True),
    ({"read-token": "60/minute"}, {"read-token": "2/second"}, True),
    # The usual rate is the view's own: nobody here can tell whether this one is lower.
    ({"read-token": "60/minute"}, {}, True),
    ({}, {"read-token": "1/minute"}, True),
    ({"a": "9/minute", "b": "9/minute"}, {"a": "1/minute", "b": "10/minute"}, True),
    ({"a": "9/minute", "b": "9/minute"}, {"a": "1/minute", "b": "9/minute"}, False),
    # One that was written past the services can't be compared.
    ({"a": "often"}, {"a": "1/minute"}, True),
]


def patterns(namespace: str) -> list[URLPattern]:
    """Return every address of an app."""
    return _patterns(get_resolver().namespace_dict[namespace][1])


def _patterns(resolver: URLResolver) -> list[URLPattern]:
    found: list[URLPattern] = []
    for each in resolver.url_patterns:
        found += _patterns(each) if isinstance(each, URLResolver) else [each]
    return found
