"""The list of tokens: columns, statuses, filters, sorting, pages, banners, empty states."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apikeys.credentials.digests import text_of
from apikeys.models import AccessToken, UsageCounter
from apikeys.services.tokens import disable_token, revoke_token, rotate_token
from apikeys.services.workspaces import archive_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client, alice, acme):
    client.force_login(alice)
    return client


@pytest.fixture
def names(admin):
    """Ask for the list; return the names it shows, in order."""

    def get(**query: str) -> list[str]:
        response = admin.get("/dashboard/acme/tokens", query)
        assert response.status_code == 200
        return [row.token.name for row in response.context["rows"]]

    return get


def text(response) -> str:
    """Return the page's words, without markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def change(issued, **values):
    AccessToken.objects.filter(pk=issued.token.pk).update(**values)
    issued.token.refresh_from_db()
    return issued.token


def test_a_row_says_all_there_is_to_say(admin, production, issue):
    now = timezone.now()
    token = change(
        issue(
            name="CI deploy",
            scopes=["notes:read", "notes:write"],
            expires_at=now + timedelta(days=5, hours=1),
        ),
        last_used_at=now - timedelta(minutes=4, seconds=5),
    )
    UsageCounter.objects.create(token=token, started_at=now, outcome="success", count=1204)
    page = admin.get("/dashboard/acme/tokens")
    shown = text(page)
    for words in (
        "CI deploy",
        token.token_id,
        "Production",
        "Read and write",
        "4 minutes ago",
        "1,204",
        "in 5 days",
        "Expiring in 5 days",
        "Rotate",
        "Revoke",
    ):
        assert words in shown
    html = page.content.decode()
    assert 'aria-label="Copy token ID of CI deploy"' in html
    assert f'title="{token.last_used_at.day} ' in html
    assert "1,204 requests in 7 days" in html
    for column in (
        "Name",
        "Token ID",
        "Workspace",
        "Permissions",
        "Last used",
        "Requests, 7 days",
        "Expires",
        "Status",
        "Actions",
    ):
        assert f'data-label="{column}"' in html


def test_permissions_are_short(admin, issue):
    issue(name="one", scopes=["notes:delete"])
    issue(name="more", scopes=["notes:delete", "notes:read", "notes:write", "tokens:manage"])
    issue(name="none", scopes=[])
    page = admin.get("/dashboard/acme/tokens")
    assert {row.token.name: row.permissions for row in page.context["rows"]} == {
        "one": "notes:delete",
        "more": "notes:delete, notes:read, notes:write +1",
        "none": "None",
    }


def test_revoked_and_expired_tokens_are_hidden_until_asked_for(names, actor, issue):
    now = timezone.now()
    issue(name="active")
    issue(name="expiring", expires_at=now + timedelta(days=14))
    change(
        issue(name="expired"),
        created_at=now - timedelta(days=2),
        expires_at=now - timedelta(days=1),
    )
    disable_token(actor=actor, token=issue(name="disabled").token)
    revoke_token(actor=actor, token=issue(name="revoked").token)
    assert set(names()) == {"active", "expiring", "disabled"}
    assert set(names(status="live")) == {"active", "expiring", "disabled"}
    assert len(names(status="all")) == 5
    for status in ("active", "expiring", "expired", "disabled", "revoked"):
        assert names(status=status) == [status]


def test_search_finds_part_of_a_name_and_the_beginning_of_an_id(names, issue):
    token_id = issue(name="CI deploy").token.token_id
    issue(name="Reports")
    assert names(q="DEPLOY") == ["CI deploy"]
    assert names(q=f" {token_id[:6]}") == ["CI deploy"]
    assert names(q=f"ak_prod_{token_id}") == ["CI deploy"]
    assert names(q=token_id[3:]) == []
    assert names(q="%") == []


def test_the_workspace_narrows_the_list_and_stays_in_every_link(
    admin, names, development, production, issue
):
    issue(name="dev", workspace=development)
    issue(name="prod", workspace=production)
    assert names(workspace="development") == ["dev"]
    html = admin.get("/dashboard/acme/tokens", {"workspace": "development"}).content.decode()
    assert 'href="?workspace=development&amp;ordering=name"' in html
    assert 'href="/dashboard/acme/tokens/new?workspace=development"' in html


