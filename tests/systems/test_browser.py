"""The browser's side of Tools.FAST and FreeFileTools: pages of this server and of strangers."""

from __future__ import annotations

import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from apikeys.models import Organization
from tests.systems import samples
from tests.systems.conftest import EXAMPLES, fill_in

# Playwright's event loop runs in the test's thread, where Django refuses the ORM otherwise.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
CHROMIUM = os.environ.get("CHROMIUM_PATH") or next(filter(None, map(shutil.which, NAMES)), None)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.project,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no browser: Chromium was not found"),
]

FORM = """
  const form = new FormData();
  form.append("file", new Blob([Uint8Array.from(atob(file), c => c.charCodeAt(0))]), "photo.jpg");
  form.append("targetFormat", "png");
"""


@pytest.fixture(scope="session")
def base_url() -> None:
    """Nothing for the whole run: each test names its server."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": arguments}


@pytest.fixture(scope="session")
def stranger() -> Iterator[str]:
    """The origin of a page that is not ours."""

    class Blank(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<!doctype html><title>A stranger</title><input type=file>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Blank)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(accept_downloads=True)
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def photo(tmp_path) -> str:
    path = tmp_path / "photo.jpg"
    path.write_bytes(samples.image("jpg", (640, 480)))
    return str(path)


def run(page: Page, body: str, **values: Any) -> Any:
    """Run a script's body in the page; what it throws is its answer."""
    names = ", ".join(values)
    script = f"async ({{{names}}}) => {{ try {{ {body} }} catch (e) {{ return String(e); }} }}"
    return page.evaluate(script, values)


def credits() -> int:
    return Organization.objects.get(slug="tools-fast").credits


def encoded(content: bytes) -> str:
    import base64

    return base64.b64encode(content).decode()


def test_s0_07_a_strangers_page_cannot_use_a_key(server, page, stranger, account, issue_for):
    key = issue_for(account("tools-fast")).api_key
    page.goto(stranger)
    answer = run(
        page,
        FORM
        + """
  const response = await fetch(url + "/convert", {
    method: "POST", headers: { "X-Fast-Api-Key": key }, body: form,
  });
  return response.status;
""",
        url=server.url,
        key=key,
        file=encoded(samples.image("jpg")),
    )
    assert answer == "TypeError: Failed to fetch"
    assert credits() == 500


def test_s0_07_a_strangers_page_cannot_make_anything_happen_unseen(
    server, page, stranger, account, issue_for
):
    account("tools-fast")
    page.goto(stranger)
    script = FORM + (
        'return (await fetch(url + "/convert", '
        '{ method: "POST", mode: "no-cors", body: form })).type;'
    )
    file = encoded(samples.image("jpg"))
    assert run(page, script, url=server.url, file=file) == "opaque"
    assert credits() == 500


def test_s0_07_a_page_of_this_server_can_use_a_key(server, page, account, issue_for):
    key = issue_for(account("tools-fast")).api_key
    page.goto(f"{server.url}/tools/image-compress")
    script = FORM + (
        'const response = await fetch("/convert", '
        '{ method: "POST", headers: { "X-Fast-Api-Key": key }, body: form });'
        "return [response.status, response.headers.get('Content-Type')];"
    )
    answer = run(page, script, key=key, file=encoded(samples.image("jpg")))
    assert answer == [200, "image/png"]
    assert credits() == 495


def test_s1_05_the_seeds_own_javascript_works_from_a_strangers_page(
    server, page, stranger, account, issue_for, photo
):
    key = issue_for(account("freefiletools"))
    page.goto(stranger)
    page.locator("input").set_input_files(photo)
    example = fill_in((EXAMPLES / "freefiletools/in_a_page.js").read_text(), server, key)
    answer = run(
        page,
        'const fileInput = document.querySelector("input");'
        + example
        + "const bytes = new Uint8Array(await blob.arrayBuffer());"
        + "return { status: response.status, bytes: Array.from(bytes), "
        + "left: response.headers.get('X-RateLimit-Remaining') };",
    )
    assert (answer["status"], answer["left"]) == (200, "49")
    assert samples.read(bytes(answer["bytes"])) == ("JPEG", (640, 480))


def test_s1_03_a_strangers_page_without_a_key_reads_the_401(server, page, stranger):
    page.goto(stranger)
    script = FORM + (
        'const response = await fetch(url + "/api/image-compress", { method: "POST", body: form });'
        "return [response.status, (await response.json()).error];"
    )
    file = encoded(samples.image("jpg"))
    assert run(page, script, url=server.url, file=file) == [401, "Unauthorized"]


def test_s1_03_the_first_party_page_compresses_without_a_key(server, page, photo, tmp_path):
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    sent: list[dict[str, str]] = []
    page.on("request", lambda request: sent.append(request.all_headers()))
    page.goto(f"{server.url}/tools/image-compress")
    page.get_by_label("Image").set_input_files(photo)
    page.get_by_label("Quality").fill("40")
    page.get_by_role("button", name="Compress image").click()
    link = page.get_by_role("link", name="Save the compressed image")
    with page.expect_download() as download:
        link.click()
    saved = tmp_path / "saved.jpg"
    download.value.save_as(saved)
    assert download.value.suggested_filename == "compressed-photo.jpg"
    assert samples.read(saved.read_bytes()) == ("JPEG", (640, 480))
    assert saved.stat().st_size < (tmp_path / "photo.jpg").stat().st_size
    assert "became" in page.locator("#result").inner_text()
    assert not any("x-api-key" in headers for headers in sent)
    assert problems == []


def test_s1_03_the_first_party_page_shows_what_is_wrong(server, page, tmp_path):
    page.goto(f"{server.url}/tools/image-compress")
    (tmp_path / "photo.jpg").write_bytes(b"no photo")
    page.get_by_label("Image").set_input_files(tmp_path / "photo.jpg")
    page.get_by_role("button", name="Compress image").click()
    page.get_by_text("file: The file is not an image, or is damaged.").wait_for()


def test_s1_03_the_first_party_page_works_without_javascript(server, browser, photo, tmp_path):
    context = browser.new_context(accept_downloads=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/tools/image-compress")
    page.get_by_label("Image").set_input_files(photo)
    with page.expect_download() as download:
        page.get_by_role("button", name="Compress image").click()
    saved = tmp_path / "saved.jpg"
    download.value.save_as(saved)
    assert samples.read(saved.read_bytes()) == ("JPEG", (640, 480))
    context.close()


def test_s1_03_the_first_party_page_is_accessible(server, page):
    page.goto(f"{server.url}/tools/image-compress")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    for theme in ("light", "dark"):
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=theme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            found = Axe().run(page, options={"runOnly": rules})
            assert found.violations_count == 0, found.generate_report()
            if shots := os.environ.get("SCREENSHOTS"):
                page.screenshot(path=f"{shots}/compress-{theme}-{width}.png")
