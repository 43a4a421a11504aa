"""The last admin who can log in stays, whatever code or page changes or deletes people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import serializers
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import transaction

from apikeys import checks
from apikeys.models import AuditEvent, Membership, Organization, people
from apikeys.models.admins import LastAdminError
from apikeys.services.members import change_role

WHAT_TO_DO = "first make somebody else an admin"


@pytest.fixture
def dave(make_user: Any) -> Any:
    """Nobody's admin yet."""
    return make_user("dave@example.org")


def membership_of(user: Any) -> Membership:
    return Membership.objects.select_related("user", "organization").get(user=user)


def deactivate(user: Any) -> None:
    user.is_active = False
    user.save()


def deactivate_by_one_field(user: Any) -> None:
    user.is_active = False
    user.save(update_fields=["is_active"])


def deactivate_by_a_proxy(user: Any) -> None:
    deactivate(Person.objects.get(pk=user.pk))


def delete(user: Any) -> None:
    user.delete()


def delete_by_queryset(user: Any) -> None:
    get_user_model().objects.filter(pk=user.pk).delete()


def delete_membership(user: Any) -> None:
    membership_of(user).delete()


def delete_memberships_by_queryset(user: Any) -> None:
    Membership.objects.filter(user=user).delete()


def demote(user: Any) -> None:
    membership = membership_of(user)
    membership.role = "member"
    membership.save()


def demote_by_one_field(user: Any) -> None:
    membership = membership_of(user)
    membership.role = "member"
    membership.save(update_fields=["role"])


def hand_to_an_inactive_one(user: Any) -> None:
    model = get_user_model()
    gone = model.objects.create_user(
        **{model.USERNAME_FIELD: "gone@example.org"}, password="x", is_active=False
    )
    membership = membership_of(user)
    membership.user = gone
    membership.save()


def move_elsewhere(user: Any) -> None:
    membership = membership_of(user)
    membership.organization = Organization.objects.get(slug="globex")
    membership.save()


class Person(get_user_model()):  # type: ignore[misc, valid-type]
    """A host's other name for its users."""

    class Meta:
        proxy = True
        app_label = "tests"


WAYS = [
    deactivate,
    deactivate_by_one_field,
    deactivate_by_a_proxy,
    delete,
    delete_by_queryset,
    delete_membership,
    delete_memberships_by_queryset,
    demote,
    demote_by_one_field,
    hand_to_an_inactive_one,
    move_elsewhere,
]


def everything() -> Any:
    users = get_user_model().objects.exclude(email="gone@example.org").order_by("pk")
    return (
        list(users.values()),
        list(Membership.objects.order_by("pk").values()),
        AuditEvent.objects.count(),
    )


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_last_admin_is_not_lost_in_code(
    way: Callable[[Any], None], alice: Any, bob: Any, acme: Any, globex: Any
) -> None:
    before = everything()
    with pytest.raises(LastAdminError, match=WHAT_TO_DO) as refused, transaction.atomic():
        way(alice)
    assert "alice@example.org · Acme" in str(refused.value)
    assert "manage.py grant_admin acme USERNAME" in str(refused.value)
    assert everything() == before


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_after_grant_admin_the_first_may_go(
    way: Callable[[Any], None], alice: Any, bob: Any, acme: Any, globex: Any
) -> None:
    call_command("grant_admin", "acme", "bob@example.org", verbosity=0)
    way(alice)
    active = Membership.objects.filter(organization=acme, role="admin", user__is_active=True)
    assert [one.user for one in active] == [bob]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_member_who_is_no_admin_may_go_by_any_way(
    way: Callable[[Any], None], bob: Any, acme: Any, globex: Any
) -> None:
    way(bob)


def test_another_admin_who_can_t_log_in_is_none(
    alice: Any, bob: Any, acme: Any, actor: Any
) -> None:
    change_role(actor=actor, membership=membership_of(bob), role="admin")
    deactivate(bob)
    with pytest.raises(LastAdminError):
        deactivate(alice)
    # Nothing is lost by who could not log in before.
    bob.save()
    bob.delete()
    with pytest.raises(LastAdminError):
        alice.delete()


def test_two_last_admins_are_not_deleted_together(
    alice: Any, bob: Any, acme: Any, actor: Any
) -> None:
    change_role(actor=actor, membership=membership_of(bob), role="admin")
    people = get_user_model().objects.filter(pk__in=[alice.pk, bob.pk])
    before = everything()
    with pytest.raises(LastAdminError):
        people.delete()
    assert everything() == before


