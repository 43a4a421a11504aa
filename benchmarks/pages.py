"""The pages of a long list: their time, and the plans of their queries. Run as a module."""

from __future__ import annotations

import os
import random
import statistics
import time
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections
from django.test.utils import CaptureQueriesContext

from benchmarks import calls, databases, plans
from benchmarks.progress import result, say

PAGES = {
    "tokens": "/dashboard/{organization}/tokens",
    "audit": "/dashboard/{organization}/audit",
    "usage": "/dashboard/{organization}/usage",
}
# Of the others, only the plans are looked at.
TIMED = ("tokens",)
NUMBER = 3


def main(rounds: int) -> None:
    """Measure on the last of the sizes."""
    import sys

    databases.prepare(settings.SIZES[-1])
    connection = connections[databases.Router.alias]
    handler = calls.handlers()["pages"]
    cookie = _log_in()
    times: dict[str, list[float]] = {}
    for done in range(rounds):
        say(f"pages, {connection.vendor}", done / rounds)
        for page, organization in random.sample(_ALL, len(_ALL)):
            request = _request(page, organization, cookie)
            status, body = calls.send(handler, request)
            if status != 200:
                sys.exit(f"{request['PATH_INFO']} answers {status}: {body[:300]!r}")
            started = time.perf_counter()
            for _ in range(NUMBER):
                calls.send(handler, request)
            took = (time.perf_counter() - started) / NUMBER * 1e3
            times.setdefault(f"{page}|{organization}", []).append(took)
    result(
        {
            "vendor": connection.vendor,
            "size": settings.SIZES[-1],
            "milliseconds": {name: round(statistics.median(t), 2) for name, t in times.items()},
            "ratios": {
                page: round(
                    statistics.median(
                        big / small
                        for big, small in zip(
                            times[f"{page}|big"], times[f"{page}|small"], strict=True
                        )
                    ),
                    3,
                )
                for page in TIMED
            },
            "scans": {
                # Nearly all tokens are the big organization's: there a sum has to read them all.
                page: _scans(
                    page, "small" if page == "usage" else "big", handler, cookie, connection
                )
                for page in PAGES
            },
        }
    )


_ALL = [(page, organization) for page in TIMED for organization in ("big", "small")]


def _log_in() -> str:
    user = get_user_model().objects.get(username="user0")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def _request(page: str, organization: str, cookie: str) -> calls.Environ:
    return calls.environ(PAGES[page].format(organization=organization), {"HTTP_COOKIE": cookie})


def _scans(page: str, organization: str, handler: Any, cookie: str, connection: Any) -> list[str]:
    """Return the queries of a page that read a long table from end to end."""
    with CaptureQueriesContext(connection) as captured:
        calls.send(handler, _request(page, organization, cookie))
    return plans.scans(connection, [query["sql"] for query in captured])


if __name__ == "__main__":
    import sys

    main(int(sys.argv[1]))
