"""An expiry has an upper bound at every edge, and an old far one breaks no page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.urls import reverse

from apikeys import reauthentication
from apikeys.models import AccessToken
from apikeys.services.errors import Invalid
from apikeys.services.tokens import create_token, update_token
from apikeys.services.validation import LONGEST_LIFE, longest_lifetime

pytestmark = pytest.mark.django_db

FAR = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
NOW = datetime.fromisoformat("2030-01-01T12:00:00+00:00")
ZONES = ["UTC", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"]


def make(actor, production, expires_at):
    return create_token(
        actor=actor, workspace=production, name="x", scopes=[], expires_at=expires_at
    )


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "far",
    [
        FAR,
        FAR - timedelta(days=1),
        datetime.fromisoformat("9999-12-31T23:59:59-12:00"),
        LONGEST_LIFE + timedelta(days=1),
        timedelta.max,
    ],
)
def test_a_far_expiry_is_refused(actor, production, settings, zone, far):
    settings.TIME_ZONE = zone
    with pytest.raises(Invalid) as caught:
        make(actor, production, far)
    assert (caught.value.code, caught.value.field) == ("expiry.range", "expires_at")
    assert not AccessToken.objects.exists()


def test_a_hundred_years_are_the_most(actor, production):
    with time_machine.travel(NOW, tick=False):
        assert make(actor, production, LONGEST_LIFE).token.expires_at == NOW + LONGEST_LIFE
        with pytest.raises(Invalid):
            make(actor, production, NOW + LONGEST_LIFE + timedelta(minutes=2))


def test_a_token_is_not_given_a_far_expiry_later(actor, issue):
    token = issue().token
    with pytest.raises(Invalid) as caught:
        update_token(actor=actor, token=token, expires_at=FAR)
    assert caught.value.code == "expiry.range"


def test_a_longest_lifetime_of_the_site_is_bounded_as_well(acme, production, actor, settings):
    settings.APIKEYS = {**settings.APIKEYS, "MAX_LIFETIME": timedelta(days=36_550)}
    assert longest_lifetime(acme) == LONGEST_LIFE
    with pytest.raises(Invalid):
        make(actor, production, FAR)


@pytest.mark.parametrize("zone", ZONES)
def test_the_api_refuses_a_far_expiry(api, alice, acme, issue, settings, zone):
    settings.TIME_ZONE = zone
    key = issue(scopes=["tokens:manage"])
    body = {"workspace": "production", "name": "x", "scopes": [], "expires_at": FAR.isoformat()}
    response = api.key(key).post("/access/v1/organizations/acme/tokens", body, format="json")
    assert response.status_code == 400
    assert "expires_at" in response.json()["fields"]
    assert AccessToken.objects.count() == 1


def test_the_page_and_the_command_refuse_a_far_expiry(client, alice, acme, settings, monkeypatch):
    settings.TIME_ZONE = "Europe/Berlin"
    monkeypatch.setattr(reauthentication, "is_recent", lambda request: True)
    client.force_login(alice)
    form = {
        "name": "x",
        "workspace": "production",
        "kind": "automation",
        "may-default-preset": "read",
        "expiry": "custom",
        "expires_at": "9999-12-31T23:59",
        "creation_id": "c-1",
    }
    page = client.post("/dashboard/acme/tokens/new", form)
    assert page.status_code == 200
    assert "within the next 36500 days" in page.content.decode()
    for option in (("--expires-at", "9999-12-31T23:59:59Z"), ("--expires-in", "99999w")):
        with pytest.raises(CommandError) as caught:
            call_command("create_token", "--workspace", "acme/production", "--name", "x", *option)
        assert "36500 days" in str(caught.value)
    assert not AccessToken.objects.exists()


@pytest.fixture
def old(issue):
    token = issue(name="Old and far").token
    AccessToken.objects.filter(pk=token.pk).update(expires_at=FAR)
    return token


@pytest.mark.parametrize("zone", ZONES)
def test_the_django_admin_shows_an_old_far_expiry(client, make_user, old, settings, zone):
    settings.TIME_ZONE = zone
    client.force_login(make_user("root@example.org", is_staff=True, is_superuser=True))
    for url in (
        reverse("admin:apikeys_accesstoken_changelist"),
        reverse("admin:apikeys_accesstoken_changelist") + "?o=5",
        reverse("admin:apikeys_accesstoken_change", args=[old.pk]),
        reverse("admin:apikeys_accesstoken_history", args=[old.pk]),
    ):
        page = client.get(url)
        assert page.status_code == 200
        if "history" not in url:
            assert "9999" in page.content.decode()


@pytest.mark.parametrize("zone", ZONES)
def test_pages_files_and_api_show_an_old_far_expiry(client, api, alice, old, settings, zone):
    settings.TIME_ZONE = zone
    client.force_login(alice)
    token = f"/dashboard/acme/tokens/{old.token_id}"
    for path in ("/dashboard/acme/tokens", token, f"{token}/edit", "/dashboard/acme/audit.csv"):
        page = client.get(path)
        assert page.status_code == 200
        assert b"".join(page)
    api.force_login(alice)
    row = api.get(f"/access/v1/organizations/acme/tokens/{old.token_id}").json()
    assert row["expires_at"].startswith("9999-12-31T23:59:59")
