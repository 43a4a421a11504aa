"""The compiled query of the read path gives what the ORM would give."""

from __future__ import annotations

import pytest
from django.db import models
from django.db.models.signals import post_init
from django.forms.models import model_to_dict

from apikeys.models import AccessToken, lookup
from apikeys.models.lookup import find
from apikeys.models.tokens import Kind

pytestmark = pytest.mark.django_db


def same(found, expected):
    assert type(found) is type(expected)
    for field in expected._meta.concrete_fields:
        assert getattr(found, field.attname) == getattr(expected, field.attname), field.attname
    assert found._state.db == expected._state.db
    assert found._state.adding is False


def test_a_token_comes_with_all_that_the_queryset_joins(issue, django_assert_num_queries):
    issued = issue(scopes=["notes:read"], allowed_networks=["192.0.2.0/24", "2001:db8::/32"])
    expected = AccessToken.objects.select_related("workspace__organization", "owner").get(
        pk=issued.token.pk
    )
    find("compiles")  # and asks the database once what it can do
    with django_assert_num_queries(1):
        found = find(issued.token.token_id)
        assert found.workspace.organization is not None
        assert found.owner is None
        assert found.owner_is_member is False
    same(found, expected)
    same(found.workspace, expected.workspace)
    same(found.workspace.organization, expected.workspace.organization)
    assert found.get_deferred_fields() == set()


def test_a_personal_token_comes_with_its_owner(issue, alice, django_assert_num_queries):
    issued = issue(kind=Kind.PERSONAL, owner=alice, scopes=[])
    with django_assert_num_queries(1):
        found = find(issued.token.token_id)
        assert found.owner_is_member is True
        same(found.owner, alice)


def test_an_unknown_id_is_nothing(acme, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert find("0" * 16) is None


def test_a_found_token_can_be_saved_and_refreshed(issue):
    found = find(issue().token.token_id)
    found.description = "changed"
    found.save(update_fields=["description"])
    found.refresh_from_db()
    assert model_to_dict(found)["description"] == "changed"


def test_a_user_model_that_json_can_not_carry_is_joined(issue, alice, monkeypatch):
    monkeypatch.setattr(lookup, "_PLAIN_FIELDS", (models.AutoField,))
    joined = lookup.Lookup("default")
    assert joined.owner.fits_json is False
    found = joined.find(issue(kind=Kind.PERSONAL, owner=alice, scopes=[]).token.token_id)
    same(found.owner, alice)
    same(found.workspace, found.workspace.__class__.objects.get(pk=found.workspace_id))
    assert joined.find(issue().token.token_id).owner is None


def test_a_user_model_with_a_constructor_of_its_own_is_made_by_it(issue, alice, monkeypatch):
    seen = []

    def see(instance, **kwargs):
        seen.append(instance)

    post_init.connect(see, type(alice))
    try:
        made = lookup.Lookup("default")
        assert made.owner.is_plain is False
        found = made.find(issue(kind=Kind.PERSONAL, owner=alice, scopes=[]).token.token_id)
        assert any(each is found.owner for each in seen)
    finally:
        post_init.disconnect(see, type(alice))
