"""Pages that are read from right to left: the same pages, mirrored."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apikeys.models import UsageCounter
from apikeys.services.tokens import rotate_token
from tests.support.catalogues import marked

# Written from right to left.
LANGUAGE = "ar"


@pytest.fixture
def from_right_to_left(settings):
    """The server speaks a language of that direction, in which all texts are marked."""
    settings.LANGUAGE_CODE = LANGUAGE
    with marked(LANGUAGE):
        yield


@pytest.fixture
def paths(issue, actor, bob):
    token, rotated = issue(name="CI deploy").token, issue(name="Reports").token
    rotate_token(actor=actor, token=rotated, overlap=timedelta(hours=1))
    for days in range(9):
        UsageCounter.objects.create(
            token=token,
            started_at=timezone.now() - timedelta(days=days),
            outcome="success",
            count=1000 + days,
        )
    names = ["tokens", "tokens/new", "usage", "audit", "members", "settings", "workspaces"]
    names += [
        f"tokens/{each.token_id}{part}" for each in (token, rotated) for part in ("", "/edit")
    ]
    return [f"/dashboard/acme/{name}" for name in [*names, f"tokens/{token.token_id}/revoke"]]


def test_every_page_is_mirrored_and_nothing_lies_outside_of_what_is_seen(
    page, context, log_in, alice, acme, paths, from_right_to_left
):
    log_in(context, alice)
    for path in paths:
        page.goto(path)
        assert page.evaluate("document.documentElement.dir") == "rtl"
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path}: {wide} of {width} px"
        side = page.locator("nav.side").bounding_box()
        content = page.locator("main").bounding_box()
        assert side["x"] >= content["x"] + content["width"] - 1, path
        heading = page.evaluate("getComputedStyle(document.querySelector('h1')).textAlign")
        assert heading == "start"
        codes = page.locator("code")
        for index in range(codes.count()):
            assert codes.nth(index).evaluate("e => getComputedStyle(e).direction") == "ltr"


def test_in_a_language_that_nobody_translated_the_pages_run_from_left_to_right(
    page, context, log_in, alice, acme, settings
):
    settings.LANGUAGE_CODE = LANGUAGE
    log_in(context, alice)
    page.goto("/dashboard/acme/tokens")
    root = page.locator("html")
    assert (root.get_attribute("lang"), root.get_attribute("dir")) == ("en", "ltr")
    page.get_by_role("heading", name="Access tokens").wait_for()
    side, content = page.locator("nav.side").bounding_box(), page.locator("main").bounding_box()
    assert side["x"] + side["width"] <= content["x"] + 1
