"""A host that confirms people on a page of its own: they are led there, and what it says counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.http import HttpRequest
from django.utils import timezone

from apikeys import reauthentication

pytestmark = pytest.mark.django_db

NEW = "/dashboard/acme/tokens/new"
INVITE = "/dashboard/acme/members/invite"
AGAIN = "/sso/again"
_confirmed: list[Any] = [None]


def confirmed(request: HttpRequest) -> Any:
    """When the host has last confirmed the person."""
    return _confirmed[0]


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def stale(client: Any, alice: Any, acme: Any, settings: Any, clock: Any) -> Any:
    """Alice's session, an hour after her log-in, in a host with a page of its own."""
    _confirmed[0] = None
    said = {"REAUTHENTICATE_URL": AGAIN, "REAUTHENTICATED_AT": f"{__name__}.confirmed"}
    settings.APIKEYS = {**settings.APIKEYS, **said}
    client.force_login(alice)
    clock.shift(timedelta(hours=1))
    return client


def test_a_stale_session_is_led_to_the_hosts_page(stale: Any) -> None:
    assert stale.get(NEW)["Location"] == f"{AGAIN}?next={NEW}"
    for method in (stale.get, stale.post):
        led = method(f"/dashboard/confirm?next={NEW}", {"password": "correct horse battery staple"})
        assert led["Location"].startswith(AGAIN)
    assert stale.get(NEW).status_code == 302, "asking confirms nothing"


def test_a_form_that_waited_comes_back_filled_with_a_link_to_it(stale: Any) -> None:
    response = stale.post(INVITE, {"email": "dora@example.org", "role": "member"})
    text = response.content.decode()
    assert response.status_code == 200
    assert f'<a href="{AGAIN}" target="_blank">Confirm it' in text
    assert 'value="dora@example.org"' in text
    assert 'type="password"' not in text
    _confirmed[0] = timezone.now()
    assert stale.post(INVITE, {"email": "dora@example.org", "role": "member"}).status_code == 302


def test_a_button_that_widens_leads_there_too(stale: Any, acme: Any) -> None:
    acme.allowed_networks = ["192.0.2.0/24"]
    acme.save()
    form = {"allowed_networks": "", "max_lifetime_days": ""}
    text = stale.post("/dashboard/acme/settings", form).content.decode()
    assert f'<a href="{AGAIN}" target="_blank">Confirm it' in text
    again = stale.post("/dashboard/acme/settings", {**form, "password": "anything"})
    assert again.status_code == 200
    acme.refresh_from_db()
    assert acme.allowed_networks == ["192.0.2.0/24"]


@pytest.mark.parametrize("kind", [datetime, float, int])
@pytest.mark.parametrize(
    ("minutes", "counts"), [(0, True), (14, True), (15, False), (60, False), (-1, False)]
)
def test_what_the_host_says_counts_for_as_long_as_a_check_of_ours(
    stale: Any, kind: type, minutes: int, counts: bool
) -> None:
    moment = timezone.now() - timedelta(minutes=minutes)
    _confirmed[0] = moment if kind is datetime else kind(moment.timestamp())
    assert stale.get(NEW).status_code == (200 if counts else 302)


@pytest.mark.parametrize("junk", [None, "now", "2030-01-01", {}, []])
def test_anything_else_counts_for_nothing(stale: Any, junk: Any) -> None:
    _confirmed[0] = junk
    assert stale.get(NEW).status_code == 302


def test_a_host_may_stamp_the_session_instead(stale: Any, settings: Any, rf: Any) -> None:
    settings.APIKEYS = {**settings.APIKEYS, "REAUTHENTICATED_AT": None}
    assert stale.get(NEW).status_code == 302
    request = rf.get(AGAIN)
    request.session = stale.session
    reauthentication.stamp(request)
    request.session.save()
    assert stale.get(NEW).status_code == 200


def test_nobody_is_asked_about_whoever_has_not_logged_in(
    client: Any, acme: Any, stale: Any
) -> None:
    _confirmed[0] = datetime.now(UTC)
    stale.logout()
    assert stale.get(NEW)["Location"].startswith("/accounts/login/")
