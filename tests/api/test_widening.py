"""What a session with an old password check may change at the API: what widens nothing.

Every change that a session can make stands in the table with its class. A new one without fails.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from apikeys.models import AuditEvent, Organization
from apikeys.services.actors import Actor
from apikeys.services.members import add_member
from apikeys.services.tokens import disable_token
from tests.support.widening import HOME, LIFETIMES, NETWORKS, RATES, patterns

pytestmark = pytest.mark.django_db

REFUSED = (403, "reauthentication.required")

# What a session can change at the management API. "asks": always; "free": never; "by effect": when
# it widens.
API = {
    ("organizations", "partial_update"): "by effect",
    ("organizations", "leave"): "asks",
    ("workspaces", "create"): "asks",
    ("workspaces", "partial_update"): "free",
    ("workspaces", "archive"): "asks",
    ("tokens", "create"): "asks",
    ("tokens", "partial_update"): "by effect",
    ("tokens", "rotate"): "asks",
    ("tokens", "end_overlap"): "free",
    ("tokens", "disable"): "free",
    ("tokens", "enable"): "by effect",
    ("tokens", "revoke"): "free",
    ("tokens", "bulk_revoke"): "asks",
    ("tokens", "revoke_all"): "asks",
    ("members", "create"): "asks",
    ("members", "partial_update"): "asks",
    ("members", "destroy"): "asks",
    ("invitations", "create"): "asks",
    ("invitations", "resend"): "asks",
    ("invitations", "destroy"): "free",
}
API_CALLS: dict[tuple[str, str], tuple[str, str, Any]] = {
    ("organizations", "leave"): ("post", "leave", None),
    ("workspaces", "create"): ("post", "workspaces", {"name": "New", "environment": "staging"}),
    ("workspaces", "partial_update"): ("patch", "workspaces/production", {"name": "New"}),
    ("workspaces", "archive"): ("post", "workspaces/production/archive", None),
    ("tokens", "create"): (
        "post",
        "tokens",
        {"workspace": "production", "name": "New", "scopes": []},
    ),
    ("tokens", "rotate"): ("post", "tokens/{token}/rotate", {}),
    ("tokens", "end_overlap"): ("post", "tokens/{rotated}/end-overlap", None),
    ("tokens", "disable"): ("post", "tokens/{token}/disable", None),
    ("tokens", "revoke"): ("post", "tokens/{token}/revoke", {}),
    ("tokens", "bulk_revoke"): ("post", "tokens/bulk-revoke", {"token_ids": ["{token}"]}),
    ("tokens", "revoke_all"): ("post", "tokens/revoke-all", {"workspace": "production"}),
    ("members", "create"): ("post", "members", {"user": "charlie@example.org"}),
    ("members", "partial_update"): ("patch", "members/{member}", {"role": "admin"}),
    ("members", "destroy"): ("delete", "members/{member}", None),
    ("invitations", "create"): ("post", "invitations", {"email": "dora@example.org"}),
    ("invitations", "resend"): ("post", "invitations/{invitation}/resend", None),
    ("invitations", "destroy"): ("delete", "invitations/{invitation}", None),
}


@pytest.fixture
def stale(logged_in: Any, alice: Any, acme: Any) -> Any:
    """Alice's session an hour after her last password check."""
    return logged_in(alice, checked=False)


def answer_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json().get("error", "")


@pytest.mark.parametrize(("before", "after", "widens"), NETWORKS)
def test_the_api_asks_an_old_session_for_the_password_only_where_networks_widen(
    before: list[str], after: list[str], widens: bool, stale: Any, issue: Any, acme: Any
) -> None:
    token = issue(allowed_networks=before).token
    Organization.objects.update(allowed_networks=before)
    expected = REFUSED if widens else (200, "")
    body = {"allowed_networks": after, "name": "Renamed"}
    events = AuditEvent.objects.count()
    assert answer_of(stale.call("patch", f"tokens/{token.token_id}", body)) == expected
    assert answer_of(stale.call("patch", "", body)) == expected
    token.refresh_from_db()
    acme.refresh_from_db()
    kept = before if widens else after
    assert (token.allowed_networks, acme.allowed_networks) == (kept, kept)
    assert (token.name == acme.name == "Renamed") is not widens
    if widens:
        assert AuditEvent.objects.count() == events


