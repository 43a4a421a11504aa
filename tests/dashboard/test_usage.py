"""The usage page, its CSV, and the chart that the token page includes."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.template.loader import render_to_string

from apikeys.models import AccessToken, RefusalCounter, UsageCounter
from apikeys.refusals import Reason
from dashboard import charts, labels

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
URL = "/dashboard/acme/usage"
CSV = "/dashboard/acme/usage.csv"


@pytest.fixture(autouse=True)
def _at_this_moment():
    with time_machine.travel(NOW, tick=False):
        yield


def count(token, outcome, number, *, ago=timedelta(0)):
    UsageCounter.objects.create(
        token=token, started_at=(NOW - ago).replace(minute=0), outcome=outcome, count=number
    )


@pytest.fixture
def used(issue, development, production):
    """Two tokens with use: 1,200 requests in production, 34 in development."""
    here = issue(workspace=production, name="CI deploy").token
    there = issue(workspace=development, name="Reports").token
    count(here, "success", 1000)
    count(here, "client_error", 150)
    count(here, "limited", 50, ago=timedelta(days=2))
    count(there, "success", 30)
    count(there, "refused", 4, ago=timedelta(days=20))
    RefusalCounter.objects.create(
        minute=NOW,
        address="",
        reason="token.expired",
        dialect="default",
        token_id=here.token_id,
        count=7,
    )
    return here, there


@pytest.fixture
def page(client, alice, used):
    """Open the page as alice; returns the response and the chart's data."""
    client.force_login(alice)

    def open_(query=""):
        response = client.get(URL + query)
        text = response.content.decode()
        found = re.search(r'<script id="chart-data" type="application/json">(.*?)</script>', text)
        return response, json.loads(found[1]) if found else None

    return open_


def numbers(response):
    """Return the tiles: requests, errors, limited, refused."""
    return [tile["value"] for tile in response.context["tiles"]]


@pytest.mark.parametrize("url", [URL, CSV])
def test_admins_see_it_and_nobody_else(client, acme, alice, bob, charlie, url):
    assert client.get(url).status_code == 302
    for user, status in ((alice, 200), (bob, 403), (charlie, 404)):
        client.force_login(user)
        assert client.get(url).status_code == status
    assert client.post(url).status_code in (403, 404, 405)


def test_the_numbers_of_30_days_are_in_tiles_chart_and_table(page, used):
    response, data = page()
    assert numbers(response) == [1234, 150, 50, 4]
    assert [series["name"] for series in data["series"]] == [
        "success",
        "client_error",
        "server_error",
        "limited",
        "refused",
    ]
    assert len(data["labels"]) == 30
    assert (data["labels"][0], data["labels"][-1]) == ("22 Oct", "20 Nov")
    assert [sum(series["values"]) for series in data["series"]] == [1030, 150, 0, 50, 4]
    text = response.content.decode()
    for shown in ("1,234", "1,030", "12.2 %", "CI deploy", "Token expired"):
        assert shown in text


def test_every_number_of_the_chart_is_in_the_table(page):
    response, data = page("?range=7d")
    text = response.content.decode()
    table = text[text.index("data-close-when-drawn") : text.index("</table>")]
    body = table[table.index("<tbody>") :]
    cells = [int(n.replace(",", "")) for n in re.findall(r'class="number"[^>]*>([\d,]+)<', body)]
    rows = [cells[i : i + 6] for i in range(0, len(cells), 6)]
    assert len(rows) == 7 + 1
    for day, row in enumerate(rows[:-1]):
        assert row[:-1] == [series["values"][day] for series in data["series"]]
        assert row[-1] == sum(row[:-1])
    assert rows[-1] == [1030, 150, 0, 50, 0, 1230]


@pytest.mark.parametrize(
    ("query", "requests", "bars"),
    [
        ("?range=24h", 1180, 24),
        ("?range=7d", 1230, 7),
        ("?range=90d", 1234, 90),
        ("?workspace=production", 1200, 30),
        ("?workspace=development&range=7d", 30, 7),
    ],
)
def test_range_and_workspace_choose(page, query, requests, bars):
    response, data = page(query)
    assert numbers(response)[0] == requests
    assert len(data["labels"]) == bars


def test_a_token_chooses_and_one_of_another_organization_does_not_exist(page, used, issue, globex):
    here, there = used
    assert numbers(page(f"?token={there.token_id}")[0])[0] == 34
    assert numbers(page(f"?token=%20{here.token_id}%20&range=24h")[0])[0] == 1150
    foreign = issue(workspace=globex.workspaces.get(slug="production")).token
    for token_id in (foreign.token_id, "nothing"):
        response, data = page(f"?token={token_id}")
        assert response.status_code == 200
        assert data is None
        assert "No token has this ID." in response.content.decode()


