"""The fixed cast: alice runs Acme, bob is in it, charlie runs Globex and has no business in Acme.

Requests are HTTPS unless a test says `secure=False`, as the production settings want.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.cache import cache
from django.db import connection
from django.test import SimpleTestCase
from django.utils import timezone

from apikeys import log_ins, logs
from apikeys.limits import limiter, storages
from apikeys.models import Invitation, Membership, Organization, Workspace
from apikeys.pytest_plugin import (  # noqa: F401 - no entry point has registered them here
    apikeys_async_client,
    apikeys_client,
    apikeys_isolated,
    apikeys_token,
)
from apikeys.services.actors import Actor
from apikeys.services.invitations import invite
from apikeys.services.members import add_member
from apikeys.services.organizations import create_organization
from apikeys.services.tokens import IssuedToken, create_token, rotate_token
from apikeys.testing import APITokenClient, TokenClient, reset_limits
from apikeys.testing import usage as counted
from apikeys.verification import epochs, memory, places
from apikeys.verification.epochs import HostEpoch

# Words in the reason of a skip that a required part must not have.
REQUIRED_PARTS = {
    "REQUIRE_POSTGRES": ("postgres",),
    "REQUIRE_REDIS": ("redis",),
    "REQUIRE_BROWSER": ("browser", "chromium"),
    "REQUIRE_PROXIES": ("nginx", "varnish"),
    "REQUIRE_HOSTS": ("host package", "scripts/hosts"),
}


def uses_a_database(item: pytest.Item) -> bool:
    """Whether a test is another one on another database or with another user model."""
    if isinstance(getattr(item, "cls", None), type) and issubclass(item.cls, SimpleTestCase):  # type: ignore[attr-defined]
        return True
    fixtures = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
    marks = ("django_db", "postgres", "redis", "slow")
    return bool(fixtures) or any(item.get_closest_marker(mark) for mark in marks)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--again",
        action="store_true",
        help="leave out what another database or user model can't change",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--again"):
        again = [i for i in items if uses_a_database(i) and not i.get_closest_marker("once")]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(again)])
        items[:] = again
    # Last: Playwright leaves an event loop running in their thread, beside which no test can start
    # one of its own, and Django would give each side a connection of its own. scripts/test runs
    # them in processes of their own.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    if connection.vendor != "postgresql":
        skip = pytest.mark.skip(reason="DATABASE_URL names no PostgreSQL")
        for item in items:
            if item.get_closest_marker("postgres"):
                item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Turn a skip for want of something that this run requires into a failure."""
    report: pytest.TestReport = yield  # type: ignore[misc]
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].lower()
        for variable, words in REQUIRED_PARTS.items():
            if os.environ.get(variable) == "1" and any(word in reason for word in words):
                report.outcome = "failed"
                report.longrepr = f"{variable}=1, but: {report.longrepr[2]}"
                break
    return report  # type: ignore[return-value]


class Challenged:
    """Asks a challenge of every 401 of a view that takes keys, whatever the test is about."""

    def request(self, **request: Any) -> Any:
        response = super().request(**request)  # type: ignore[misc]
        if response.status_code == 401 and hasattr(response.wsgi_request, "apikeys"):
            assert response["WWW-Authenticate"]
        return response


class SecureClient(Challenged, TokenClient):
    """Django's test client over HTTPS."""


class SecureAPIClient(Challenged, APITokenClient):
    """DRF's test client over HTTPS; `key` sends an API key with every request."""

    def key(self, issued: IssuedToken) -> SecureAPIClient:
        self.send(issued)
        return self


@pytest.fixture
def client() -> SecureClient:
    return SecureClient()


@pytest.fixture
def api() -> SecureAPIClient:
    return SecureAPIClient()


@pytest.fixture(autouse=True)
def _fresh_counters() -> Iterator[None]:
    """No test sees what another has used up, or writes what another has counted."""
    reset_limits()
    log_ins._failures.clear()
    epochs._redis.cache_clear()  # made for the key of another test
    epochs._current = None
    for handler in logging.getLogger().handlers:
        for few in handler.filters:
            if isinstance(few, logs.FewOfAKind):
                few._counts.clear()
    cache.clear()
    with counted.forgotten_afterwards():
        yield


