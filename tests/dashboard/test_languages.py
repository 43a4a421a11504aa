"""Pages in another language: every text of theirs is translated, or none is.

All data is Greek, so that a Latin letter outside of what was looked up is a text of ours that no
catalogue can reach. Every address of the pages is walked, with what most of them can show.
"""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.conf import settings as project_settings
from django.db import transaction
from django.db.models import CharField
from django.urls import resolve
from django.utils import timezone, translation

from apikeys import dialects, endpoints
from apikeys.models import (
    AccessToken,
    AuditEvent,
    Invitation,
    Membership,
    Organization,
    RefusalCounter,
    UsageCounter,
)
from apikeys.models.activity import Outcome
from apikeys.reauthentication import SESSION_KEY
from apikeys.scopes import MANAGE
from apikeys.services.actors import Actor
from apikeys.services.credits import grant_credits
from apikeys.services.invitations import invite, link_of
from apikeys.services.members import add_member
from apikeys.services.organizations import create_organization, update_policy
from apikeys.services.tokens import create_token, disable_token, revoke_token, rotate_token
from apikeys.services.workspaces import archive_workspace, create_workspace, rename_workspace
from dashboard import labels, urls
from tests.conftest import SecureClient
from tests.support.catalogues import marked, unmarked
from tests.support.shown import Texts

pytestmark = pytest.mark.django_db

HOME = "/dashboard/greek"
# Written from right to left.
LANGUAGE = "ar"
# Names of things, the same in every language.
NAMES = {"CSV", "curl", "Python", "JavaScript", "PowerShell", "HTTPie", "IPv4", "JSON"}
TOKENS = ("plain", "made", "personal", "rotated", "disabled", "revoked", "left")
# What each address shows a person who may open it; {words} are things of the fixture.
PAGES = [
    "/dashboard/",
    "/dashboard/confirm",
    f"{HOME}/tokens",
    f"{HOME}/tokens?status=all",
    f"{HOME}/tokens?q=nothing",
    f"{HOME}/tokens?q={{plain}}",
    f"{HOME}/tokens?workspace={{production}}",
    f"{HOME}/tokens?ordering=ξ&q={'y' * 101}",
    f"{HOME}/tokens/new",
    f"{HOME}/tokens/revoke?token_ids={{plain}}&token_ids={{rotated}}",
    f"{HOME}/tokens/revoke?all={{production}}",
    *(f"{HOME}/tokens/{{{name}}}" for name in TOKENS),
    f"{HOME}/tokens/{{plain}}/edit",
    f"{HOME}/tokens/{{plain}}/rotate",
    f"{HOME}/tokens/{{rotated}}/rotate",
    f"{HOME}/tokens/{{disabled}}/rotate",
    f"{HOME}/tokens/{{plain}}/revoke",
    f"{HOME}/tokens/{{revoked}}/revoke",
    f"{HOME}/usage",
    f"{HOME}/usage?range=24h",
    f"{HOME}/usage?token=unknown",
    f"{HOME}/usage?workspace={{empty}}",
    f"{HOME}/audit",
    f"{HOME}/audit?from=2026-11-02&to=2026-11-01",
    f"{HOME}/audit?token=unknown",
    f"{HOME}/members",
    f"{HOME}/members/invite",
    f"{HOME}/members/{{member}}/role",
    f"{HOME}/members/{{admin}}/role",
    f"{HOME}/members/{{member}}/remove",
    f"{HOME}/leave",
    f"{HOME}/workspaces",
    f"{HOME}/workspaces/new",
    f"{HOME}/workspaces/{{production}}/rename",
    f"{HOME}/workspaces/{{production}}/archive",
    f"{HOME}/workspaces/{{empty}}/archive",
    f"{HOME}/settings",
    "/dashboard/invitations/{link}",
    "/dashboard/invitations/unknown",
]
# Sent as it is, each form comes back with what is wrong, or leads to a page that says what it did.
FORMS = [
    (f"{HOME}/tokens/new", {"allowed_networks": "nowhere", "expiry": "custom"}),
    (f"{HOME}/tokens/{{plain}}/edit", {"name": "", "expires_at": "soon"}),
    (f"{HOME}/tokens/{{plain}}/edit", {"name": "ωμ", "scopes": "notes:read", "seen": "long ago"}),
    (f"{HOME}/tokens/{{plain}}/rotate", {"overlap": "1"}),
    (f"{HOME}/tokens/{{plain}}/revoke", {"confirm": "ωμ"}),
    (f"{HOME}/tokens/revoke", {}),
    (f"{HOME}/tokens/revoke", {"token_ids": "{plain}", "reason": "ξ"}),
    (f"{HOME}/tokens/{{plain}}/disable", {}),
    (f"{HOME}/tokens/{{disabled}}/enable", {}),
    (f"{HOME}/tokens/{{rotated}}/end-overlap", {}),
    (f"{HOME}/members/invite", {"email": "no address"}),
    (f"{HOME}/members/invite", {"email": "erin@example.org", "role": "member"}),
    (f"{HOME}/members/add", {}),
    (f"{HOME}/members/{{member}}/role", {"role": "ξ"}),
    (f"{HOME}/members/{{member}}/role", {"role": "admin"}),
    (f"{HOME}/members/{{member}}/remove", {}),
    (f"{HOME}/invitations/{{invitation}}/resend", {}),
    (f"{HOME}/invitations/{{invitation}}/withdraw", {}),
    (f"{HOME}/workspaces/new", {"name": ""}),
    (f"{HOME}/workspaces/new", {"name": "τ", "environment": "production", "dialect": "default"}),
    (f"{HOME}/workspaces/{{production}}/rename", {"name": "τοποσ"}),
    (f"{HOME}/workspaces/{{production}}/archive", {"name": "ωμ"}),
    (f"{HOME}/settings", {"max_lifetime_days": "ξ", "allowed_networks": "nowhere"}),
    (f"{HOME}/settings", {"max_lifetime_days": "30", "allowed_networks": "192.0.2.0/24"}),
    (f"{HOME}/settings", {"max_lifetime_days": "30"}),
    (f"{HOME}/settings/name", {"name": ""}),
    (f"{HOME}/settings/name", {"name": "ονομα"}),
    (f"{HOME}/settings/limits", {"rate-x": "often"}),
]
LOG_IN = "/dashboard/log-in"
FILES = {"audit-csv", "audit-jsonl", "usage-csv"}


