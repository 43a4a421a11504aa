"""Each of the five systems in Chromium: sign up, generate, call as its own example does, revoke."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apikeys.models import AccessToken
from apikeys.services.tokens import IssuedToken
from tests.systems import samples
from tests.systems.test_browser import base_url, browser_type_launch_args, pytestmark

__all__ = ["base_url", "browser_type_launch_args", "pytestmark"]

PASSWORD = "correct horse battery staple"
JPEG = b"\xff\xd8\xff"


def sign_up(page: Page, url: str, dialect: str) -> None:
    page.goto(f"{url}/")
    page.locator(f'a[href$="api={dialect}"]').click()
    expect(page.locator(f'input[name="dialect"][value="{dialect}"]')).to_be_checked()
    page.locator('input[name="email"]').fill("dora@example.org")
    page.locator('input[name="name"]').fill("Dora")
    page.locator('input[name="password1"]').fill(PASSWORD)
    page.locator('input[name="password2"]').fill(PASSWORD)
    page.locator('input[name="organization"]').fill("Initech")
    page.get_by_role("button", name="Sign up").click()
    page.get_by_role("heading", name="Access tokens").wait_for()


def generate(page: Page, dialect: str, preset: str) -> dict[str, str]:
    """Return what the downloaded `.env` file says."""
    page.get_by_role("link", name="Generate new token").first.click()
    page.get_by_label("Name", exact=True).fill("Backend")
    page.get_by_label("Production live data").check()
    if preset:
        page.locator(f'input[name="may-{dialect}-preset"][value="{preset}"]').check()
    page.get_by_role("button", name="Generate access token").click()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download .env").click()
    lines = Path(started.value.path()).read_text().splitlines()
    page.get_by_role("button", name="Done").click()
    page.wait_for_url(re.compile(r"/tokens/[A-Za-z0-9]+\??$"))
    return dict(line.split("=", 1) for line in lines)


def revoke(page: Page) -> None:
    page.get_by_role("link", name="Revoke token").click()
    page.get_by_label("Leaked").check()
    page.get_by_label(re.compile("^Type “Backend”")).fill("Backend")
    page.get_by_role("button", name="Revoke token").click()
    page.get_by_text("Backend is revoked.").wait_for()


def credential(env: dict[str, str]) -> IssuedToken:
    """Return the credential that the file names, for an example's placeholders."""
    token = AccessToken.objects.get()
    others = [value for value in env.values() if value != token.token_id]
    return IssuedToken(token=token, secret=others[0].rpartition("_")[2], api_key=others[-1])


@pytest.mark.parametrize(
    ("dialect", "preset", "example", "accepted", "refused"),
    [
        ("tools-fast", "write", "tools_fast/convert.sh", JPEG, b'{"error": "api_key.'),
        ("freefiletools", "", "freefiletools/compress.sh", JPEG, b'{"error": "Unauthorized"'),
        ("fastpix", "write", "fastpix/create.sh", b'{"success": true', b'{"success": false'),
        ("fastcms", "read", "fastcms/list_collections.sh", b'{"items": [', b'{"error": "Auth'),
        ("fastly", "read", "fastly/service.sh", b"[]", b'{"msg": "Provided credentials'),
    ],
)
def test_from_sign_up_to_a_revoked_key(
    server, page, run_example, tmp_path, dialect, preset, example, accepted, refused
):
    sign_up(page, server.url, dialect)
    key = credential(generate(page, dialect, preset))
    files = {"photo.heic": samples.image("heic"), "image.jpg": samples.image("jpg")}

    def answer() -> bytes:
        (tmp_path / "compressed.jpg").unlink(missing_ok=True)
        done = run_example(example, key=key, files=files)
        assert done.returncode == 0, done.stderr
        saved = tmp_path / "compressed.jpg"
        return done.stdout or saved.read_bytes()

    assert answer().startswith(accepted)
    revoke(page)
    assert answer().startswith(refused)
