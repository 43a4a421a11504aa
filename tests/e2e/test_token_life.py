"""The life of a token in a browser: generated, saved, used, rotated, revoked, refused.

With scripts, without, and by keyboard alone.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import requests

from apikeys.models import AccessToken


@pytest.fixture
def admin(context, log_in, alice, acme):
    """A page of alice's, who runs Acme, with scripts."""
    log_in(context, alice)
    return context.new_page()


@pytest.fixture
def plain(without_scripts, log_in, alice, acme):
    """The same without scripts."""
    log_in(without_scripts, alice)
    return without_scripts.new_page()


def variables(download: Any) -> dict[str, str]:
    """Return what a downloaded file says."""
    lines = Path(download.path()).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


class Api:
    """Calls the server as a program that has read the file."""

    def __init__(self, origin: str, env: dict[str, str]) -> None:
        self.origin, self.env = origin, env

    def token(self) -> requests.Response:
        headers = {"X-API-Key": self.env["API_KEY"]}
        return requests.get(f"{self.origin}/access/v1/token", headers=headers, timeout=10)

    def token_over_basic(self) -> requests.Response:
        pair = (self.env["ACCESS_TOKEN_ID"], self.env["ACCESS_TOKEN_SECRET"])
        return requests.get(f"{self.origin}/access/v1/token", auth=pair, timeout=10)

    def add_note(self) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.env['API_KEY']}"}
        address = f"{self.origin}/api/demo/notes"
        return requests.post(address, json={"text": "Hello"}, headers=headers, timeout=10)


