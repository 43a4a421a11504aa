"""What a list of tokens can be filtered and sorted by, whoever asks."""

from __future__ import annotations

import pytest

from apikeys.models import AccessToken
from apikeys.queries.filters import ORDERS, TokenFilter
from apikeys.services.tokens import revoke_token

pytestmark = pytest.mark.django_db


def names(query: dict[str, str], *, sort: bool = False) -> list[str]:
    found = TokenFilter(query, queryset=AccessToken.objects.all())
    assert found.is_valid()
    tokens = [token.name for token in found.qs]
    return tokens if sort else sorted(tokens)


def test_without_a_status_only_live_tokens_are_found(issue, actor):
    issue(name="live")
    revoke_token(actor=actor, token=issue(name="revoked").token)
    assert names({}) == ["live"]
    assert names({"status": "live"}) == ["live"]
    assert names({"status": "all"}) == ["live", "revoked"]
    assert names({"status": "revoked"}) == ["revoked"]


def test_a_workspace_is_named_by_its_slug(issue, development):
    issue(name="production")
    issue(name="development", workspace=development)
    for slug in ("production", "development"):
        assert names({"workspace": slug}) == [slug]
    assert names({"workspace": "other"}) == []


def test_every_order_sorts(issue):
    for name in ("b", "C", "a"):
        issue(name=name)
    assert names({"ordering": "name"}, sort=True) == ["a", "b", "C"]
    assert names({"ordering": "-name"}, sort=True) == ["C", "b", "a"]
    assert names({"ordering": "created"}, sort=True) == ["b", "C", "a"]
    for order in ORDERS:
        assert len(names({"ordering": order})) == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ordering", "digest"),
        ("ordering", "name,created"),
        ("ordering", "-id"),
        ("status", "gone"),
        ("q", "a\x00b"),
        ("q", "x" * 101),
    ],
)
def test_a_value_that_is_not_declared_is_an_error_of_its_field(field, value):
    found = TokenFilter({field: value}, queryset=AccessToken.objects.all())
    assert not found.is_valid()
    assert list(found.errors) == [field]
    assert found.order == ORDERS["-created"]


def test_only_the_declared_parameters_exist():
    assert list(TokenFilter.base_filters) == ["q", "workspace", "status", "unused", "ordering"]