@pytest.fixture
def greek(client: Any, make_user: Any, actor: Any) -> dict[str, str]:
    """An organization with one of everything; the client is its admin, who works for the site."""
    user, second = make_user("admin@example.org", is_staff=True), make_user("second@example.org")
    organization = create_organization(
        actor=actor, name="Ελλαδα", slug="greek", admin=user, dialect="default"
    )
    person = Actor.person(user)
    for number, workspace in enumerate(organization.workspaces.all()):
        rename_workspace(actor=person, workspace=workspace, name=f"τοπος {number}")
    production = organization.workspaces.get(slug="production")
    add_member(actor=actor, organization=organization, user=second, role="admin")
    member = make_user("member@example.org")
    add_member(actor=actor, organization=organization, user=member, role="member")
    empty, closed = (
        create_workspace(
            actor=person,
            organization=organization,
            name=name,
            environment="development",
            dialect=dialect,
        )
        for name, dialect in (("αδειος bare", "fastly"), ("κλειστος shut", "default"))
    )
    archive_workspace(actor=person, workspace=closed)
    update_policy(actor=actor, organization=organization, limits={"gone": "5/hour"})
    update_policy(actor=person, organization=organization, allowed_networks=["192.0.2.0/24"])
    grant_credits(actor=actor, organization=organization, amount=1234)
    making = {"workspace": production, "scopes": ["notes:read"]}

    def make(name: str, **fields: Any) -> AccessToken:
        given = {"actor": person, "name": name, "description": "αλφα", **making, **fields}
        return create_token(**given).token

    soon = timezone.now() + timedelta(days=5)
    found = {
        "plain": make("πρωτο", scopes=["tokens:manage", "notes:read"], expires_at=soon),
        "personal": make("δικο", kind="personal", owner=user),
        "left": make("εμεινε", kind="personal", owner=user),
        "rotated": make("νεο"),
        "disabled": make("κλειστο"),
        "revoked": make("παλιο"),
    }
    found["made"] = make("παιδι", actor=Actor.bearer(found["plain"]), expires_at=soon)
    rotate_token(actor=person, token=found["rotated"], overlap=timedelta(hours=1))
    disable_token(actor=person, token=found["disabled"])
    revoke_token(actor=person, token=found["revoked"], reason="αιτια")
    AccessToken.objects.filter(pk=found["left"].pk).update(owner=None)
    AccessToken.objects.filter(pk=found["plain"].pk).update(
        last_used_at=timezone.now(), last_used_agent="βητα", last_used_address="192.0.2.1"
    )
    for number, outcome in enumerate(Outcome.values):
        UsageCounter.objects.create(
            token=found["plain"], started_at=timezone.now(), outcome=outcome, count=999 + number
        )
    RefusalCounter.objects.create(
        minute=timezone.now(),
        reason="token.expired",
        dialect="default",
        token_id=found["plain"].token_id,
        count=2,
    )
    sent = [
        invite(actor=who, organization=organization, email=f"{name}@example.org", page_url=str)
        for who, name in ((person, "waits"), (person, "late"), (Actor.person(second), "void"))
    ]
    Invitation.objects.filter(pk=sent[1].pk).update(expires_at=timezone.now())
    Membership.objects.filter(user=second).update(role="member")
    client.force_login(user)
    return {name: token.token_id for name, token in found.items()} | {
        "production": production.slug,
        "empty": empty.slug,
        "member": str(organization.memberships.get(user=member).public_id),
        "admin": str(organization.memberships.get(user=user).public_id),
        "invitation": str(sent[0].public_id),
        "link": link_of(sent[0]),
    }


