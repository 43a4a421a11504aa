"""People in the Django admin: deleted with what is theirs, or told what to do first.

With the user admin of the settings (the project's, or Django's own with the stock user) and, for
each, a host's of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse

from apikeys.admin import DeletesPeople
from apikeys.admin_search import SearchMixin
from apikeys.models import AccessToken, AuditEvent, Membership
from apikeys.services.actors import Actor
from apikeys.services.invitations import invite
from apikeys.services.members import change_role

FIRST = "first make somebody else an admin"


class HostsUserAdmin(SearchMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """What a host may have registered: no base of ours that deletes people, active on the list."""

    list_display = ("pk", "is_active")
    list_editable = ("is_active",)
    fields = ("is_active",)


@pytest.fixture(params=["settings", "host"])
def user_admin(request: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The admin class under which people are registered."""
    model = get_user_model()
    registered = admin.site._registry[model]
    if request.param == "settings":
        return registered
    # The URLs hold the registered object: it becomes the host's.
    monkeypatch.setattr(registered, "__class__", HostsUserAdmin)
    return registered


@pytest.fixture
def operator(client: Any, make_user: Any, user_admin: Any) -> Any:
    client.force_login(make_user("root@example.org", is_staff=True, is_superuser=True))
    return client


def page(name: str, *args: Any) -> str:
    opts = get_user_model()._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=args)


def bulk(*people: Any) -> dict[str, Any]:
    return {
        "action": "delete_selected",
        "_selected_action": [user.pk for user in people],
        "post": "yes",
    }


def delete(client: Any, way: str, *people: Any) -> Any:
    if way == "page":
        return client.post(page("delete", people[0].pk), {"post": "yes"})
    return client.post(page("changelist"), bulk(*people))


def exists(user: Any) -> bool:
    return get_user_model().objects.filter(pk=user.pk).exists()


@pytest.mark.parametrize("way", ["page", "bulk"])
def test_a_superuser_deletes_a_person_and_what_is_theirs_ends(
    way: str,
    operator: Any,
    user_admin: Any,
    bob: Any,
    acme: Any,
    issue: Any,
    actor: Any,
) -> None:
    change_role(actor=actor, membership=Membership.objects.get(user=bob), role="admin")
    invite(
        actor=Actor.person(bob),
        organization=acme,
        email="x@example.org",
        role="admin",
        page_url=str,
    )
    mine = issue(kind="personal", owner=bob).token
    robot = issue(actor=Actor.person(bob)).token
    shown = operator.get(page("delete", bob.pk))
    assert shown.status_code == 200
    assert "bob@example.org · Acme · admin" in shown.content.decode()
    newest = AuditEvent.objects.latest("pk").pk
    assert delete(operator, way, bob).status_code == 302
    assert not exists(bob)
    assert Membership.objects.filter(organization=acme).count() == 1
    mine.refresh_from_db()
    assert (mine.owner, mine.status, mine.revoke_reason) == (None, "revoked", "User deleted")
    assert AccessToken.objects.get(pk=robot.pk).revoked_at is None
    by_name = isinstance(user_admin, DeletesPeople)
    who = ("user", "root@example.org") if by_name else ("system", "user deleted")
    events = AuditEvent.objects.filter(pk__gt=newest).order_by("pk")
    assert [(e.action, e.actor_kind, e.actor_label, e.target_label) for e in events] == [
        ("token.revoked", *who, mine.name),
        ("invitation.withdrawn", *who, "x@example.org"),
        ("member.removed", *who, "bob@example.org"),
    ]
    assert events[2].details == {"revoked_tokens": [mine.token_id]}
    assert LogEntry.objects.filter(object_id=str(bob.pk), action_flag=3).exists()


@pytest.mark.parametrize("way", ["page", "bulk"])
def test_the_last_admin_is_not_deleted_and_the_page_says_what_to_do_first(
    way: str, operator: Any, alice: Any, bob: Any, acme: Any, actor: Any
) -> None:
    before = AuditEvent.objects.count()
    shown = operator.get(page("delete", alice.pk)).content.decode()
    assert "alice@example.org · Acme · admin: the last admin who can log in" in shown
    assert FIRST in shown
    refused = delete(operator, way, alice)
    assert refused.status_code == 200
    assert "manage.py grant_admin acme USERNAME" in refused.content.decode()
    assert exists(alice)
    assert AuditEvent.objects.count() == before
    change_role(actor=actor, membership=Membership.objects.get(user=bob), role="admin")
    assert delete(operator, way, alice).status_code == 302
    assert not exists(alice)


def test_all_admins_of_an_organization_together_are_not_deleted(
    operator: Any, alice: Any, bob: Any, acme: Any, actor: Any
) -> None:
    change_role(actor=actor, membership=Membership.objects.get(user=bob), role="admin")
    refused = delete(operator, "bulk", alice, bob)
    assert FIRST in refused.content.decode()
    assert exists(alice)
    assert exists(bob)


