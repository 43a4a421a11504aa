"""Pages of a long list: together they are the sorted list, in both directions, nulls last."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from apikeys.models import AccessToken, Organization
from apikeys.queries import keyset
from apikeys.queries.filters import ORDERS, sortable
from apikeys.services.tokens import IssuedToken

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def tokens(acme: Organization, issue: Callable[..., IssuedToken]) -> list[AccessToken]:
    """Eleven tokens in two workspaces, with equal and missing values in every column."""
    workspaces = list(acme.workspaces.all())
    for number in range(11):
        made = issue(
            workspace=workspaces[number % 2], name=f"{'aB'[number % 2]}{number // 2}"
        ).token
        AccessToken.objects.filter(pk=made.pk).update(
            created_at=START + timedelta(hours=number // 3),
            last_used_at=None if number % 3 == 0 else START + timedelta(days=number // 4),
            expires_at=None if number % 4 == 0 else START + timedelta(days=900 - number // 2),
        )
    return list(AccessToken.objects.all())


def _parts(acme: Organization) -> list[Q]:
    return [Q(workspace=workspace) for workspace in acme.workspaces.all()]


def _key(name: str) -> Callable[[AccessToken], tuple]:
    order = ORDERS[name]
    sign = -1 if order.descending else 1

    def number(value: object) -> object:
        return value.timestamp() * sign if isinstance(value, datetime) else value

    def key(token: AccessToken) -> tuple:
        first = token.name.lower() if "name" in name else getattr(token, order.columns[0])
        null = first is None
        rest = [number(getattr(token, c)) for c in order.columns[1:-1]]
        return (null, 0 if null else number(first), *rest, sign * token.pk)

    return key


@pytest.mark.parametrize("name", [name for name in ORDERS if name != "-name"])
@pytest.mark.parametrize("size", [1, 2, 4, 11, 20])
def test_the_pages_together_are_the_sorted_list_forth_and_back(
    acme: Organization, tokens: list[AccessToken], name: str, size: int
) -> None:
    expected = [token.token_id for token in sorted(tokens, key=_key(name))]
    queryset, order, parts = sortable(AccessToken.objects.all()), ORDERS[name], _parts(acme)
    pages = [keyset.page(queryset, order, parts=parts, size=size)]
    while (last := pages[-1].after) is not None:
        pages.append(keyset.page(queryset, order, parts=parts, size=size, after=last))
    assert [row.token_id for page in pages for row in page.rows] == expected
    assert all(len(page.rows) == size for page in pages[:-1])
    assert pages[0].before is None
    for page, earlier in zip(pages[:0:-1], pages[-2::-1], strict=True):
        back = keyset.page(queryset, order, parts=parts, size=size, before=page.before)
        assert [row.pk for row in back.rows] == [row.pk for row in earlier.rows]
        assert (back.before is None) == (earlier is pages[0])
        assert back.after is not None


def test_names_sort_backwards_too(acme: Organization, tokens: list[AccessToken]) -> None:
    page = keyset.page(
        sortable(AccessToken.objects.all()), ORDERS["-name"], parts=_parts(acme), size=20
    )
    assert [t.name for t in page.rows] == sorted(
        (t.name for t in tokens), key=str.lower, reverse=True
    )


def test_a_page_is_one_query(
    acme: Organization, tokens: list[AccessToken], django_assert_num_queries: Callable
) -> None:
    parts = _parts(acme)
    with django_assert_num_queries(1):
        keyset.page(sortable(AccessToken.objects.all()), ORDERS["expires"], parts=parts, size=3)


def test_only_rows_of_the_parts_and_of_the_queryset_are_listed(
    acme: Organization, globex: Organization, tokens: list[AccessToken]
) -> None:
    one = acme.workspaces.get(slug="development")
    queryset = sortable(AccessToken.objects.filter(name__startswith="a"))
    page = keyset.page(queryset, ORDERS["name"], parts=[Q(workspace=one)], size=20)
    expected = {t.pk for t in tokens if t.workspace_id == one.pk and t.name.startswith("a")}
    assert {row.pk for row in page.rows} == expected
    assert keyset.page(queryset, ORDERS["name"], parts=[], size=20).rows == []
    nothing = AccessToken.objects.none()
    assert keyset.page(nothing, ORDERS["created"], parts=_parts(acme), size=20).rows == []


def test_more_parts_than_a_union_takes_are_sorted_all_the_same(
    acme: Organization, tokens: list[AccessToken], monkeypatch: pytest.MonkeyPatch
) -> None:
    queryset, parts = sortable(AccessToken.objects.all()), _parts(acme)
    first = keyset.page(queryset, ORDERS["expires"], parts=parts, size=4)
    second = keyset.page(queryset, ORDERS["expires"], parts=parts, size=4, after=first.after)
    monkeypatch.setattr(keyset, "LARGEST_UNION", 1)
    again = keyset.page(queryset, ORDERS["expires"], parts=parts, size=4, after=first.after)
    assert [row.pk for row in again.rows] == [row.pk for row in second.rows]


@pytest.mark.parametrize("name", ORDERS)
def test_every_order_of_the_live_tokens_walks_an_index(
    acme: Organization, tokens: list[AccessToken], name: str
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("a table this small is read as a whole, rightly")
    live = sortable(AccessToken.objects.live())
    with CaptureQueriesContext(connection) as queries:
        keyset.page(live, ORDERS[name], parts=_parts(acme), size=3)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {queries.captured_queries[-1]['sql']}")
        plan = [row[-1] for row in cursor.fetchall()]
    assert not [step for step in plan if step.startswith("SCAN apikeys_accesstoken")], plan
    # The rows of one page are sorted once more, together; nothing else is.
    assert len([step for step in plan if step == "USE TEMP B-TREE FOR ORDER BY"]) == 1, plan