def data() -> set[str]:
    """Return what people and programs have put in, as it is stored."""
    found = {*NAMES, MANAGE}
    for dialect in dialects.all_dialects().values():
        found |= {dialect.title, *dialect.scopes, *map(str, dialect.scopes.values())}
        found |= {part for scope in dialect.scopes for part in scope.split(":")}
    for limit in endpoints.declared_limits(dialects.all_dialects()):
        found |= {limit.name, *limit.rates, *(each.on for each in limit.limits)}
    found |= {name for each in Organization.objects.all() for name in each.limits}
    found |= {text for event in AuditEvent.objects.all() for text in _texts(event.details)}
    closed = {"action", "actor_kind", "reason", "outcome", "kind", "role", "environment"}
    for model in [*apps.get_app_config("apikeys").get_models(), apps.get_model(USER)]:
        names = [
            field.attname
            for field in model._meta.fields
            if isinstance(field, CharField) and not field.choices and field.name not in closed
        ]
        for row in model._default_manager.values_list(*names) if names else ():
            found |= {value for value in row if value}
    return found


def _texts(details: Any) -> set[str]:
    """Return the values of the details of an event, but for the closed lists."""
    if isinstance(details, dict):
        said = {name: value for name, value in details.items() if name not in labels.CHOICES}
        return {text for value in said.values() for text in _texts(value)}
    if isinstance(details, list):
        return {text for value in details for text in _texts(value)}
    return {details} if isinstance(details, str) and details else set()


USER = project_settings.AUTH_USER_MODEL


def latin(page: str) -> list[str]:
    """Return what a page shows in Latin letters outside of what was looked up."""
    known = sorted(data(), key=len, reverse=True)
    left = []
    for text in Texts(unmarked(page)).found:
        for word in known:
            text = text.replace(word, " ")
        if re.search("[A-Za-z]", text):
            left.append(text.strip())
    return left


def forget_the_password(client: Any) -> None:
    """Make the last check of the password too old."""
    session = client.session
    session[SESSION_KEY] = 0
    session.save()


def visit(client: Any, path: str) -> Any:
    """Open a page; the one that asks for the password opens once the last check is too old."""
    if not path.endswith("/confirm"):
        return client.get(path, follow=True)
    with transaction.atomic():
        forget_the_password(client)
        answer = client.get(path)
        transaction.set_rollback(True)
    return answer


def test_every_address_is_walked() -> None:
    filled = dict.fromkeys(
        [
            "plain",
            "made",
            "personal",
            "rotated",
            "disabled",
            "revoked",
            "left",
            "production",
            "empty",
            "link",
        ],
        "x",
    )
    uuid = "6f1c1a52-7f0c-4f6c-9d57-0a1f3ba9c0de"
    filled |= dict.fromkeys(("member", "admin", "invitation"), uuid)
    addresses = [*PAGES, LOG_IN, *(path for path, _ in FORMS)]
    walked = {resolve(path.format(**filled).partition("?")[0]).url_name for path in addresses}
    ours = {pattern.name for pattern in urls.urlpatterns}
    # The others only lead to a page that is walked.
    assert ours - walked == FILES | {"api-keys", "log-out", "organization"}