def test_an_unknown_or_foreign_workspace_is_not_found(admin, globex, development):
    assert admin.get("/dashboard/acme/tokens?workspace=nothing").status_code == 404
    other = globex.workspaces.get(slug="development")
    type(other).objects.filter(pk=other.pk).update(slug="only-globex")
    assert admin.get("/dashboard/acme/tokens?workspace=only-globex").status_code == 404


def test_tokens_of_an_archived_workspace_can_still_be_seen(names, actor, development, issue):
    issue(name="old", workspace=development)
    archive_workspace(actor=actor, workspace=development)
    assert names(status="revoked") == ["old"]
    assert names(status="all", workspace="development") == ["old"]


def test_unused_tokens_are_old_and_not_used_for_90_days(names, issue):
    now = timezone.now()
    old, long_ago = now - timedelta(days=200), now - timedelta(days=91)
    change(issue(name="never"), created_at=old)
    change(issue(name="long ago"), created_at=old, last_used_at=long_ago)
    change(issue(name="lately"), created_at=old, last_used_at=now - timedelta(days=89))
    issue(name="new")
    assert set(names(unused="true")) == {"never", "long ago"}


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("name", ["a", "B", "c"]),
        ("-name", ["c", "B", "a"]),
        ("created", ["c", "a", "B"]),
        ("-created", ["B", "a", "c"]),
        ("", ["B", "a", "c"]),
        ("last_used", ["a", "B", "c"]),
        ("-last_used", ["B", "a", "c"]),
        ("expires", ["B", "c", "a"]),
        ("-expires", ["c", "B", "a"]),
    ],
)
def test_the_list_is_sorted_as_asked_and_what_has_no_time_comes_last(
    names, issue, ordering, expected
):
    now = timezone.now()
    issue(name="c", expires_at=now + timedelta(days=60))
    change(issue(name="a"), last_used_at=now - timedelta(days=2))
    change(
        issue(name="B", expires_at=now + timedelta(days=30)), last_used_at=now - timedelta(days=1)
    )
    assert names(ordering=ordering) == expected


def test_25_tokens_make_a_page_and_the_links_lead_to_all_the_others(admin, issue, development):
    for number in range(60):
        issue(name=f"t{number:02}", workspace=development if number % 3 else None)
    seen, address, pages = [], "/dashboard/acme/tokens?ordering=name", []
    while address:
        page = admin.get(address)
        pages.append([row.token.name for row in page.context["rows"]])
        seen += pages[-1]
        html = page.content.decode()
        found = re.search(r'rel="next" href="(\?[^"]+)"', html)
        address = found and "/dashboard/acme/tokens" + found[1].replace("&amp;", "&")
    assert [len(each) for each in pages] == [25, 25, 10]
    assert seen == [f"t{number:02}" for number in range(60)]
    back = re.search(r'rel="prev" href="(\?[^"]+)"', html)[1].replace("&amp;", "&")
    earlier = admin.get("/dashboard/acme/tokens" + back)
    assert [row.token.name for row in earlier.context["rows"]] == pages[1]


def test_a_page_that_starts_at_an_unknown_or_foreign_token_is_the_first(
    names, globex, issue, actor
):
    issue(name="mine")
    other = issue(workspace=globex.workspaces.get(slug="production"))
    for start in ("nothing", other.token.token_id, "'\""):
        assert names(after=start) == ["mine"]
        assert names(before=start) == ["mine"]


def test_of_two_starts_the_one_to_go_on_from_counts(names, issue):
    first, second, third = (issue(name=name).token.token_id for name in "abc")
    assert names(ordering="name", after=first, before=third) == ["b", "c"]
    assert names(ordering="name", before=second) == ["a"]


def test_a_bad_filter_says_so_and_hides_nothing(admin, issue):
    issue(name="mine")
    for query in ("status=nonsense", "ordering=digest", "ordering=-workspace__slug"):
        page = admin.get(f"/dashboard/acme/tokens?{query}")
        assert [row.token.name for row in page.context["rows"]] == ["mine"]
        assert "is not one of the available choices" in text(page)


def test_fields_that_are_not_declared_filter_nothing(names, issue):
    issue(name="mine")
    for field in ("digest", "digest__startswith", "owner__password", "name__startswith"):
        assert names(**{field: "x"}) == ["mine"]


