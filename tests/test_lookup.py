"""The compiled query of the read path gives what the ORM would give."""

from __future__ import annotations

import pytest
from django.forms.models import model_to_dict

from apikeys.models import AccessToken
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
    expected = AccessToken.objects.for_verification().get(pk=issued.token.pk)
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