def test_a_refusal_leaves_the_transaction_around_it_usable(alice: Any, acme: Any) -> None:
    with transaction.atomic():
        for way in (deactivate, delete, demote):
            with pytest.raises(LastAdminError):
                way(alice)
        assert Membership.objects.filter(organization=acme, role="admin").count() == 1


def test_what_deactivates_nobody_asks_nothing(
    alice: Any, acme: Any, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        alice.save(update_fields=["last_login"])
    stale = get_user_model().objects.get(pk=alice.pk)
    stale.is_active = False
    with django_assert_num_queries(1):
        stale.save(update_fields=["last_login"])
    deferred = get_user_model().objects.defer("is_active", "password").get(pk=alice.pk)
    with django_assert_num_queries(1):
        deferred.save()
    alice.refresh_from_db()
    assert alice.is_active


def test_loading_a_fixture_is_not_refused(alice: Any, acme: Any) -> None:
    alice.is_active = False
    [row] = serializers.deserialize("json", serializers.serialize("json", [alice]))
    row.save()
    alice.save_base(raw=True)
    assert not type(alice).objects.get(pk=alice.pk).is_active


def test_a_user_model_that_works_out_is_active_is_asked(
    alice: Any, bob: Any, acme: Any, actor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: set[Any] = set()
    model = get_user_model()
    monkeypatch.setattr(
        model, "is_active", property(lambda user: user.pk not in gone, lambda user, value: None)
    )
    monkeypatch.setattr(people, "declared_activity", people.declared_activity.__wrapped__)
    change_role(actor=actor, membership=membership_of(bob), role="admin")
    gone.add(bob.pk)
    with pytest.raises(LastAdminError):
        alice.delete()
    assert checks.admins.check_admins(None, databases=["default"]) == []
    gone.add(alice.pk)
    [found] = checks.admins.check_admins(None, databases=["default"])
    assert found.msg == "No admin who can log in: acme."


def test_a_user_model_without_is_active_has_active_people_only(
    alice: Any, bob: Any, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(get_user_model(), "is_active")
    monkeypatch.setattr(people, "declared_activity", people.declared_activity.__wrapped__)
    with pytest.raises(LastAdminError), transaction.atomic():
        delete_membership(alice)
    delete_membership(bob)


# Forms


def a_form(user: Any, **changes: Any) -> Any:
    from django.forms import modelform_factory

    fields = ["is_active"]
    return modelform_factory(type(user), fields=fields)(changes, instance=user)


def test_a_form_shows_the_refusal(alice: Any, bob: Any, acme: Any) -> None:
    form = a_form(alice)
    assert not form.is_valid()
    assert form.has_error("__all__", "last_admin")
    assert WHAT_TO_DO in str(form.errors)
    assert a_form(bob).is_valid()
    alice.refresh_from_db()
    assert a_form(alice, is_active="on").is_valid()


def test_validating_a_person_by_hand_says_the_same(alice: Any, acme: Any) -> None:
    alice.is_active = False
    with pytest.raises(ValidationError, match=WHAT_TO_DO):
        alice.full_clean()


# What can't be guarded is named.


def named(**given: Any) -> list[Any]:
    return checks.admins.check_admins(None, databases=given.get("databases", ["default"]))


def test_check_names_organizations_without_an_admin(
    alice: Any, bob: Any, acme: Any, globex: Any, charlie: Any, django_assert_num_queries: Any
) -> None:
    assert named() == []
    get_user_model().objects.filter(pk=alice.pk).update(is_active=False)
    Membership.objects.filter(user=charlie).update(role="member")
    [found] = named()
    assert (found.id, found.msg) == ("apikeys.W045", "No admin who can log in: acme, globex.")
    assert "manage.py grant_admin ORG USERNAME" in found.hint
    assert named(databases=None) == []
    call_command("suspend_organization", "globex", verbosity=0)
    assert [one.msg for one in named()] == ["No admin who can log in: acme."]
    call_command("grant_admin", "acme", "bob@example.org", verbosity=0)
    assert named() == []
    call_command("suspend_organization", "globex", "--resume", verbosity=0)
    assert [one.msg for one in named()] == ["No admin who can log in: globex."]


def test_check_names_ten_and_says_that_there_are_more(db: None) -> None:
    for number in range(12):
        Organization.objects.create(slug=f"o-{number:02}", name="O")
    [found] = named()
    assert found.msg.endswith("o-08, o-09 and others.")


def test_check_is_silent_before_the_first_migration(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    Organization.objects.create(slug="o", name="O")
    monkeypatch.setattr(connection.introspection, "table_names", lambda: [])
    assert named() == []
