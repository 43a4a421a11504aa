"""Every text a person or a program can choose, full of markup, on every page that shows it."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from apikeys.models import AccessToken, RefusalCounter
from apikeys.reauthentication import SESSION_KEY
from apikeys.services.actors import Actor
from apikeys.services.invitations import invite, link_of
from apikeys.services.organizations import create_organization
from apikeys.services.tokens import create_token, revoke_token
from apikeys.services.workspaces import create_workspace

pytestmark = pytest.mark.django_db

MARKUP = "\"'><svg/onload=alert(1)></script>{{7*7}}{% now %}<!--"
PAGES = [
    "",
    "/tokens",
    "/tokens?status=all",
    "/tokens/new",
    "/tokens/{token}",
    "/tokens/{token}/edit",
    "/tokens/{token}/rotate",
    "/tokens/{token}/revoke",
    "/tokens/{revoked}",
    "/tokens/revoke?token_ids={token}",
    "/tokens/revoke?all={workspace}",
    "/usage",
    "/usage?token={token}",
    "/usage?workspace={workspace}",
    "/audit",
    "/members",
    "/members/invite",
    "/members/{member}/role",
    "/leave",
    "/workspaces",
    "/workspaces/{workspace}/rename",
    "/workspaces/{workspace}/archive",
    "/settings",
]
SEARCHES = ["/tokens?q=", "/audit?actor=", "/audit?action=", "/audit?from=", "/usage?token="]


@pytest.fixture
def marked(client, make_user, actor):
    """Markup wherever text goes; the client is the admin."""
    fields = {field.name for field in get_user_model()._meta.fields}
    named = "name" if "name" in fields else "first_name"
    user = make_user("marked@example.org", **{named: MARKUP})
    organization = create_organization(actor=actor, name=MARKUP, slug="marked", admin=user)
    person = Actor.person(user)
    workspace = create_workspace(
        actor=person,
        organization=organization,
        name=MARKUP,
        environment="production",
        dialect="default",
    )
    making = {"workspace": workspace, "description": MARKUP, "scopes": ["notes:read"]}
    manager = create_token(
        actor=person, name=MARKUP, **{**making, "scopes": ["tokens:manage", "notes:read"]}
    ).token
    create_token(actor=Actor.bearer(manager), name=f"{MARKUP} made", **making)
    revoked = create_token(actor=person, name=f"{MARKUP} revoked", **making).token
    revoke_token(actor=person, token=revoked, reason=MARKUP)
    AccessToken.objects.filter(workspace=workspace).update(
        last_used_at=timezone.now(), last_used_agent=MARKUP, last_used_address="192.0.2.1"
    )
    RefusalCounter.objects.create(
        minute=timezone.now(), reason=MARKUP, dialect=MARKUP, token_id=manager.token_id, count=2
    )
    invitation = invite(
        actor=person, organization=organization, email="new@example.org", page_url=str
    )
    client.force_login(user)
    session = client.session
    session[SESSION_KEY] = timezone.now().timestamp()
    session.save()
    return {
        "token": manager.token_id,
        "revoked": revoked.token_id,
        "workspace": workspace.slug,
        "member": organization.memberships.get().public_id,
        "link": link_of(invitation),
    }


def require_text(answer) -> None:
    assert answer["Content-Type"].startswith("text/html")
    page = answer.content.decode()
    assert "<svg/onload" not in page
    assert "</script>{{7*7}}" not in page
    assert "'><svg" not in page


@pytest.mark.parametrize("page", PAGES)
def test_markup_is_text_on_every_page(client, marked, page):
    answer = client.get(f"/dashboard/marked{page.format(**marked)}", follow=True)
    assert answer.status_code == 200
    require_text(answer)


@pytest.mark.parametrize("search", SEARCHES)
def test_what_is_searched_for_is_text(client, marked, search):
    address, _, name = search.rstrip("=").rpartition("?")
    require_text(client.get(f"/dashboard/marked{address}", {name: MARKUP}))


@pytest.mark.parametrize("page", ["tokens/new", "settings", "members/invite", "workspaces/new"])
def test_what_is_refused_comes_back_as_text(client, marked, page):
    names = ("name", "description", "workspace", "kind", "expiry", "expires_at", "email", "role")
    typed = dict.fromkeys((*names, "allowed_networks", "max_lifetime_days", "dialect"), MARKUP)
    answer = client.post(f"/dashboard/marked/{page}", {**typed, "creation_id": MARKUP})
    require_text(answer)


def test_an_invitation_from_markup_is_text_to_strangers(client, marked):
    client.logout()
    require_text(client.get(f"/dashboard/invitations/{marked['link']}"))
