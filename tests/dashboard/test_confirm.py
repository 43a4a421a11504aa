"""The password asked again: when, how, and what happens to a form whose check has lapsed."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django import forms
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from apikeys import reauthentication
from dashboard.access import recent_password
from dashboard.forms.password import PasswordAgainMixin

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"
CONFIRM = "/dashboard/confirm"
MINUTES = 15


@pytest.fixture
def clock():
    """A clock that stands still until a test moves it."""
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def session_of(client):
    """Make a request that carries the client's session and person."""

    def make(method="get", data=None, user=None):
        request = getattr(RequestFactory(), method)("/form?x=1", data or {})
        request.session, request.user = client.session, user
        return request

    return make


class Rename(PasswordAgainMixin):
    name = forms.CharField(max_length=5)


@recent_password
def guarded(request, organization):
    return HttpResponse("the form")


def lapse(clock):
    clock.shift(timedelta(minutes=MINUTES))


def test_a_log_in_counts_for_fifteen_minutes(client, alice, session_of, clock):
    client.force_login(alice)
    clock.shift(timedelta(minutes=MINUTES) - timedelta(microseconds=1000))
    assert reauthentication.is_recent(session_of())
    clock.shift(timedelta(microseconds=1000))
    assert not reauthentication.is_recent(session_of())


def test_a_session_without_a_check_has_none(client, session_of):
    assert not reauthentication.is_recent(session_of())


@pytest.mark.parametrize("junk", ["1e18", None, {}, 1e18])
def test_a_check_that_is_junk_or_from_the_future_counts_for_nothing(client, session_of, junk):
    request = session_of()
    request.session[reauthentication.SESSION_KEY] = junk
    assert not reauthentication.is_recent(request)


def test_a_request_without_sessions_has_no_check():
    assert not reauthentication.is_recent(RequestFactory().get("/"))


def test_the_setting_says_how_long(client, alice, session_of, clock, settings):
    settings.APIKEYS = {**settings.APIKEYS, "REAUTHENTICATE_AFTER": timedelta(minutes=1)}
    client.force_login(alice)
    clock.shift(timedelta(minutes=1))
    assert not reauthentication.is_recent(session_of())


def test_another_persons_log_in_is_no_check_of_this_one(client, alice, charlie, session_of, clock):
    client.force_login(charlie)
    lapse(clock)
    client.force_login(alice)
    assert reauthentication.is_recent(session_of())
    client.logout()
    assert reauthentication.SESSION_KEY not in client.session


def test_a_form_behind_the_check_is_shown_while_it_is_recent(client, alice, session_of):
    client.force_login(alice)
    assert guarded(session_of(), None).content == b"the form"


def test_a_form_behind_the_check_leads_to_the_password_once_it_lapsed(
    client, alice, session_of, clock
):
    client.force_login(alice)
    lapse(clock)
    for method in ("get", "head"):
        response = guarded(session_of(method), None)
        assert response.status_code == 302
        assert response["Location"] == f"{CONFIRM}?next=/form%3Fx%3D1"
    assert guarded(session_of("post"), None).content == b"the form"


def test_the_right_password_leads_on_and_counts(client, alice, session_of, clock):
    client.force_login(alice)
    lapse(clock)
    page = client.get(f"{CONFIRM}?next=/dashboard/x").content.decode()
    assert 'value="/dashboard/x"' in page
    response = client.post(CONFIRM, {"password": PASSWORD, "next": "/dashboard/x"})
    assert response.status_code == 302
    assert response["Location"] == "/dashboard/x"
    assert reauthentication.is_recent(session_of())


def test_a_wrong_password_leads_nowhere_and_is_not_shown_again(client, alice, session_of, clock):
    client.force_login(alice)
    lapse(clock)
    response = client.post(CONFIRM, {"password": "not mine 31337", "next": "/dashboard/x"})
    assert response.status_code == 200
    page = response.content.decode()
    assert "This is not your password." in page
    assert "31337" not in page
    assert not reauthentication.is_recent(session_of())


def test_somebody_elses_password_is_a_wrong_one(client, alice, make_user, session_of, clock):
    make_user("mallory@example.org", password="mallory's own words")
    client.force_login(alice)
    lapse(clock)
    response = client.post(CONFIRM, {"password": "mallory's own words"})
    assert "This is not your password." in response.content.decode()


def test_an_empty_password_says_what_to_do(client, alice, clock):
    client.force_login(alice)
    lapse(clock)
    assert "Enter your password" in client.post(CONFIRM, {}).content.decode()


@pytest.mark.parametrize("address", ["198.51.100.7", None])
def test_attempts_run_out_wherever_they_come_from(
    client, alice, limits_in_memory, settings, clock, address
):
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in": "2/minute"}}
    client.force_login(alice)
    lapse(clock)
    elsewhere = {"REMOTE_ADDR": address} if address else {}
    for _ in range(2):
        assert client.post(CONFIRM, {"password": "wrong"}).status_code == 200
    response = client.post(CONFIRM, {"password": PASSWORD}, **elsewhere)
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60
    assert "Too many attempts" in response.content.decode()
    clock.shift(timedelta(minutes=1, seconds=1))
    assert client.post(CONFIRM, {"password": PASSWORD}).status_code == 302


@pytest.mark.project
def test_confirming_uses_up_log_in_attempts_too(client, alice, settings, clock):
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in": "2/minute"}}
    log_in = {"username": "alice@example.org", "password": "wrong"}
    client.force_login(alice)
    lapse(clock)
    client.post(CONFIRM, {"password": "wrong"})
    other = type(client)()
    assert other.post("/accounts/login/", log_in).status_code == 200
    response = client.post(CONFIRM, {"password": PASSWORD})
    assert response.status_code == 429


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "http://testserver/x", ""],
)
def test_it_leads_nowhere_else(client, alice, target):
    client.force_login(alice)
    response = client.get(CONFIRM, {"next": target})
    assert response.status_code == 302
    assert response["Location"] == "/dashboard/"


def test_a_stranger_is_asked_to_log_in(client):
    response = client.get(CONFIRM)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/?next=")


def test_a_recent_form_asks_for_no_password(client, alice, session_of):
    client.force_login(alice)
    form = Rename({"name": "Acme"}, request=session_of(user=alice))
    assert list(form.fields) == ["name"]
    assert form.is_valid()


def test_a_lapsed_form_comes_back_filled_and_asks_for_the_password(
    client, alice, session_of, clock
):
    client.force_login(alice)
    lapse(clock)
    form = Rename({"name": "Acme"}, request=session_of(user=alice))
    assert not form.is_valid()
    assert list(form.errors) == ["password"]
    assert 'value="Acme"' in str(form["name"])
    again = Rename({"name": "Acme", "password": "no 31337"}, request=session_of(user=alice))
    assert not again.is_valid()
    assert "31337" not in again.as_div()


def test_a_lapsed_form_with_the_right_password_is_valid_and_keeps_none(
    client, alice, session_of, clock
):
    client.force_login(alice)
    lapse(clock)
    request = session_of(user=alice)
    form = Rename({"name": "Acme", "password": PASSWORD}, request=request)
    assert form.is_valid()
    assert PASSWORD not in str(form.cleaned_data)
    assert reauthentication.is_recent(request)


def test_a_right_password_beside_another_error_is_not_asked_for_again(
    client, alice, session_of, clock
):
    client.force_login(alice)
    lapse(clock)
    form = Rename({"name": "too long", "password": PASSWORD}, request=session_of(user=alice))
    assert not form.is_valid()
    assert list(form.errors) == ["name"]
    assert list(form.fields) == ["name"]
