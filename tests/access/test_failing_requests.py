"""Floods of bad keys, a database that is gone, faults of our own: closed, and never a wrong 401."""

from __future__ import annotations

import itertools

import pytest
from django.db import (
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    connections,
    router,
)
from django.db.backends.base.base import NO_DB_ALIAS

from apikeys import authentication, networks, principals
from apikeys.access import steps
from apikeys.access.outages import is_outage
from apikeys.activity import usage
from apikeys.drf import endpoints
from apikeys.exceptions import unavailable
from apikeys.lookup import query as lookups
from apikeys.models import AccessToken, RefusalCounter
from apikeys.verification import epochs, verify
from apikeys.verification.epochs import EpochUnavailableError
from tests.support.apis import DIALECTS, say

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.support.apis"),
    pytest.mark.usefixtures("limits_in_memory"),
]

UNAVAILABLE = {
    "title": "Service Unavailable",
    "status": 503,
    "error": "service.unavailable",
    "detail": "Try again in a moment.",
    "retry_after": 5,
}
FAULT = {
    "title": "Internal Server Error",
    "status": 500,
    "error": "server.error",
    "detail": "Something went wrong on our side.",
}


@pytest.fixture(params=[False, True], ids=["autocommit", "ATOMIC_REQUESTS"])
def atomic_requests(request, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", request.param)
    return request.param


@pytest.fixture
def three_failures(settings):
    say(settings, LIMITS={"failed_credentials": "3/minute"})


def fail(api, **extra):
    return api.get("/protected", headers={"X-API-Key": "junk"}, **extra)


def test_a_flood_of_bad_keys_gets_429(api, three_failures, time_machine):
    time_machine.move_to("2026-06-01T00:00:00Z", tick=False)
    assert [fail(api).status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    response = fail(api)
    assert response["Retry-After"] == "60"
    assert response["Cache-Control"] == "no-store"
    assert response.json() == {
        "title": "Too Many Requests",
        "status": 429,
        "error": "rate_limit.exceeded",
        "detail": "Too many requests with an invalid API key. Retry after 60 seconds.",
        "retry_after": 60,
    }
    time_machine.shift(60)
    assert fail(api).status_code == 401


def test_a_good_key_from_the_same_address_is_never_limited_by_it(api, issue, three_failures):
    issued = issue()
    for _ in range(10):
        fail(api)
    assert fail(api).status_code == 429
    assert api.get("/protected", headers={"X-API-Key": issued.api_key}).status_code == 200


def test_failures_count_by_address_and_by_64_of_ipv6(api, three_failures):
    for last in range(4):
        fail(api, REMOTE_ADDR=f"2001:db8::{last}")
    assert fail(api, REMOTE_ADDR="2001:db8::99").status_code == 429
    assert fail(api, REMOTE_ADDR="2001:db8:0:1::1").status_code == 401
    assert fail(api, REMOTE_ADDR="192.0.2.1").status_code == 401


def test_a_forged_forwarded_address_buys_no_attempts(api, three_failures):
    for last in range(4):
        fail(api, HTTP_X_FORWARDED_FOR=f"192.0.2.{last}")
    assert fail(api, HTTP_X_FORWARDED_FOR="192.0.2.99").status_code == 429


def test_missing_keys_and_missing_scopes_are_no_failed_credentials(api, issue, three_failures):
    issued = issue(scopes=[])
    for _ in range(5):
        assert api.get("/protected").status_code == 401
        key = {"X-API-Key": issued.api_key}
        assert api.get("/protected", headers=key).status_code == 403
    assert fail(api).status_code == 401


def test_two_credentials_at_once_count_as_failures(api, three_failures):
    both = {"X-API-Key": "a", "Authorization": "Bearer b"}
    answers = [api.get("/protected", headers=both).status_code for _ in range(4)]
    assert answers == [400, 400, 400, 429]


def test_refusals_are_counted_by_their_true_reason(api, issue, atomic_requests, time_machine):
    time_machine.move_to("2026-06-01T12:30:00Z", tick=False)
    issued = issue(scopes=[])
    api.get("/protected")
    fail(api)
    fail(api, REMOTE_ADDR="2001:db8::1")
    api.get("/protected", headers={"X-API-Key": issued.api_key})
    usage.flush()
    rows = RefusalCounter.objects.values_list("reason", "address", "token_id", "count")
    assert set(rows) == {
        ("credential.missing", "127.0.0.1", "", 1),
        ("credential.malformed", "127.0.0.1", "", 1),
        ("credential.malformed", "2001:db8::/64", "", 1),
        ("scope.insufficient", "127.0.0.1", issued.token.token_id, 1),
    }
    assert {r.dialect for r in RefusalCounter.objects.all()} == {"default"}


def test_a_flood_is_one_row_a_minute_and_counts_its_true_reason(api, three_failures, time_machine):
    time_machine.move_to("2026-06-01T12:30:00Z", tick=False)
    for _ in range(10):
        fail(api)
    usage.flush()
    [row] = RefusalCounter.objects.all()
    assert (row.reason, row.count) == ("credential.malformed", 10)


def gone(error):
    def refuse(*args, **kwargs):
        raise error

    return refuse


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")], ids=repr)
def test_a_database_that_is_gone_is_503_and_never_401(
    api, issue, error, monkeypatch, atomic_requests, caplog
):
    issued = issue()
    monkeypatch.setattr(lookups.Lookup, "find", gone(error))
    response = api.key(issued).get("/protected")
    assert response.status_code == 503
    assert response.json() == UNAVAILABLE
    assert response["Content-Type"] == "application/problem+json"
    assert response["Retry-After"] == "5"
    assert "WWW-Authenticate" not in response
    assert "database unavailable" in caplog.text
    assert issued.secret not in caplog.text
    api.credentials()
    assert fail(api).status_code == 401


class ToTheClosedPort:
    """Verification reads where writes go; there, nobody listens.

    That alias is the one that Django's tests let connect.
    """

    def db_for_write(self, model, **hints):
        return NO_DB_ALIAS


def test_a_server_that_refuses_connections_is_503(api, issue, monkeypatch, atomic_requests):
    issued = issue()
    default = connections.settings["default"]
    closed = {
        **default,
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": "1",
        "OPTIONS": {"connect_timeout": 2},
    }
    monkeypatch.setitem(connections.settings, NO_DB_ALIAS, closed)
    monkeypatch.setattr(router, "routers", [ToTheClosedPort()])
    response = api.key(issued).get("/protected")
    del connections[NO_DB_ALIAS]
    assert response.status_code == 503
    assert response.json() == UNAVAILABLE


def test_a_transaction_that_can_not_begin_is_503_in_the_dialects_words(
    api, issue, monkeypatch, settings
):
    say(settings, DIALECTS=DIALECTS)
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    monkeypatch.setattr("django.db.transaction.Atomic.__enter__", gone(OperationalError("refused")))
    response = api.get("/protected", headers={"X-API-Key": "junk"})
    assert response.status_code == 503
    assert response.json() == UNAVAILABLE
    assert response["Content-Type"] == "application/problem+json"
    assert response["Retry-After"] == "5"
    other = api.get("/files")
    assert (other.status_code, other["Retry-After"]) == (503, "5")
    assert other.json() == {"message": "Try again in a moment.", "fields": {}}


def test_the_middleware_leaves_other_views_and_other_errors_to_django(
    api, monkeypatch, rf, settings
):
    assert unavailable(rf.get("/"), ValueError()) is None
    # The project's own answer for its pages.
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Outage" not in name]
    api.handler.load_middleware()
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    monkeypatch.setattr("django.db.transaction.Atomic.__enter__", gone(OperationalError("refused")))
    with pytest.raises(OperationalError):
        api.get("/foreign")


INNER = {
    "address": (networks, "client_address"),
    "declaration": (authentication, "declaration"),
    "lookup": (verify, "find"),
    "secret": (verify, "_is_previous"),
    "dialect": (verify, "_check_dialect"),
    "networks": (verify, "_check_address"),
    "state": (verify, "validity_of"),
    "transport": (verify, "_check_transport"),
    "facts": (steps, "_facts"),
    "principal": (principals, "AccessTokenPrincipal"),
    "parsing": (steps, "_look_up"),
    "compare": (verify.digests, "matches"),
}


@pytest.mark.parametrize("name", INNER)
def test_a_fault_of_our_own_is_a_500_in_json_and_lets_nobody_in(
    api, issue, monkeypatch, name, caplog
):
    issued = issue(allowed_networks=["127.0.0.0/8"])
    monkeypatch.setattr(*INNER[name], gone(RuntimeError("broken inside")))
    api.raise_request_exception = False
    # What stands in the transport is looked at where it is not plain HTTPS.
    response = api.key(issued).get("/protected", secure=name != "transport")
    assert response.status_code == 500
    assert response.json() == FAULT
    assert response["Content-Type"] == "application/problem+json"
    assert "broken inside" in caplog.text
    assert issued.secret not in caplog.text


def test_a_fault_in_counting_failures_is_a_500_too(api, monkeypatch):
    monkeypatch.setattr(steps, "_failure_limit", gone(RuntimeError("broken inside")))
    api.raise_request_exception = False
    assert fail(api).status_code == 500


@pytest.mark.parametrize(
    ("name", "scopes", "status"),
    [("usage.record", ["notes:read"], 200), ("limiting.peek", [], 403)],
)
def test_a_fault_after_the_response_breaks_no_response(
    api, issue, monkeypatch, name, scopes, status, caplog
):
    monkeypatch.setattr(f"apikeys.access.finishing.{name}", gone(RuntimeError("broken inside")))
    assert api.key(issue(scopes=scopes)).get("/protected").status_code == status
    assert "after a request to /protected" in caplog.text


def test_a_made_up_path_writes_one_line_of_log(api, caplog):
    api.get("/failing/a%0a2026-06-01 ERROR forged%1b[31m")
    lines = [r.getMessage() for r in caplog.records if r.name == "apikeys.requests"]
    assert len(lines) == 1
    assert r"path=/failing/a\n2026-06-01 ERROR forged\x1b[31m" in lines[0]
    assert len(lines[0].splitlines()) == 1


def test_what_strangers_send_does_not_grow_the_memory_of_verdicts(api, issue):
    api.key(issue())
    api.get("/protected")
    before = len(endpoints._declared)
    for number, method in itertools.product(range(20), ("PURGE", "X")):
        assert api.generic(f"{method}{number}", "/protected", secure=True).status_code == 405
    assert len(endpoints._declared) == before


@pytest.mark.postgres
@pytest.mark.urls("project.urls")
def test_a_database_that_takes_no_writes_lets_keys_read_and_is_503_to_a_change(api, issue):
    key = api.key(issue(scopes=["notes:read", "notes:write"]))
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    assert key.get("/api/demo/notes").status_code == 200
    answer = key.post("/api/demo/notes", {"text": "late"}, format="json")
    assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
    assert answer["Retry-After"] == "5"


@pytest.mark.urls("project.urls")
def test_a_change_that_no_process_can_hear_of_is_503_and_not_made(api, issue, monkeypatch):
    key = api.key(issue())

    class Gone:
        def read(self):
            raise EpochUnavailableError("gone")

        bump = begin = read

    monkeypatch.setattr(epochs, "current", Gone)
    assert key.delete("/access/v1/token").json() == UNAVAILABLE
    assert AccessToken.objects.get().revoked_at is None
    assert key.get("/access/v1/token").status_code == 200


def test_another_internal_error_of_the_database_is_a_fault_of_ours():
    assert not is_outage(InternalError("tuple concurrently updated"))