def fill_in(page: Any, name: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Production live data").check()
    page.get_by_role("radio", name=re.compile("^Read and write:")).check()


def test_a_token_from_its_first_day_to_its_last(admin, live_server, assert_accessible):
    admin.goto("/dashboard/acme")
    admin.get_by_role("link", name="Generate new token").click()
    fill_in(admin, "CI deploy")
    admin.get_by_role("button", name="Generate access token").click()
    admin.get_by_role("heading", name="Token “CI deploy” generated").wait_for()
    with admin.expect_download() as started:
        admin.get_by_role("link", name="Download .env").click()
    first = Api(live_server.url, variables(started.value))
    token_id = first.env["ACCESS_TOKEN_ID"]
    assert started.value.suggested_filename == f"access-token-{token_id}.env"
    assert first.token().json()["token_id"] == token_id
    assert first.token_over_basic().json()["name"] == "CI deploy"
    assert first.add_note().status_code == 201
    admin.get_by_role("button", name="Done").click()
    admin.wait_for_url(f"**/tokens/{token_id}?")

    admin.get_by_role("link", name="Rotate secret").click()
    admin.get_by_label("In 24 hours").check()
    admin.get_by_role("button", name="Rotate secret").click()
    admin.get_by_role("heading", name="Secret of “CI deploy” rotated").wait_for()
    with admin.expect_download() as started:
        admin.get_by_role("link", name="Download .env").click()
    second = Api(live_server.url, variables(started.value))
    assert second.env["ACCESS_TOKEN_ID"] == token_id
    assert [first.token().status_code, second.token().status_code] == [200, 200]
    admin.get_by_role("button", name="Done").click()
    admin.get_by_role("button", name="End now").click()
    admin.get_by_text("Only the newest secret works now.").wait_for()
    assert [first.token().status_code, second.token().status_code] == [401, 200]

    admin.get_by_role("link", name="Revoke token").click()
    admin.get_by_label("No longer needed").check()
    button = admin.get_by_role("button", name="Revoke token")
    assert button.is_disabled()
    admin.get_by_label(re.compile("^Type “CI deploy”")).fill("CI deploy")
    button.click()
    admin.get_by_text("CI deploy is revoked.").wait_for()
    assert second.token().status_code == 401
    assert second.add_note().status_code == 401


def test_the_same_life_without_scripts(plain, live_server):
    plain.goto("/dashboard/acme/tokens")
    plain.get_by_role("link", name="Generate new token").click()
    fill_in(plain, "CI deploy")
    plain.get_by_role("button", name="Generate access token").click()
    with plain.expect_download() as started:
        plain.get_by_role("link", name="Download .env").click()
    first = Api(live_server.url, variables(started.value))
    token_id = first.env["ACCESS_TOKEN_ID"]
    assert started.value.suggested_filename == f"access-token-{token_id}.env"
    assert first.add_note().status_code == 201
    # Copying is for scripts; a tick says that the secret is stored, and Done waits for it.
    assert plain.get_by_role("button", name=re.compile("^Copy")).count() == 0
    plain.get_by_role("button", name="Done").click()
    assert plain.get_by_role("heading", name="Token “CI deploy” generated").is_visible()
    plain.get_by_label("I have stored the secret").check()
    plain.get_by_role("button", name="Done").click()
    plain.wait_for_url(f"**/tokens/{token_id}?")

    plain.get_by_role("link", name="Rotate secret").click()
    plain.get_by_role("radio", name=re.compile("^Now:")).check()
    with plain.expect_download() as started:
        plain.get_by_role("button", name="Rotate and download .env").click()
    second = Api(live_server.url, variables(started.value))
    assert [first.token().status_code, second.token().status_code] == [401, 200]

    plain.goto(f"/dashboard/acme/tokens/{token_id}/revoke")
    plain.get_by_label("Leaked").check()
    plain.get_by_label(re.compile("^Type “CI deploy”")).fill("ci deploy")
    plain.get_by_role("button", name="Revoke token").click()
    assert plain.get_by_role("alert").is_visible()
    assert second.token().status_code == 200
    plain.get_by_label(re.compile("^Type “CI deploy”")).fill("CI deploy")
    plain.get_by_role("button", name="Revoke token").click()
    plain.get_by_text("CI deploy is revoked.").wait_for()
    assert second.token().status_code == 401


def tab_to(page: Any, target: Any, most: int = 80) -> None:
    """Press Tab until the focus is on the target, as somebody without a mouse does."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{target} is not reached by Tab")


def test_the_same_life_by_keyboard_alone(admin, live_server):
    admin.goto("/dashboard/acme/tokens")
    tab_to(admin, admin.get_by_role("link", name="Generate new token"))
    admin.keyboard.press("Enter")
    admin.wait_for_url("**/tokens/new")
    tab_to(admin, admin.get_by_label("Name", exact=True))
    admin.keyboard.type("CI deploy")
    tab_to(admin, admin.get_by_label("Development"))
    admin.keyboard.press("ArrowDown")
    assert admin.get_by_label("Production live data").is_checked()
    tab_to(admin, admin.get_by_role("radio", name=re.compile("^Read-only:")))
    admin.keyboard.press("ArrowDown")
    tab_to(admin, admin.get_by_role("button", name="Generate access token"))
    admin.keyboard.press("Enter")
    admin.get_by_role("heading", name="Token “CI deploy” generated").wait_for()
    tab_to(admin, admin.get_by_role("button", name="Copy the API key"))
    admin.keyboard.press("Enter")
    admin.locator("#status", has_text="Copied").wait_for()
    key = admin.evaluate("navigator.clipboard.readText()")
    first = Api(live_server.url, {"API_KEY": key})
    assert first.token().json()["name"] == "CI deploy"
    tab_to(admin, admin.get_by_role("button", name="Done"))
    admin.keyboard.press("Enter")
    admin.get_by_role("heading", name="CI deploy Active").wait_for()
    tab_to(admin, admin.get_by_role("link", name="Rotate secret"))
    admin.keyboard.press("Enter")
    tab_to(admin, admin.get_by_label("In 24 hours"))
    for _ in range(2):
        admin.keyboard.press("ArrowUp")
    assert admin.get_by_role("radio", name=re.compile("^Now:")).is_checked()
    tab_to(admin, admin.get_by_role("button", name="Rotate secret"))
    admin.keyboard.press("Enter")
    admin.get_by_role("heading", name="Secret of “CI deploy” rotated").wait_for()
    assert first.token().status_code == 401
    tab_to(admin, admin.get_by_label("I have stored the secret"))
    admin.keyboard.press("Space")
    tab_to(admin, admin.get_by_role("button", name="Done"))
    admin.keyboard.press("Enter")
    tab_to(admin, admin.get_by_role("link", name="Revoke token"))
    admin.keyboard.press("Enter")
    tab_to(admin, admin.get_by_label("Leaked"))
    admin.keyboard.press("Space")
    tab_to(admin, admin.get_by_label(re.compile("^Type “CI deploy”")))
    admin.keyboard.type("CI deploy")
    tab_to(admin, admin.get_by_role("button", name="Revoke token"))
    admin.keyboard.press("Enter")
    admin.get_by_text("CI deploy is revoked.").wait_for()
    assert AccessToken.objects.get().revoke_reason == "Leaked"


def test_generating_straight_into_a_file_never_shows_the_secret(admin, live_server):
    admin.goto("/dashboard/acme/tokens/new")
    fill_in(admin, "CI deploy")
    button = admin.get_by_role("button", name="Generate and download .env")
    with admin.expect_download() as started:
        button.click()
    api = Api(live_server.url, variables(started.value))
    assert api.token().status_code == 200
    assert admin.url.endswith("/tokens/new")
    assert api.env["ACCESS_TOKEN_SECRET"] not in admin.content()
    # The page stays with the form that was sent; sending it again makes nothing.
    admin.get_by_role("button", name="Generate access token").click()
    admin.get_by_role("heading", name="This form was sent before").wait_for()
    assert AccessToken.objects.count() == 1


def test_a_double_click_makes_one_token_and_shows_its_secret(admin):
    admin.goto("/dashboard/acme/tokens/new")
    fill_in(admin, "CI deploy")
    admin.get_by_role("button", name="Generate access token").dblclick()
    admin.get_by_role("heading", name="Token “CI deploy” generated").wait_for()
    assert AccessToken.objects.count() == 1
    admin.get_by_label("I have stored the secret").check()


def test_without_scripts_a_double_click_makes_one_token(plain):
    plain.goto("/dashboard/acme/tokens/new")
    fill_in(plain, "CI deploy")
    plain.get_by_role("button", name="Generate access token").dblclick()
    plain.wait_for_url("**/tokens/new")
    plain.get_by_role("heading", name=re.compile("generated|sent before")).wait_for()
    assert AccessToken.objects.count() == 1


def test_the_choices_follow_each_other(admin):
    admin.goto("/dashboard/acme/tokens/new")
    custom = admin.locator(".permissions .custom")
    assert not custom.is_visible()
    admin.get_by_label("Custom: choose below").check()
    assert custom.is_visible()
    date = admin.get_by_label("Expires (UTC)")
    assert not date.is_visible()
    admin.get_by_label("Another date").check()
    assert date.is_visible()
    why = admin.get_by_text("For production we recommend a list of allowed networks")
    assert not why.is_visible()
    admin.get_by_label("Production live data").check()
    assert why.is_visible()
    admin.get_by_text("Restrictions and kind").click()
    admin.get_by_role("button", name="Add it").click()
    assert admin.get_by_label("Allowed networks").input_value() in ("127.0.0.1", "::1")


def test_every_token_page_is_accessible(admin, assert_accessible, issue, actor, development):
    token = issue(name="CI deploy", scopes=["notes:read", "notes:write"]).token
    issue(name="Reports", workspace=development)
    here = f"/dashboard/acme/tokens/{token.token_id}"
    for address in (
        "/dashboard/acme/tokens",
        "/dashboard/acme/tokens?q=nothing",
        "/dashboard/acme/tokens/new",
        here,
        f"{here}/edit",
        f"{here}/rotate",
        f"{here}/revoke",
        "/dashboard/acme/tokens/revoke?all=production",
    ):
        admin.goto(address)
        assert_accessible(admin)
    admin.goto("/dashboard/acme/tokens/new")
    admin.get_by_label("Custom: choose below").check()
    admin.get_by_text("Restrictions and kind").click()
    admin.get_by_role("button", name="Generate access token").click()
    admin.get_by_role("alert").wait_for()
    assert_accessible(admin)
    admin.get_by_role("radio", name=re.compile("^Read-only:")).check()
    fill_in(admin, "Shown")
    admin.get_by_role("button", name="Generate access token").click()
    admin.get_by_role("heading", name="Token “Shown” generated").wait_for()
    assert_accessible(admin)
    admin.get_by_label("I have stored the secret").check()
