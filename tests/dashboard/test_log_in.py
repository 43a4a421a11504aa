"""The pages' own log-in and log-out, and where they lead to the host's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.contrib.auth.backends import BaseBackend
from django.core import mail
from django.test import override_settings
from django.urls import include, path

from apikeys import checks
from apikeys.models import Membership
from dashboard import log_ins
from dashboard.log_ins import log_in_url

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"
LOG_IN = "/dashboard/log-in"
LOG_OUT = "/dashboard/log-out"
PLAIN = "django.contrib.auth.backends.ModelBackend"
SLOWED = "apikeys.backends.SlowedModelBackend"
GUARD = f"{__name__}.Guard"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("dashboard/", include("dashboard.urls")),
]


class Guard:
    """Knows nobody, as the backends of django-axes and rules."""

    def authenticate(self, request: Any, **credentials: Any) -> None:
        return None


def enter(client: Any, password: str = PASSWORD, name: str = "bob@example.org", **more: Any) -> Any:
    return client.post(LOG_IN, {"username": name, "password": password, **more})


class Unsaid:
    """The settings of a project that says nothing of LOGIN_URL."""

    LOGIN_URL = "/accounts/login/"

    def __getattr__(self, name: str) -> Any:
        return getattr(django_settings, name)

    def is_overridden(self, name: str) -> bool:
        return name != "LOGIN_URL"


@pytest.fixture
def unsaid(monkeypatch: Any, settings: Any) -> None:
    settings.LOGOUT_REDIRECT_URL = None
    monkeypatch.setattr(log_ins, "settings", Unsaid())


@pytest.mark.urls(__name__)
def test_who_is_no_staff_logs_in_and_out_where_the_site_has_no_page_for_it(
    client: Any, bob: Any, unsaid: Any
) -> None:
    page = "/dashboard/acme"
    led = client.get(page)
    assert led["Location"] == f"{LOG_IN}?next={page}"
    form = client.get(led["Location"])
    assert form.status_code == 200
    assert form["Cache-Control"].startswith("no-store, private")
    assert f'name="next" value="{page}"' in form.content.decode()
    assert enter(client, next=page)["Location"] == page
    shown = client.get(page).content.decode()
    assert f'<form method="post" action="{LOG_OUT}">' in shown
    assert client.get(LOG_OUT).status_code == 405
    assert client.get(page).status_code == 200, "a link logs nobody out"
    assert client.post(LOG_OUT)["Location"] == LOG_IN
    assert client.get(page)["Location"] == f"{LOG_IN}?next={page}"


@pytest.mark.urls(__name__)
def test_without_a_target_the_log_in_leads_home_and_never_to_another_site(
    client: Any, bob: Any, unsaid: Any
) -> None:
    assert enter(client)["Location"] == "/dashboard/"
    assert client.get(LOG_IN)["Location"] == "/dashboard/", "who is logged in is led on"
    client.post(LOG_OUT)
    assert enter(client, next="https://evil.example/")["Location"] == "/dashboard/"


def test_a_host_that_says_where_to_log_in_is_obeyed(client: Any, acme: Any, settings: Any) -> None:
    for said, led in (("/sso/begin", "/sso/begin"), ("login", "/accounts/login/")):
        settings.LOGIN_URL = said
        assert client.get("/dashboard/acme")["Location"] == f"{led}?next=/dashboard/acme"


def test_what_lies_at_djangos_default_is_the_hosts_log_in(unsaid: Any) -> None:
    assert log_in_url() == "/accounts/login/"


@pytest.mark.urls(__name__)
def test_nothing_there_means_our_own(unsaid: Any) -> None:
    assert log_in_url() == LOG_IN


@pytest.mark.parametrize("backends", [[PLAIN], [SLOWED], [GUARD, PLAIN]])
@pytest.mark.urls(__name__)
@pytest.mark.usefixtures("unsaid")
def test_guessing_is_slowed_down_whatever_the_backends(
    client: Any, bob: Any, settings: Any, backends: Any, limits_in_memory: Any
) -> None:
    settings.AUTHENTICATION_BACKENDS = backends
    limits = {"log_in_account": "2/hour"}
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": limits}
    wrong = [enter(client, "wrong") for _ in range(3)]
    assert [answer.status_code for answer in wrong] == [200, 200, 429]
    assert wrong[2]["Retry-After"] == "1"
    assert "Too many attempts. Try again in 1 second." in wrong[2].content.decode()
    assert enter(client).status_code == 429, "the right password has to wait, too"
    unknown = [enter(client, "wrong", "nobody@example.org") for _ in range(3)]
    assert [answer.status_code for answer in unknown] == [200, 200, 429], "as of somebody"


@pytest.mark.urls(__name__)
@pytest.mark.usefixtures("unsaid")
def test_the_right_password_takes_earlier_attempts_back(
    client: Any, bob: Any, settings: Any, limits_in_memory: Any
) -> None:
    settings.AUTHENTICATION_BACKENDS = [PLAIN]
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in_account": "2/hour"}}
    for _ in range(3):
        assert enter(client, "wrong").status_code == 200
        assert enter(client).status_code == 302
        client.post(LOG_OUT)


@pytest.mark.urls(__name__)
@pytest.mark.usefixtures("unsaid")
def test_the_form_with_nothing_in_it_counts_for_nobody(client: Any, bob: Any) -> None:
    answer = client.post(LOG_IN, {})
    assert answer.status_code == 200
    assert "This field is required." in answer.content.decode()


@pytest.fixture
def link(client: Any, alice: Any, acme: Any, django_capture_on_commit_callbacks: Any) -> str:
    """The path in the mail to dave."""
    client.force_login(alice)
    form = {"email": "dave@example.org", "role": "member"}
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/dashboard/acme/members/invite", form)
    client.logout()
    found = re.search(r"https://testserver(/\S+)", mail.outbox[-1].body)
    assert found is not None
    return found[1]


CHOSEN = {"password": "another horse, another battery", "again": "another horse, another battery"}


@pytest.mark.parametrize(
    "first", [GUARD, "django.contrib.auth.backends.BaseBackend"], ids=["no get_user", "a None"]
)
def test_a_newcomer_is_logged_in_by_the_backend_that_knows_people(
    client: Any, link: str, settings: Any, first: str
) -> None:
    assert BaseBackend().get_user(1) is None
    settings.AUTHENTICATION_BACKENDS = [first, PLAIN]
    assert client.post(link, CHOSEN)["Location"] == "/dashboard/acme"
    assert client.session["_auth_user_backend"] == PLAIN
    assert client.get("/dashboard/acme").status_code == 200


def test_a_newcomer_whom_no_backend_knows_is_led_to_the_log_in(
    client: Any, link: str, settings: Any
) -> None:
    settings.AUTHENTICATION_BACKENDS = [GUARD]
    assert client.post(link, CHOSEN)["Location"] == "/accounts/login/"
    assert "_auth_user_id" not in client.session
    assert Membership.objects.filter(organization__slug="acme").count() == 2


@override_settings(LOGIN_URL="admin:login")
def test_a_log_in_for_staff_alone_is_a_warning() -> None:
    (found,) = checks.pages.check_log_in(None)
    assert found.id == "apikeys.W080"


@pytest.mark.parametrize("said", ["login", "/sso/begin", "no-such-name"])
def test_another_log_in_is_none(said: str, settings: Any) -> None:
    settings.LOGIN_URL = said
    assert checks.pages.check_log_in(None) == []


def test_a_site_with_a_log_in_of_its_own_is_not_entered_by_ours(client: Any, bob: Any) -> None:
    # It may ask for a second factor, or leave log-ins to somebody else altogether.
    assert enter(client).status_code == 404
    assert "_auth_user_id" not in client.session
    led = client.get(LOG_IN, {"next": "/dashboard/acme"})
    assert led["Location"] == "/accounts/login/?next=/dashboard/acme"
    led = client.get(LOG_IN, {"next": "https://evil.example/"})
    assert led["Location"] == "/accounts/login/?next=/dashboard/"


@pytest.mark.urls(__name__)
def test_who_is_logged_in_and_wants_the_log_in_is_led_home(
    client: Any, bob: Any, unsaid: Any
) -> None:
    client.force_login(bob)
    assert client.get(LOG_IN, {"next": LOG_IN})["Location"] == "/dashboard/"


def test_a_site_may_name_ours_as_its_log_in(client: Any, bob: Any, settings: Any) -> None:
    settings.LOGIN_URL = "apikeys_dashboard:log-in"
    assert enter(client)["Location"] == "/dashboard/"
