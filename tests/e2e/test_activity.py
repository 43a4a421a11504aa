"""Usage and audit log in a browser: charts drawn, tables open without scripts, axe content."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apikeys.models import RefusalCounter, UsageCounter
from apikeys.services.actors import Actor
from apikeys.services.tokens import update_token


@pytest.fixture
def used(issue, alice):
    """A token with use on 20 days and some changes."""
    token = issue(name="CI deploy").token
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    for days in range(20):
        for outcome, number in (("success", 100), ("server_error", 8), ("refused", 5)):
            UsageCounter.objects.create(
                token=token,
                started_at=now - timedelta(days=days),
                outcome=outcome,
                count=number + days,
            )
    RefusalCounter.objects.create(
        minute=now,
        address="",
        reason="token.expired",
        dialect="default",
        token_id=token.token_id,
        count=5,
    )
    actor = Actor.person(alice, address="203.0.113.5", request_id="request-1")
    update_token(actor=actor, token=token, description="Runs at 02:00")
    return token


# Whether the chart has at least 50 pixels of a colour. It reads a copy: reading the chart's own
# canvas again and again makes Chromium warn.
DRAWN_IN = """(colour) => {
  const canvas = document.querySelector("canvas[data-chart]");
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  const pen = copy.getContext("2d", { willReadFrequently: true });
  pen.drawImage(canvas, 0, 0);
  const { data } = pen.getImageData(0, 0, copy.width, copy.height);
  let seen = 0;
  for (let i = 0; i < data.length; i += 4) {
    seen += `rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})` === colour && data[i + 3] > 250;
  }
  return seen >= 50;
}"""


def swatch(page, outcome):
    return page.eval_on_selector(f"[data-outcome={outcome}]", "e => getComputedStyle(e).color")


def test_the_chart_is_drawn_in_the_colours_of_its_legend_in_both_themes(
    page, context, log_in, alice, used, assert_accessible
):
    log_in(context, alice)
    page.goto("/dashboard/acme/usage")
    assert page.locator("canvas[data-chart]").is_visible()
    colours = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        success = swatch(page, "success")
        page.wait_for_function(DRAWN_IN, arg=success)
        assert page.evaluate(DRAWN_IN, swatch(page, "server_error"))
        assert page.evaluate(DRAWN_IN, swatch(page, "refused"))
        colours.append(success)
    assert colours[0] != colours[1]
    page.emulate_media(color_scheme="light")
    assert_accessible(page)


def test_the_data_is_under_show_data_and_follows_the_range(page, context, log_in, alice, used):
    log_in(context, alice)
    page.goto("/dashboard/acme/usage")
    table = page.locator("table", has_text="Day (UTC)")
    assert not table.is_visible()
    page.get_by_text("Show data").click()
    assert table.is_visible()
    page.get_by_role("link", name="7 days").click()
    assert "range=7d" in page.url
    page.get_by_text("Show data").click()
    assert page.locator("table", has_text="Day (UTC)").locator("tbody tr").count() == 7 + 1
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    assert download.value.suggested_filename.startswith("usage-acme-")
    assert len(download.value.path().read_text().splitlines()) == 7 + 1


def test_without_scripts_the_table_is_open_and_no_empty_chart_is_shown(
    without_scripts, log_in, alice, used
):
    log_in(without_scripts, alice)
    page = without_scripts.new_page()
    page.goto("/dashboard/acme/usage?range=7d")
    assert page.locator("table", has_text="Day (UTC)").is_visible()
    assert not page.locator("canvas[data-chart]").is_visible()
    page.get_by_label("Token ID").fill(used.token_id)
    page.get_by_role("button", name="Apply").click()
    assert f"token={used.token_id}" in page.url
    assert "range=7d" in page.url
    assert page.get_by_role("row", name="CI deploy").is_visible()


def test_usage_without_requests_and_with_a_wrong_token_is_accessible(
    page, context, log_in, alice, acme, assert_accessible
):
    log_in(context, alice)
    page.goto("/dashboard/acme/usage")
    assert page.get_by_text("No requests in this range.").is_visible()
    assert_accessible(page)
    page.goto("/dashboard/acme/usage?token=nothing")
    assert_accessible(page)


def test_the_audit_log_opens_details_filters_and_downloads(
    page, context, log_in, alice, used, assert_accessible
):
    log_in(context, alice)
    page.goto("/dashboard/acme/audit")
    newest, updated = (page.locator(".audit > table > tbody").nth(number) for number in range(2))
    assert newest.get_by_text("Member logged in").first.is_visible()
    assert updated.get_by_text("Token updated").first.is_visible()
    updated.locator("summary").click()
    assert updated.get_by_role("cell", name="Runs at 02:00").is_visible()
    assert updated.get_by_text("request-1").is_visible()
    assert_accessible(page)
    page.get_by_label("Action").select_option("Token created")
    page.get_by_role("button", name="Apply").click()
    assert page.locator(".audit > table > tbody").count() == 1
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON lines").click()
    assert len(download.value.path().read_text().splitlines()) == 1
    page.get_by_role("link", name="Clear filters").click()
    assert page.locator(".audit > table > tbody").count() > 1


def test_the_audit_log_works_without_scripts_and_says_what_is_wrong(
    without_scripts, page, context, log_in, alice, used, assert_accessible
):
    log_in(without_scripts, alice)
    plain = without_scripts.new_page()
    plain.goto("/dashboard/acme/audit?from=2026-11-02&to=2026-11-01")
    assert plain.get_by_role("alert").is_visible()
    plain.get_by_role("link", name="Clear filters").click()
    plain.locator(".audit summary").first.click()
    assert plain.get_by_text("Event ID").first.is_visible()
    log_in(context, alice)
    page.goto("/dashboard/acme/audit?from=2026-11-02&to=2026-11-01")
    assert_accessible(page)
