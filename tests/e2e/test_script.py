"""What dashboard.js does, on a page that has one of everything."""

from __future__ import annotations

import pytest

from dashboard.pages import PAGE_HEADERS

SECRET = "canary-0123456789"
HTML = """<!doctype html><html lang="en"><head><title>x</title>
<link rel="icon" href="/static/apikeys_dashboard/icon.svg">
<link rel="stylesheet" href="/static/apikeys_dashboard/dashboard.css">
<script src="/static/apikeys_dashboard/dashboard.js" defer></script></head><body>
<p class="copyable"><code>plain</code>
  <button data-copy hidden aria-label="Copy plain">Copy</button></p>
<a href="/elsewhere" data-dialog="box">Revoke</a>
<dialog id="box" class="box"><h2>Sure?</h2><form>
  <input aria-label="name" data-confirm="CI deploy"><button data-confirmed>Really</button>
  <button data-close>Cancel</button></form></dialog>
<form id="list">
  <input type="checkbox" aria-label="all" data-check-all="t">
  <input type="checkbox" name="t" value="1" aria-label="one">
  <input type="checkbox" name="t" value="2" aria-label="two">
  <input type="radio" name="w" value="dev" id="dev"><label for="dev">dev</label>
  <input type="radio" name="w" value="prod" id="prod"><label for="prod">prod</label>
  <div data-show-when="w=prod" id="warning">Production</div>
  <textarea id="nets" aria-label="nets">10.0.0.0/8</textarea>
  <button type="button" data-append="192.0.2.1" data-append-to="nets" hidden>Add</button>
</form>
%s
<div id="status" role="status" data-copied="Kopiert" data-press-to-copy="Strg+C"
  data-store-first="Erst sichern"></div></body></html>"""
GUARDED = f"""<div data-secret-page>
<p class="copyable"><code data-secret id="secret">{SECRET}</code>
  <button data-copy data-stores hidden aria-label="Copy secret">Copy</button></p>
<a href="data:text/plain,{SECRET}" download="x.env" data-secret data-stores>Download</a>
<label><input type="checkbox" data-stored> I have stored it</label>
<a href="/static/apikeys_dashboard/icon.svg" data-done>Done</a></div>"""


@pytest.fixture
def show(context, live_server):
    """Serve a page with the dashboard's own headers, the policy included, and open it."""

    def go(extra=""):
        page = context.new_page()
        page.route(
            "**/everything",
            lambda route: route.fulfill(
                body=HTML % extra, content_type="text/html", headers=dict(PAGE_HEADERS)
            ),
        )
        page.goto("/everything")
        return page

    return go


def clipboard(page):
    return page.evaluate("navigator.clipboard.readText()")


def test_copy_buttons_copy_and_say_so(show):
    page = show()
    page.get_by_role("button", name="Copy plain").click()
    page.locator("#status", has_text="Kopiert").wait_for()
    assert clipboard(page) == "plain"


def test_where_there_is_no_clipboard_the_text_is_selected(context, show):
    context.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page = show()
    page.get_by_role("button", name="Copy plain").click()
    page.get_by_text("Strg+C").wait_for()
    assert page.evaluate("getSelection().toString()") == "plain"


def test_a_dialog_opens_closes_and_gives_the_focus_back(show):
    page = show()
    link = page.get_by_role("link", name="Revoke")
    link.click()
    assert page.locator("#box").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#box").is_visible()
    assert link.evaluate("link => link === document.activeElement")
    link.click()
    page.get_by_role("button", name="Cancel").click()
    assert not page.locator("#box").is_visible()
    assert page.url.endswith("/everything")


def test_a_confirmation_must_be_typed_exactly(show):
    page = show()
    page.get_by_role("link", name="Revoke").click()
    button, field = page.get_by_role("button", name="Really"), page.get_by_label("name")
    assert button.is_disabled()
    field.fill("ci deploy")
    assert button.is_disabled()
    field.fill("CI deploy")
    assert button.is_enabled()
    field.fill("CI deploy!")
    assert button.is_disabled()


def test_all_boxes_are_ticked_at_once(show):
    page = show()
    page.get_by_label("all").check()
    assert page.get_by_label("one").is_checked()
    assert page.get_by_label("two").is_checked()
    page.get_by_label("all").uncheck()
    assert not page.get_by_label("one").is_checked()


def test_a_part_is_seen_only_while_it_concerns_the_choice(show):
    page = show()
    assert not page.locator("#warning").is_visible()
    page.get_by_label("prod").check()
    assert page.locator("#warning").is_visible()
    page.get_by_label("dev").check()
    assert not page.locator("#warning").is_visible()


def test_a_line_is_added_once(show):
    page = show()
    for _ in range(2):
        page.get_by_role("button", name="Add").click()
    assert page.get_by_label("nets").input_value() == "10.0.0.0/8\n192.0.2.1"


def leave(page):
    """Try to leave; return whether the browser asked first."""
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.evaluate("setTimeout(() => location.assign('/static/apikeys_dashboard/dashboard.css'), 0)")
    page.wait_for_timeout(300)
    return asked == ["beforeunload"]


def test_leaving_before_the_secret_is_stored_asks_first(show):
    page = show(GUARDED)
    page.get_by_label("I have stored it").focus()
    page.keyboard.press("Tab")  # a page that nobody has touched may not ask
    done = page.get_by_role("link", name="Done")
    assert done.get_attribute("aria-disabled") == "true"
    done.click(force=True)
    page.get_by_text("Erst sichern").wait_for()
    assert leave(page)
    assert page.url.endswith("/everything")


@pytest.mark.parametrize("how", ["copy", "download", "tick"])
def test_once_the_secret_is_stored_done_leads_on(show, how):
    page = show(GUARDED)
    if how == "copy":
        page.get_by_role("button", name="Copy secret").click()
        page.locator("#status", has_text="Kopiert").wait_for()
    elif how == "download":
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        assert download.value.path().read_text() == SECRET
    else:
        page.get_by_label("I have stored it").check()
    page.get_by_role("link", name="Done").click()
    page.wait_for_url("**/icon.svg")


def test_taking_the_tick_back_asks_again(show):
    page = show(GUARDED)
    page.get_by_label("I have stored it").check()
    page.get_by_label("I have stored it").uncheck()
    assert page.get_by_role("link", name="Done").get_attribute("aria-disabled") == "true"
    assert leave(page)


def test_a_page_that_comes_back_has_forgotten_the_secret(show):
    page = show(GUARDED)
    page.get_by_label("I have stored it").check()
    # What the browser does to a page that it keeps and shows again.
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    assert SECRET not in page.content()
    page.locator("#secret").evaluate("(code, secret) => { code.textContent = secret }", SECRET)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    assert SECRET not in page.content()