def test_no_text_of_a_page_is_out_of_reach(client: Any, greek: Any) -> None:
    with marked(LANGUAGE):
        for path in PAGES:
            answer = visit(client, path.format(**greek))
            page = answer.content.decode()
            assert f'<html lang="{LANGUAGE}" dir="rtl">' in page, path
            assert answer["Content-Language"] == LANGUAGE
            assert "«" in page, path
            assert latin(page) == [], path


def test_no_text_that_a_form_comes_back_with_is_out_of_reach(client: Any, greek: Any) -> None:
    with marked(LANGUAGE):
        for (path, fields), recent in product(FORMS, (True, False)):
            filled = {name: value.format(**greek) for name, value in fields.items()}
            with transaction.atomic():
                if not recent:
                    forget_the_password(client)
                answer = client.post(path.format(**greek), filled, follow=True)
                left = latin(answer.content.decode())  # beside what is stored by now
                transaction.set_rollback(True)
            assert left == [], (path, fields)


def test_no_text_beside_a_secret_is_out_of_reach(client: Any, greek: Any) -> None:
    fields = {
        "name": "μυστικο",
        "workspace": greek["production"],
        "kind": "automation",
        "expiry": "30",
        "may-default-preset": "read",
        "allowed_networks": "192.0.2.1/24",
    }
    with marked(LANGUAGE):
        answer = client.post(f"{HOME}/tokens/new", {**fields, "creation_id": "once"})
        assert "data-secret-page" in answer.content.decode()
        assert latin(answer.content.decode()) == []
        again = client.post(f"{HOME}/tokens/new", {**fields, "creation_id": "once"})
        assert again.status_code == 409
        assert latin(again.content.decode()) == []
        overlap = {"overlap": "3600", "creation_id": "twice", "seen": ""}
        rotated = client.post(f"{HOME}/tokens/{greek['plain']}/rotate", overlap)
        assert "data-secret-page" in rotated.content.decode()
        assert latin(rotated.content.decode()) == []


@pytest.mark.parametrize("who", ["stranger", "known", "another"])
def test_no_text_for_the_invited_is_out_of_reach(greek: Any, make_user: Any, who: str) -> None:
    browser = SecureClient()
    if who == "known":
        make_user("waits@example.org")
    if who == "another":
        browser.force_login(make_user("other@example.org"))
    path = f"/dashboard/invitations/{greek['link']}"
    with marked(LANGUAGE):
        assert latin(browser.get(path).content.decode()) == []
        refused = browser.post(path, {"password": "a", "again": "b"})
        assert latin(refused.content.decode()) == []


def test_no_text_of_the_log_in_is_out_of_reach(greek: Any, settings: Any) -> None:
    settings.LOGIN_URL = "apikeys_dashboard:log-in"
    browser = SecureClient()
    with marked(LANGUAGE):
        for answer in (
            browser.get(LOG_IN),
            browser.post(LOG_IN, {"username": "admin@example.org", "password": "wrong"}),
        ):
            assert f'<html lang="{LANGUAGE}" dir="rtl">' in answer.content.decode()
            assert latin(answer.content.decode()) == []


def test_no_text_for_members_is_out_of_reach(greek: Any, make_user: Any) -> None:
    member = Membership.objects.get(public_id=greek["member"]).user
    browser = SecureClient()
    browser.force_login(member)
    with marked(LANGUAGE):
        for path in ("", "/leave", "/tokens"):
            assert latin(browser.get(f"{HOME}{path}").content.decode()) == []
        browser.force_login(make_user("oscar@example.org"))
        assert latin(browser.get("/dashboard/").content.decode()) == []


def comparable(page: str) -> str:
    """Return the page without what differs from one answer to the next."""
    page = re.sub(r'(name="csrfmiddlewaretoken" value=)"\w+"', r"\1", page)
    return re.sub(r'(name="creation_id" value=)"[\w-]+"', r"\1", page)


def test_where_nobody_has_translated_the_pages_they_are_wholly_english(
    client: Any, greek: Any
) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        for path in (path.format(**greek) for path in PAGES):
            with translation.override("en"):
                english = visit(client, path).content.decode()
            for language in ("de", "ar"):
                with translation.override(language):
                    answer = visit(client, path)
                page = answer.content.decode()
                assert '<html lang="en" dir="ltr">' in page, path
                assert answer["Content-Language"] == "en"
                assert comparable(page) == comparable(english), path
