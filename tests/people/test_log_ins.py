"""Log-ins, log-outs, passwords: a line in the log, an event in each organization of theirs."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import SESSION_KEY, authenticate, get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apikeys import log_ins, reauthentication
from apikeys.activity import usage
from apikeys.models import AccessToken, AuditEvent, RefusalCounter
from apikeys.services import audit
from apikeys.services.members import add_member

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"
NEW = "an entirely new pass phrase"
LOG_IN = "/accounts/login/"
HOME = "203.0.113.9"


class Proxy(get_user_model()):  # type: ignore[misc]
    """The user model under another name, as admins of hosts have it."""

    class Meta:
        proxy = True
        app_label = "tests"


@pytest.fixture
def lines(caplog: Any) -> Any:
    """Return what the log of log-ins says."""
    caplog.set_level(logging.INFO, "apikeys.log_in")
    return lambda: [r.getMessage() for r in caplog.records if r.name == "apikeys.log_in"]


def events(organization: Any) -> list[tuple[str, str, str, str | None, dict[str, Any]]]:
    usage.flush()
    found = AuditEvent.objects.filter(organization_id=organization.pk)
    return [
        (e.action, e.actor_label, e.target_label, e.address, e.details)
        for e in found.filter(action__startswith="member.").order_by("pk")
        if e.action not in ("member.added",)
    ]


def log_in(client: Any, name: str, password: str) -> Any:
    body = {"username": name, "password": password}
    return client.post(LOG_IN, body, REMOTE_ADDR=HOME)


@pytest.mark.project
def test_a_log_in_and_a_log_out_are_lines_and_events_of_each_organization_of_the_person(
    client: Any, bob: Any, acme: Any, globex: Any, charlie: Any, actor: Any, lines: Any
) -> None:
    add_member(actor=actor, organization=globex, user=bob)
    assert log_in(client, "BOB@example.org", PASSWORD).status_code == 302
    client.post("/accounts/logout/", REMOTE_ADDR=HOME)
    name = "bob@example.org"
    told = [
        ("member.logged_in", name, name, HOME, {}),
        ("member.logged_out", name, name, HOME, {}),
    ]
    assert events(acme) == events(globex) == told
    assert lines() == [
        f"logged in address={HOME} user={name}",
        f"logged out address={HOME} user={name}",
    ]
    stored = AuditEvent.objects.filter(organization_id=globex.pk, action="member.logged_in").get()
    assert "acme" not in str(vars(stored)).lower(), "no organization hears of another"


@pytest.mark.project
def test_nobody_hears_of_who_is_in_no_organization_of_theirs(
    client: Any, alice: Any, acme: Any, globex: Any, charlie: Any
) -> None:
    log_in(client, "charlie@example.org", PASSWORD)
    assert events(acme) == []
    assert [event[0] for event in events(globex)] == ["member.logged_in"]


@pytest.mark.project
def test_a_wrong_password_is_a_line_a_count_and_an_event(
    client: Any, bob: Any, acme: Any, lines: Any
) -> None:
    log_in(client, "bob@example.org", "wrong 31337")
    assert events(acme) == [
        ("member.log_in_failed", "somebody", "bob@example.org", HOME, {"where": "log-in"})
    ]
    [line] = lines()
    digest = log_ins._short("bob@example.org")
    assert line == (f"log-in failed at=log-in address={HOME} account={digest} user=bob@example.org")
    counted = RefusalCounter.objects.get()
    assert (counted.reason, counted.address, counted.count) == ("log_in.failed", HOME, 1)


@pytest.mark.project
@pytest.mark.parametrize("typed", ["nobody@example.org", "my secret 31337", "a\nFAKE line\x1b[0m"])
def test_a_name_that_nobody_has_is_a_line_that_does_not_repeat_it(
    typed: str, client: Any, bob: Any, acme: Any, lines: Any
) -> None:
    log_in(client, typed, "wrong")
    assert events(acme) == []
    [line] = lines()
    assert line.endswith(" user=-")
    assert line.isprintable()
    assert typed not in line
    assert "FAKE" not in line
    assert RefusalCounter.objects.get().count == 1


@pytest.mark.project
def test_an_attempt_that_was_not_looked_at_is_a_line_and_no_event(
    client: Any, bob: Any, acme: Any, lines: Any, settings: Any
) -> None:
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in": "1/minute"}}
    log_in(client, "bob@example.org", "wrong")
    assert log_in(client, "bob@example.org", PASSWORD).status_code == 429
    assert [event[0] for event in events(acme)] == ["member.log_in_failed"]
    slowed = lines()[1]
    assert slowed.startswith("log-in slowed wait=")
    assert "bob" not in slowed
    reasons = RefusalCounter.objects.order_by("reason").values_list("reason", "count")
    assert list(reasons) == [("log_in.failed", 1), ("log_in.slowed", 1)]


@pytest.mark.project
def test_a_failed_log_in_asks_the_same_of_the_database_whether_the_account_exists(
    client: Any, bob: Any, acme: Any
) -> None:
    asked = []
    for name in ("bob@example.org", "nobody@example.org"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            log_in(client, name, "wrong")
        asked.append([q["sql"].split("WHERE")[0] for q in queries])
    assert asked[0] == asked[1]
    assert not any("audit" in sql for sql in asked[0]), "the event is written after the answer"


@pytest.mark.project
def test_events_that_can_not_be_written_wait_for_the_next_time(
    client: Any, bob: Any, acme: Any, monkeypatch: Any, lines: Any
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        at = timezone.now()
        log_in(client, "bob@example.org", "wrong")
        with monkeypatch.context() as patch:

            def fail(*args: Any, **kwargs: Any) -> None:
                raise DatabaseError("gone")

            patch.setattr("apikeys.services.audit.record_in_each", fail)
            usage.flush()
        clock.shift(timedelta(minutes=5))
        assert [event[0] for event in events(acme)] == ["member.log_in_failed"]
    assert AuditEvent.objects.get(action="member.log_in_failed").created_at == at
    assert lines()[-1] == "events not written, kept for the next time: DatabaseError"


@pytest.mark.project
@pytest.mark.parametrize(
    "error", [DatabaseError, InterfaceError, InternalError, OperationalError, ProgrammingError]
)
def test_a_log_in_whose_event_can_not_be_written_is_a_503_and_logs_nobody_in(
    client: Any, api: Any, bob: Any, acme: Any, monkeypatch: Any, error: type[Exception]
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error("disk")

    bob.is_staff = True
    bob.save()
    name = "bob@example.org"
    given = {"username": name, "password": PASSWORD, "name": "x", "scope": "global"}
    doors = [
        lambda: log_in(client, name, PASSWORD),
        lambda: client.post("/admin/login/", {"username": name, "password": PASSWORD}),
        lambda: api.post(
            "/api/v1/auth/login", {"email": name, "password": PASSWORD}, format="json"
        ),
        lambda: api.post("/tokens", given, format="multipart"),
    ]
    with monkeypatch.context() as patch:
        patch.setattr("apikeys.services.audit.record_in_each", fail)
        for door in doors:
            answer = door()
            assert answer.status_code == 503
            assert int(answer["Retry-After"]) > 0
            assert "disk" not in answer.content.decode()
        assert SESSION_KEY not in client.session
    assert AccessToken.objects.count() == 0
    assert log_in(client, name, PASSWORD).status_code == 302


@pytest.mark.project
def test_a_password_whose_event_can_not_be_written_stays_as_it_was(
    client: Any, alice: Any, monkeypatch: Any
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("disk")

    client.force_login(alice)
    body = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    with monkeypatch.context() as patch:
        patch.setattr("apikeys.services.audit.record_in_each", fail)
        assert client.post("/accounts/password/", body).status_code == 503
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_no_more_failures_are_kept_than_fit(client: Any, bob: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(log_ins, "LARGEST_QUEUE", 3)
    for _ in range(9):
        authenticate(None, username=bob.get_username(), password="wrong")
    assert len(log_ins._failures) == 3


@pytest.mark.project
def test_a_jwt_and_a_password_for_a_token_are_log_ins(
    api: Any, bob: Any, acme: Any, actor: Any, lines: Any
) -> None:
    body = {"email": "bob@example.org", "password": "wrong"}
    api.post("/api/v1/auth/login", body, format="json")
    api.post("/api/v1/auth/login", {**body, "password": PASSWORD}, format="json")
    given = {"username": "bob@example.org", "password": "wrong", "name": "x", "scope": "global"}
    api.post("/tokens", given, format="multipart")
    api.post("/tokens", {**given, "password": PASSWORD}, format="multipart")
    told = ["member.log_in_failed", "member.logged_in"]
    assert sorted(event[0] for event in events(acme)) == sorted([*told, *told])
    assert [line.split(" address")[0] for line in lines()] == [
        "log-in failed at=log-in",
        "logged in",
    ] * 2


def test_the_password_asked_again_is_a_line_and_a_wrong_one_an_event_too(
    client: Any, alice: Any, acme: Any, lines: Any
) -> None:
    client.force_login(alice)
    session = client.session
    session[reauthentication.SESSION_KEY] = 1.0
    session.save()
    client.post("/dashboard/confirm", {"password": "wrong"}, REMOTE_ADDR=HOME)
    client.post("/dashboard/confirm", {"password": PASSWORD}, REMOTE_ADDR=HOME)
    name = alice.get_username()
    assert events(acme)[1:] == [
        ("member.log_in_failed", name, name, HOME, {"where": "confirmation"})
    ]
    assert [line.split(" account")[0] for line in lines()[1:]] == [
        f"log-in failed at=confirmation address={HOME}",
        f"password confirmed address={HOME} user={name}",
    ]


@pytest.mark.project
def test_a_changed_password_is_a_line_and_an_event_of_who_changed_it(
    client: Any, alice: Any, acme: Any, lines: Any
) -> None:
    client.force_login(alice)
    body = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert client.post("/accounts/password/", body, REMOTE_ADDR=HOME).status_code == 302
    changed = ("member.password_changed", "alice@example.org", "alice@example.org", HOME, {})
    assert changed in events(acme)
    assert f"password changed address={HOME} user=alice@example.org" in lines()
    assert NEW not in " ".join(lines())


@pytest.mark.parametrize("how", ["set_password", "assigned", "fields", "proxy"])
def test_a_password_changed_by_any_code_that_saves_the_user_is_told(
    how: str, alice: Any, acme: Any, lines: Any
) -> None:
    if how == "proxy":
        alice = Proxy.objects.get(pk=alice.pk)
    if how == "assigned":
        alice.password = make_password(NEW)
    else:
        alice.set_password(NEW)
    alice.save(update_fields=["password"] if how == "fields" else None)
    name = alice.get_username()
    assert events(acme) == [("member.password_changed", "password change", name, None, {})]
    assert lines() == [f"password changed address=- user={name}"]
    alice.save()
    alice.last_login = timezone.now()
    alice.save(update_fields=["last_login"])
    assert len(lines()) == 1


def test_a_hash_that_is_renewed_at_log_in_is_no_changed_password(
    alice: Any, acme: Any, lines: Any, settings: Any
) -> None:
    hashers = ("MD5PasswordHasher", "PBKDF2PasswordHasher")
    settings.PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}" for name in hashers]
    type(alice).objects.filter(pk=alice.pk).update(
        password=PBKDF2PasswordHasher().encode(PASSWORD, "a" * 22, iterations=1000)
    )
    assert authenticate(None, username=alice.get_username(), password=PASSWORD) == alice
    stored = type(alice).objects.get(pk=alice.pk).password
    assert not stored.startswith("pbkdf2_sha256$1000$"), "it was renewed"
    assert events(acme) == []
    assert lines() == []


def test_a_new_account_has_no_changed_password(make_user: Any, lines: Any) -> None:
    make_user("dora@example.org")
    assert lines() == []


def test_a_name_of_control_characters_stays_in_its_line(
    make_user: Any, client: Any, lines: Any
) -> None:
    odd = make_user("odd@example.org")
    field = type(odd).USERNAME_FIELD
    type(odd).objects.filter(pk=odd.pk).update(**{field: "odd\nWARNING x\x1b[2J@example.org"})
    client.force_login(type(odd).objects.get(pk=odd.pk))
    [line] = lines()
    assert line.isprintable()
    assert r"odd\nWARNING x\x1b[2J@example.org" in line


def test_an_export_is_a_line_and_an_event(client: Any, alice: Any, acme: Any, caplog: Any) -> None:
    caplog.set_level(logging.INFO, "apikeys.exports")
    client.force_login(alice)
    for path in ("audit.csv?token=0123456789ABCDef", "audit.jsonl", "usage.csv?range=7d"):
        response = client.get(f"/dashboard/acme/{path}", REMOTE_ADDR=HOME)
        assert response.status_code == 200
    found = AuditEvent.objects.filter(action__endswith=".exported").order_by("pk")
    assert [(e.action, e.actor_label, e.address, e.details) for e in found] == [
        (
            "audit.exported",
            alice.get_username(),
            HOME,
            {"format": "csv", "filters": ["token"]},
        ),
        ("audit.exported", alice.get_username(), HOME, {"format": "jsonl", "filters": []}),
        ("usage.exported", alice.get_username(), HOME, {"format": "csv", "filters": ["range"]}),
    ]
    lines = [r.getMessage() for r in caplog.records if r.name == "apikeys.exports"]
    said = f"exported audit as csv organization=acme address={HOME} actor={alice.get_username()}"
    assert lines[0].startswith(said)  # the filter may say how many like it were left out before
    assert len(lines) == 3
    assert "0123456789ABCDef" not in " ".join(lines), "names of filters, no values"


def test_who_may_not_export_leaves_no_event(client: Any, bob: Any, charlie: Any, acme: Any) -> None:
    for user, status in ((bob, 403), (charlie, 404)):
        client.force_login(user)
        assert client.get("/dashboard/acme/audit.csv").status_code == status
    assert not AuditEvent.objects.filter(action="audit.exported").exists()


def test_the_new_actions_are_filters_of_the_log_with_words_of_their_own(
    client: Any, alice: Any, acme: Any
) -> None:
    client.force_login(alice)
    page = client.get("/dashboard/acme/audit?action=member.logged_in").content.decode()
    assert page.count("Member logged in") >= 2
    assert '<option value="member.log_in_failed">Member log in failed</option>' in page


@pytest.mark.project
def test_an_event_that_cannot_be_made_holds_up_none_after_it(
    client: Any, alice: Any, bob: Any, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in (alice, bob):
        client.post(LOG_IN, {"username": user.get_username(), "password": "wrong"})
    write = audit.record_in_each

    def broken(*args: Any, **kwargs: Any) -> None:
        if kwargs["user_pk"] == alice.pk:
            raise ValueError
        write(*args, **kwargs)

    monkeypatch.setattr(audit, "record_in_each", broken)
    log_ins.flush()
    found = AuditEvent.objects.filter(action="member.log_in_failed")
    assert [event.target_label for event in found] == [bob.get_username()]
    log_ins.flush()
    assert found.count() == 1


@pytest.mark.project
def test_a_database_that_takes_no_events_gets_all_of_them_later(
    client: Any, alice: Any, bob: Any, acme: Any
) -> None:
    for user in (alice, bob, alice):
        client.post(LOG_IN, {"username": user.get_username(), "password": "wrong"})
    with pytest.MonkeyPatch.context() as patched:
        tried: list[int] = []

        def gone(*args: Any, **kwargs: Any) -> None:
            tried.append(1)
            raise OperationalError

        patched.setattr(audit, "record_in_each", gone)
        log_ins.flush()
    assert len(tried) == 1
    log_ins.flush()
    found = AuditEvent.objects.filter(action="member.log_in_failed").order_by("pk")
    names = [user.get_username() for user in (alice, bob, alice)]
    assert [event.target_label for event in found] == names
