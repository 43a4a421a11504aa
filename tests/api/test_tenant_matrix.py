"""Every route of the API, as everybody, with the names of both organizations, against one table.

The routes come from the URLconf: one without a row fails, and so does a row without a route. What
another organization has is the same 404, byte for byte, as what is not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apikeys.api import urls
from apikeys.models import AccessToken, Invitation, Membership
from apikeys.scopes import MANAGE
from apikeys.services.members import add_member
from apikeys.services.tokens import create_token
from tests.api.conftest import Caller

pytestmark = [pytest.mark.django_db, pytest.mark.project]

NEW_TOKEN = {"workspace": "production", "name": "Another", "scopes": []}


@dataclass(frozen=True)
class Row:
    """What a route answers those who belong to the organization that its address names.

    Attributes:
        admin: status for its admin.
        member: status for its member.
        token: status for its managing token.
        stranger: status for everybody of the other organization.
        anonymous: status without a credential.
        body: what is sent.
    """

    admin: int
    member: int = 403
    token: int = 403
    stranger: int = 404
    anonymous: int = 401
    body: Any = field(default=None, compare=False)


PUBLIC = Row(200, 200, 200, 200, 200)

TABLE = {
    "GET token-self": Row(401, 401, 200, 200),
    "DELETE token-self": Row(401, 401, 204, 204),
    # Everybody lists their own; a member manages none.
    "GET organization-list": Row(200, 200, 200, 200),
    "GET organization-detail": Row(200, token=200),
    "PATCH organization-detail": Row(200, body={"name": "Renamed"}),
    # The last admin stays.
    "POST organization-leave": Row(409, 204),
    "GET workspace-list": Row(200, token=200),
    "POST workspace-list": Row(
        201, body={"name": "Staging", "environment": "development", "dialect": "default"}
    ),
    "GET workspace-detail": Row(200, token=200),
    "PATCH workspace-detail": Row(200, body={"name": "Renamed"}),
    "POST workspace-archive": Row(200),
    "GET token-list": Row(200, token=200),
    "POST token-list": Row(201, token=201, body=NEW_TOKEN),
    "GET token-detail": Row(200, token=200),
    "PATCH token-detail": Row(200, token=200, body={"name": "Renamed"}),
    "POST token-rotate": Row(200, token=200, body={}),
    "POST token-end-overlap": Row(409, token=409),
    "POST token-disable": Row(200, token=200),
    "POST token-enable": Row(200, token=200),
    "POST token-revoke": Row(200, token=200, body={}),
    "POST token-bulk-revoke": Row(200, token=200, body={"token_ids": ["$token_id"]}),
    "POST token-revoke-all": Row(200, body={"workspace": "production"}),
    "GET member-list": Row(200),
    "POST member-list": Row(201, body={"user": "$known"}),
    "GET member-detail": Row(200),
    "PATCH member-detail": Row(200, body={"role": "admin"}),
    "DELETE member-detail": Row(204),
    "GET invitation-list": Row(200),
    "POST invitation-list": Row(201, body={"email": "erin@example.org"}),
    "DELETE invitation-detail": Row(204),
    "POST invitation-resend": Row(200),
    "GET audit-event-list": Row(200, token=200),
    "GET usage": Row(200, token=200),
    "GET docs": PUBLIC,
    "GET docs-page": PUBLIC,
    "GET schema": PUBLIC,
    "GET schema-of": PUBLIC,
    "GET postman": PUBLIC,
}
# What a route of the table names besides the organization.
MISSING = {"token_id": "0" * 16, "public_id": str(UUID(int=0))}


def routes() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield method, name and parameters of every route."""
    patterns = list(urls.urlpatterns)
    while patterns:
        pattern = patterns.pop()
        if hasattr(pattern, "url_patterns"):
            patterns.extend(pattern.url_patterns)
            continue
        view = pattern.callback
        if hasattr(view, "actions"):
            methods = [method.upper() for method in view.actions]
        elif hasattr(view, "cls"):
            methods = [
                m.upper() for m in ("get", "post", "patch", "put", "delete") if hasattr(view.cls, m)
            ]
        else:
            methods = ["GET"]
        for method in methods:
            if method not in ("HEAD", "OPTIONS"):
                yield method, pattern.name, tuple(pattern.pattern.converters)


ROUTES = {f"{method} {name}": (method, name, parameters) for method, name, parameters in routes()}


def test_every_route_has_a_row_and_every_row_a_route():
    assert set(ROUTES) == set(TABLE)


@dataclass
class Side:
    """One organization: who is in it, and what its routes name."""

    admin: Caller
    member: Caller
    token: Caller
    names: dict[str, dict[str, str]]
    known: str

    def path(self, name: str, parameters: tuple[str, ...], **other: str) -> str:
        """Return the address of a route of this organization."""
        own = {**self.names.get(name.partition("-")[0], {}), **self.names["all"], **other}
        return reverse(f"apikeys:{name}", kwargs={p: own[p] for p in parameters})

    def body(self, row: Row) -> str:
        """Return the row's body with this organization's names in it."""
        text = json.dumps(row.body)
        text = text.replace("$token_id", self.names["all"]["token_id"])
        return text.replace("$known", self.known)