def test_banners_count_what_needs_attention(admin, actor, issue):
    now = timezone.now()
    page = admin.get("/dashboard/acme/tokens")
    assert "within 14 days" not in text(page)
    issue(expires_at=now + timedelta(days=3))
    issue(expires_at=now + timedelta(days=13))
    issue(expires_at=now + timedelta(days=15))
    disable_token(actor=actor, token=issue(expires_at=now + timedelta(days=3)).token)
    revoke_token(actor=actor, token=issue(expires_at=now + timedelta(days=3)).token)
    change(issue(), created_at=now - timedelta(days=100))
    page = admin.get("/dashboard/acme/tokens")
    assert "2 tokens expire within 14 days." in text(page)
    assert "1 token has not been used for 90 days." in text(page)
    shown = re.findall(r'href="(\?[^"]+)">Show them', page.content.decode())
    counts = [
        len(admin.get("/dashboard/acme/tokens" + q.replace("&amp;", "&")).context["rows"])
        for q in shown
    ]
    assert counts == [2, 1]


def test_a_banner_counts_no_further_than_it_shows(admin, issue, monkeypatch):
    monkeypatch.setattr("dashboard.views.tokens.listing.MOST_COUNTED", 1)
    for _ in range(3):
        issue(expires_at=timezone.now() + timedelta(days=3))
    assert "More than 1 tokens expire within 14 days." in text(admin.get("/dashboard/acme/tokens"))


def test_without_tokens_there_is_one_sentence_and_one_button(admin):
    page = admin.get("/dashboard/acme/tokens")
    assert "No access tokens yet." in text(page)
    assert page.content.decode().count("Generate new token</a>") == 1
    assert "<table" not in page.content.decode()


def test_without_a_match_the_filters_can_be_cleared(admin, issue):
    issue(name="mine")
    page = admin.get("/dashboard/acme/tokens?q=other")
    assert "No tokens match these filters." in text(page)
    assert 'href="/dashboard/acme/tokens">Clear filters' in page.content.decode()


def test_the_end_of_an_old_secret_is_told(admin, actor, issue):
    rotate_token(actor=actor, token=issue().token, overlap=timedelta(hours=24))
    assert "old secret ends in 23 hours" in text(admin.get("/dashboard/acme/tokens"))


def test_a_rotation_is_offered_where_it_would_be_made(admin, actor, issue):
    free, busy = issue().token, issue().token
    rotate_token(actor=actor, token=busy, overlap=timedelta(hours=24))
    html = admin.get("/dashboard/acme/tokens").content.decode()
    assert f"/tokens/{free.token_id}/rotate" in html
    assert f"/tokens/{busy.token_id}/rotate" not in html


def test_only_tokens_of_the_organization_are_listed(names, globex, issue):
    issue(workspace=globex.workspaces.get(slug="production"), name="theirs")
    assert names(status="all") == []


def test_the_list_takes_under_10_queries_whatever_it_shows(
    admin, issue, development, django_assert_max_num_queries
):
    for number in range(40):
        issue(
            workspace=development if number % 2 else None,
            expires_at=timezone.now() + timedelta(days=5),
        )
    with django_assert_max_num_queries(9):
        page = admin.get("/dashboard/acme/tokens")
    with django_assert_max_num_queries(9):
        admin.get("/dashboard/acme/tokens", {"after": page.context["after"].token_id})


def test_neither_secret_nor_digest_is_in_the_list(admin, issue):
    issued = issue()
    html = admin.get("/dashboard/acme/tokens").content.decode()
    assert issued.token.token_id in html
    assert issued.secret not in html
    digest = text_of(issued.token.digest)
    assert digest not in html
    assert digest.rpartition("$")[2] not in html


def test_the_way_there_is_org_settings_access_tokens_generate_new_token(admin, issue):
    issue()
    html = admin.get("/dashboard/acme", follow=True).content.decode()
    assert "Org settings" in html
    assert f'<a href="{reverse("apikeys_dashboard:tokens", args=["acme"])}"' in html
    assert "Generate new token" in admin.get("/dashboard/acme/tokens").content.decode()


def test_members_are_refused_and_outsiders_find_nothing(client, bob, charlie, globex):
    client.force_login(bob)
    assert client.get("/dashboard/acme/tokens").status_code == 403
    assert "Access tokens" not in client.get("/dashboard/acme").content.decode()
    client.force_login(charlie)
    assert client.get("/dashboard/acme/tokens").status_code == 404