@pytest.fixture
def limits_in_memory(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """For exact counts and a clock that tests move: Redis has its own clock and other callers."""
    monkeypatch.setattr(storages, "time", SimpleNamespace(monotonic=lambda: time.time()))
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS_STORAGE": "memory://"}
    limiter("memory://").clear()


@pytest.fixture
def make_user(db: None) -> Callable[..., AbstractBaseUser]:
    """Make a user whose log-in name is the address, whichever the user model is."""

    def make(email: str, password: str = "correct horse battery staple", **fields: Any) -> Any:
        model = get_user_model()
        names = {model.USERNAME_FIELD: email, model.get_email_field_name(): email}
        return model._default_manager.create_user(password=password, **names, **fields)

    return make


@pytest.fixture
def alice(make_user: Callable[..., AbstractBaseUser]) -> AbstractBaseUser:
    """The admin of Acme."""
    return make_user("alice@example.org")


@pytest.fixture
def charlie(make_user: Callable[..., AbstractBaseUser]) -> AbstractBaseUser:
    """The admin of Globex, a stranger to Acme."""
    return make_user("charlie@example.org")


@pytest.fixture
def actor() -> Actor:
    return Actor.system("tests")


@pytest.fixture
def acme(alice: AbstractBaseUser, actor: Actor) -> Organization:
    return create_organization(actor=actor, name="Acme", slug="acme", admin=alice)


@pytest.fixture
def globex(charlie: AbstractBaseUser, actor: Actor) -> Organization:
    return create_organization(actor=actor, name="Globex", slug="globex", admin=charlie)


@pytest.fixture
def bob(
    make_user: Callable[..., AbstractBaseUser], acme: Organization, actor: Actor
) -> AbstractBaseUser:
    """A member of Acme, no admin."""
    user = make_user("bob@example.org")
    add_member(actor=actor, organization=acme, user=user, role="member")
    return user


@pytest.fixture
def development(acme: Organization) -> Workspace:
    """Acme's workspace for trying things."""
    return acme.workspaces.get(slug="development")


@pytest.fixture
def production(acme: Organization) -> Workspace:
    """Acme's workspace that matters."""
    return acme.workspaces.get(slug="production")


@pytest.fixture
def issue(acme: Organization, actor: Actor) -> Callable[..., IssuedToken]:
    """Make a token, in Acme's production workspace with `notes:read` when nothing else is said."""
    made = 0

    def make(
        *, workspace: Workspace | None = None, scopes: Any = ("notes:read",), **fields: Any
    ) -> IssuedToken:
        nonlocal made
        made += 1
        return create_token(
            actor=fields.pop("actor", actor),
            workspace=workspace or acme.workspaces.get(slug="production"),
            name=fields.pop("name", f"Token {made}"),
            scopes=list(scopes),
            **fields,
        )

    return make


@pytest.fixture
def things(issue: Any, actor: Any, acme: Any, bob: Any, globex: Any, charlie: Any) -> Any:
    """What the calls of the tables name."""
    rotated = issue(name="Rotated").token
    rotate_token(actor=actor, token=rotated, overlap=timedelta(hours=1))
    invitation = invite(
        actor=actor,
        organization=acme,
        email="erin@example.org",
        role="member",
        page_url=lambda link: link,
    )
    moment = timezone.now() + timedelta(days=6)
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=moment)
    return {
        "organization": "acme",
        "token": issue(name="Plain").token.token_id,
        "rotated": rotated.token_id,
        "member": str(Membership.objects.get(user=bob, organization=acme).public_id),
        "invitation": str(invitation.public_id),
    }


@pytest.fixture
def epoch(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, settings: Any, transactional_db: None
) -> HostEpoch:
    """The cached mode of one host, switched on, with a place and a memory of the test's own."""
    settings.APIKEYS = {**settings.APIKEYS, "CACHE": "host"}
    made = HostEpoch(tmp_path / "private" / "epoch")
    monkeypatch.setattr(epochs, "current", lambda: made)
    monkeypatch.setattr(memory, "memory", memory.Memory())
    monkeypatch.setattr(places, "_keeper", places.Keeper())
    assert places.renew(made, "default")
    return made