def change(client: Any, user: Any, **fields: Any) -> Any:
    form = client.get(page("change", user.pk)).context["adminform"].form
    data = {name: value for name, value in form.initial.items() if value not in (None, False)}
    del data["is_active"]
    for name in [name for name, value in data.items() if isinstance(value, datetime)]:
        moment = data.pop(name)
        data |= {f"{name}_0": f"{moment:%Y-%m-%d}", f"{name}_1": f"{moment:%H:%M:%S}"}
    return client.post(page("change", user.pk), {**data, **fields, "_save": "Save"})


def test_unticking_active_of_the_last_admin_is_an_error_of_the_form(
    operator: Any, alice: Any, bob: Any, acme: Any, actor: Any
) -> None:
    refused = change(operator, alice)
    assert refused.status_code == 200
    assert FIRST in refused.content.decode()
    alice.refresh_from_db()
    assert alice.is_active
    assert change(operator, alice, is_active="on").status_code == 302
    assert change(operator, bob).status_code == 302
    bob.refresh_from_db()
    assert not bob.is_active
    bob.is_active = True
    bob.save()
    change_role(actor=actor, membership=Membership.objects.get(user=bob), role="admin")
    assert change(operator, alice).status_code == 302
    alice.refresh_from_db()
    assert not alice.is_active


@pytest.mark.parametrize("user_admin", ["host"], indirect=True)
def test_unticking_it_on_the_list_is_an_error_of_the_form_too(
    operator: Any, alice: Any, acme: Any
) -> None:
    posted = {
        "form-TOTAL_FORMS": "1",
        "form-INITIAL_FORMS": "1",
        "form-0-id": str(alice.pk),
        "_save": "Save",
    }
    refused = operator.post(page("changelist") + f"?id={alice.pk}", posted)
    assert refused.status_code == 200
    assert FIRST in refused.content.decode()
    alice.refresh_from_db()
    assert alice.is_active


def test_a_membership_by_itself_is_deleted_by_nobody(
    operator: Any, alice: Any, bob: Any, acme: Any
) -> None:
    row = Membership.objects.get(user=bob)
    own = "admin:apikeys_membership_"
    assert operator.post(reverse(f"{own}delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    shown = operator.get(reverse(f"{own}change", args=[row.pk])).content.decode()
    assert reverse(f"{own}delete", args=[row.pk]) not in shown
    operator.post(reverse(f"{own}changelist"), bulk(row))
    assert Membership.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("permitted", [False, True])
def test_staff_deletes_people_with_the_permissions_for_both(
    permitted: bool, client: Any, make_user: Any, user_admin: Any, bob: Any, acme: Any
) -> None:
    staff = make_user("staff@example.org", is_staff=True)
    opts = get_user_model()._meta
    names = [f"{verb}_{opts.model_name}" for verb in ("delete", "view")]
    names += ["delete_membership"] if permitted else []
    staff.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(staff)
    answer = delete(client, "page", bob)
    assert answer.status_code == (302 if permitted else 403)
    assert exists(bob) is not permitted


@pytest.mark.parametrize("begun", ["user", "queryset"])
def test_deletion_in_code_ends_memberships_in_every_organization(
    begun: str, bob: Any, acme: Any, globex: Any, charlie: Any, issue: Any
) -> None:
    Membership.objects.create(user=bob, organization=globex)
    here = issue(kind="personal", owner=bob).token
    there = issue(kind="personal", owner=bob, workspace=globex.workspaces.first()).token
    pk = bob.pk
    bob.delete() if begun == "user" else get_user_model().objects.filter(pk=pk).delete()
    removed = AuditEvent.objects.filter(action="member.removed").order_by("organization_slug")
    assert [(e.organization_slug, e.actor_label, e.details) for e in removed] == [
        ("acme", "user deleted", {"revoked_tokens": [here.token_id]}),
        ("globex", "user deleted", {"revoked_tokens": [there.token_id]}),
    ]
    assert AccessToken.objects.filter(owner=None, revoked_at__isnull=False).count() == 2


def test_a_membership_deleted_in_code_ends_as_by_the_service_once(
    bob: Any, acme: Any, issue: Any, actor: Any
) -> None:
    mine = issue(kind="personal", owner=bob).token
    Membership.objects.get(user=bob).delete()
    event = AuditEvent.objects.get(action="member.removed")
    assert (event.actor_kind, event.actor_label) == ("system", "membership deleted")
    assert event.details == {"revoked_tokens": [mine.token_id]}
    assert AccessToken.objects.get(pk=mine.pk).revoke_reason == "Membership deleted"