@pytest.mark.parametrize("query", ["?range=1y", "?token=" + "x" * 65])
def test_a_value_that_is_none_is_answered_with_a_message(page, client, query):
    response, data = page(query)
    assert response.status_code == 200
    assert data is None
    assert 'role="alert"' in response.content.decode()
    answer = client.get(CSV + query)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, URL)


def test_a_workspace_that_is_none_is_not_found(page):
    assert page("?workspace=nowhere")[0].status_code == 404


def test_the_csv_has_the_numbers_of_the_chart(page, client):
    _, data = page("?range=7d&workspace=production")
    response = client.get(CSV + "?range=7d&workspace=production")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == ('attachment; filename="usage-acme-2026-11-20.csv"')
    assert response["Cache-Control"] == "no-store, private"
    head, *rows = csv.reader(b"".join(response.streaming_content).decode().splitlines())
    assert head == [
        "started_at",
        "success",
        "client_error",
        "server_error",
        "limited",
        "refused",
        "total",
    ]
    assert [row[0] for row in rows][:2] == ["2026-11-14T00:00:00Z", "2026-11-15T00:00:00Z"]
    for day, row in enumerate(rows):
        assert [int(n) for n in row[1:-1]] == [series["values"][day] for series in data["series"]]
    assert sum(int(row[-1]) for row in rows) == 1200


def test_without_requests_the_page_says_so(client, alice, acme):
    client.force_login(alice)
    text = client.get(URL).content.decode()
    assert "No requests in this range." in text
    assert "chart-data" not in text


def test_refusals_alone_are_shown(client, alice, issue):
    token = issue().token
    RefusalCounter.objects.create(
        minute=NOW,
        address="",
        reason="credential.wrong_secret",
        dialect="default",
        token_id=token.token_id,
        count=3,
    )
    client.force_login(alice)
    response = client.get(URL)
    assert response.context["refused"] == [("Wrong secret", 3)]
    assert "Wrong secret" in response.content.decode()


def test_the_longest_range_says_how_long_reasons_are_kept(page):
    assert "Reasons are kept for 35 days." in page("?range=90d")[0].content.decode()
    assert "Reasons are kept" not in page("?range=30d")[0].content.decode()


def test_a_name_full_of_markup_stays_a_name(page, issue, production):
    token = issue(workspace=production, name="<script>alert(1)</script>").token
    count(token, "success", 5)
    text = page()[0].content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_nothing_is_inline(page):
    text = page()[0].content.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=", text)
    for attributes in re.findall(r"<script([^>]*)>", text):
        assert "src=" in attributes or 'type="application/json"' in attributes


def test_the_page_takes_a_bounded_number_of_queries(
    page, client, issue, production, django_assert_max_num_queries
):
    for number in range(30):
        count(issue(workspace=production).token, "success", number + 1)
    with django_assert_max_num_queries(13):
        response, _ = page()
    assert len(response.context["top_tokens"]) == 10


def test_the_token_page_includes_30_days_of_its_own(used, django_assert_num_queries):
    token = AccessToken.objects.select_related("workspace__organization").get(pk=used[1].pk)
    with django_assert_num_queries(2):
        context = charts.token_chart(token)
    assert context["usage"].totals.total == 34
    html = render_to_string(
        "apikeys_dashboard/usage/token_chart.html",
        {**context, "token": token, "organization": token.organization},
    )
    assert f'href="{URL}?token={token.token_id}"' in html
    assert html.count('<tr><th scope="row"') == 30


def test_a_token_without_requests_says_so(issue):
    token = issue().token
    html = render_to_string(
        "apikeys_dashboard/usage/token_chart.html",
        {**charts.token_chart(token), "token": token, "organization": token.organization},
    )
    assert "No requests in the last 30 days." in html


def test_every_reason_has_a_name_and_a_later_one_keeps_its_code():
    assert set(labels.REASONS) == set(Reason)
    assert labels.reason("token.expired") == "Token expired"
    assert labels.reason("moon.full") == "moon.full"
    assert labels.outcome("client_error") == "Client error"
    assert labels.outcome("cancelled") == "cancelled"


def test_every_fact_of_an_event_has_a_name_and_a_later_one_is_made_of_its_code():
    assert labels.detail("max_lifetime_days") == "Max lifetime days"
    assert labels.detail("phase_of_moon") == "Phase of moon"
    assert (labels.actor("system"), labels.actor("moon")) == ("system", "moon")