@pytest.mark.parametrize(("before", "after", "widens"), LIFETIMES)
def test_the_api_asks_an_old_session_for_the_password_only_where_a_lifetime_widens(
    before: int | None, after: int | None, widens: bool, stale: Any, acme: Any
) -> None:
    Organization.objects.update(max_lifetime_days=before)
    response = stale.call("patch", "", {"max_lifetime_days": after})
    assert answer_of(response) == (REFUSED if widens else (200, ""))
    acme.refresh_from_db()
    assert acme.max_lifetime_days == (before if widens else after)


@pytest.mark.parametrize(("before", "after", "widens"), RATES)
def test_the_api_asks_an_old_session_for_the_password_only_where_rates_widen(
    before: Any, after: Any, widens: bool, stale: Any, alice: Any, acme: Any
) -> None:
    alice.is_staff = True
    alice.save()
    Organization.objects.update(limits=before)
    response = stale.call("patch", "", {"limits": after})
    assert answer_of(response) == (REFUSED if widens else (200, ""))
    acme.refresh_from_db()
    assert acme.limits == (before if widens else after)


def test_an_old_session_enables_nothing_and_disables_freely(stale: Any, issue: Any) -> None:
    token = issue().token
    path = f"tokens/{token.token_id}"
    assert stale.call("post", f"{path}/enable").status_code == 200, "it is enabled: nothing to do"
    assert stale.call("post", f"{path}/disable").status_code == 200
    assert answer_of(stale.call("post", f"{path}/enable")) == REFUSED
    token.refresh_from_db()
    assert token.disabled_at is not None


def test_who_may_not_is_told_so_before_any_password_is_asked_for(
    logged_in: Any, bob: Any, issue: Any
) -> None:
    token = issue(allowed_networks=[HOME]).token
    old = logged_in(bob, checked=False)
    for path in ("", f"tokens/{token.token_id}"):
        answer = old.call("patch", path, {"allowed_networks": []})
        assert answer_of(answer) == (403, "organization.admin_required")


def test_a_token_widens_what_it_made_without_any_password(
    managing: Any, issue: Any, actor: Any
) -> None:
    made = issue(
        actor=Actor.bearer(managing.issued.token), allowed_networks=[HOME], name="Child"
    ).token
    disable_token(actor=actor, token=made)
    path = f"tokens/{made.token_id}"
    assert managing.call("post", f"{path}/enable").status_code == 200
    assert managing.call("patch", path, {"allowed_networks": []}).status_code == 200


def test_every_change_of_the_api_has_a_class() -> None:
    found = set()
    for pattern in patterns("apikeys"):
        view = getattr(pattern.callback, "cls", None)
        for method, name in (getattr(pattern.callback, "actions", None) or {}).items():
            if method not in ("get", "head"):
                found.add((view.documented_as, name))
    assert found == set(API)


@pytest.mark.parametrize("change", list(API_CALLS))
def test_the_api_asks_an_old_session_for_the_password_as_the_table_says(
    change: tuple[str, str], stale: Any, things: Any, alice: Any, globex: Any, actor: Any
) -> None:
    add_member(actor=actor, organization=globex, user=alice, role="admin")
    method, path, body = API_CALLS[change]
    text = re.sub(r"\{(\w+)\}", lambda m: things[m[1]], path)
    if isinstance(body, dict) and "token_ids" in body:
        body = {"token_ids": [things["token"]]}
    events = AuditEvent.objects.count()
    response = stale.call(method, text, body)
    if API[change] == "asks":
        assert answer_of(response) == REFUSED
        assert AuditEvent.objects.count() == events
    else:
        assert response.status_code in (200, 204), response.content
        assert AuditEvent.objects.count() > events