@pytest.fixture
def side(logged_in, make_user, actor):
    """Make one side; its managing token has made the token that the routes name."""

    def make(organization: Any, admin: Any, member: Any, other_admin_s: Any) -> Side:
        production = organization.workspaces.get(slug="production")
        manager = create_token(actor=actor, workspace=production, name="Manager", scopes=[MANAGE])
        named = create_token(actor=actor, workspace=production, name="Named", scopes=[])
        AccessToken.objects.filter(pk=named.token.pk).update(parent=manager.token)
        invitation = Invitation.objects.create(
            organization=organization,
            email=f"dana@{organization.slug}.example.org",
            role="member",
            invited_by=admin,
            # Sent six days ago, so that it may be sent again.
            expires_at=timezone.now() + timedelta(days=1),
        )
        token = Caller()
        token.credentials(HTTP_X_API_KEY=manager.api_key)
        membership = Membership.objects.get(organization=organization, user=member)
        return Side(
            logged_in(admin),
            logged_in(member),
            token,
            {
                "all": {
                    "organization": organization.slug,
                    "workspace": "production",
                    "token_id": named.token.token_id,
                    "name": "management",
                },
                "member": {"public_id": str(membership.public_id)},
                "invitation": {"public_id": str(invitation.public_id)},
            },
            other_admin_s.get_username(),
        )

    return make


@pytest.fixture
def sides(side, make_user, actor, acme, globex, alice, bob, charlie):
    """Acme and Globex, each with an admin, a member, a token, and somebody whom the admin knows."""
    dave = make_user("dave@example.org")
    add_member(actor=actor, organization=globex, user=dave, role="member")
    # Somebody of a third organization that both admins manage, whom they may add.
    from apikeys.services.organizations import create_organization

    third = create_organization(actor=actor, name="Third", admin=alice)
    add_member(actor=actor, organization=third, user=charlie, role="admin")
    known = make_user("known@example.org")
    add_member(actor=actor, organization=third, user=known, role="member")
    return side(acme, alice, bob, known), side(globex, charlie, dave, known)


def send(caller: Caller, method: str, path: str, body: str) -> Any:
    """Send the request and take back what it did."""
    with transaction.atomic():
        data = b"" if body == "null" else body
        answer = caller.generic(method, path, data, content_type="application/json")
        transaction.set_rollback(True)
    return answer


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_a_route_answers_everybody_as_the_table_says(route, sides):
    method, name, parameters = ROUTES[route]
    row = TABLE[route]
    for here, there in (sides, sides[::-1]):
        path, body = here.path(name, parameters), here.body(row)
        got = {
            "anonymous": send(Caller(), method, path, body).status_code,
            "member": send(here.member, method, path, body).status_code,
            "admin": send(here.admin, method, path, body).status_code,
            "token": send(here.token, method, path, body).status_code,
        }
        assert got == {who: getattr(row, who) for who in got}, path
        if "organization" not in parameters:
            continue
        strangers = {
            who: send(getattr(there, who), method, path, body).status_code
            for who in ("admin", "member", "token")
        }
        # A token where tokens have no business is told so first, whatever the address names.
        token = 403 if row.token == 403 and strangers["token"] == 403 else row.stranger
        expected = {"admin": row.stranger, "member": row.stranger, "token": token}
        assert strangers == expected, path


@pytest.mark.parametrize(
    "route", sorted(route for route, (_, _, names) in ROUTES.items() if "organization" in names)
)
def test_what_is_foreign_is_the_same_404_as_what_is_missing(route, sides):
    method, name, parameters = ROUTES[route]
    row = TABLE[route]
    here, there = sides
    body = here.body(row)
    for who in ("admin", "member", "token"):
        caller = getattr(here, who)
        foreign = send(caller, method, there.path(name, parameters), body)
        missing = send(caller, method, there.path(name, parameters, organization="nowhere"), body)
        assert foreign.status_code == missing.status_code
        assert foreign.content == missing.content
        assert foreign.status_code in (404, 403 if who == "token" else 404)
    # Both organizations have workspaces of the same names, so theirs are no names of ours.
    for parameter in set(parameters) & set(MISSING):
        theirs = there.path(name, parameters, organization="acme")
        nobodys = there.path(
            name, parameters, organization="acme", **{parameter: MISSING[parameter]}
        )
        for who in ("admin", "token"):
            caller = getattr(here, who)
            foreign, missing = (send(caller, method, path, body) for path in (theirs, nobodys))
            assert foreign.content == missing.content
            assert foreign.status_code == missing.status_code
            assert foreign.status_code in (404, 403 if row.token == 403 else 404)
