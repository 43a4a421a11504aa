"""Requests without a network: Django's own WSGI handler, called as a server calls it."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test.utils import CaptureQueriesContext, override_settings

from benchmarks import databases
from benchmarks.variants import Variant
from benchmarks.views import ALONE

Environ = dict[str, Any]


def handlers() -> dict[str, WSGIHandler]:
    """Return a handler for each set of middleware."""
    made = {}
    for name, middleware in settings.MIDDLEWARES.items():
        with override_settings(MIDDLEWARE=middleware):
            made[name] = WSGIHandler()
    return made


def environ(path: str, headers: Mapping[str, str]) -> Environ:
    """Return what a server hands over for a GET."""
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "HTTP_USER_AGENT": "bench/1",
        "HTTP_ACCEPT": "*/*",
        "wsgi.url_scheme": "https",
        **headers,
    }


def send(handler: WSGIHandler, request: Environ) -> tuple[int, bytes]:
    """Make one request; return status and body."""
    statuses: list[str] = []
    response = handler(
        {**request, "wsgi.input": io.BytesIO()}, lambda status, headers: statuses.append(status)
    )
    body = b"".join(response)
    response.close()
    return int(statuses[0][:3]), body


def seconds(handler: WSGIHandler, requests: Sequence[Environ]) -> float:
    """Make the requests one after the other; return the seconds that the median one took.

    Not their mean: on a machine that others use, a few of them wait for a processor.
    """
    took = []
    for request in requests:
        started = time.perf_counter()
        send(handler, request)
        took.append(time.perf_counter() - started)
    return statistics.median(took)


def queries(handler: WSGIHandler, request: Environ) -> int:
    """Return how many queries one request makes."""
    with CaptureQueriesContext(connections[databases.Router.alias]) as captured:
        send(handler, request)
    return len(captured)


def configure(variant: Variant) -> None:
    """Put the settings in force that a variant asks for, and its view alone into the URLconf."""
    storage = {"LIMITS_STORAGE": settings.REDIS_URL} if variant.needs == "redis" else {}
    settings.APIKEYS = {**BASE, **storage, **variant.options}
    settings.ROOT_URLCONF = ALONE[variant.path]


# HTTPS is asked for, as it is by default; over HTTP the load generator speaks plainly.
BASE = {**settings.APIKEYS, "REQUIRE_HTTPS": True}
