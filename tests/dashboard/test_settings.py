"""The policy page: longest lifetime, networks, the organization's name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apikeys.models import AuditEvent, Organization

pytestmark = pytest.mark.django_db

SETTINGS = "/dashboard/acme/settings"
NAME = f"{SETTINGS}/name"
OWN = "127.0.0.1"


@pytest.fixture
def as_alice(client: Any, alice: Any, acme: Any) -> Any:
    client.force_login(alice)
    return client


def policy(days: object = "", networks: str = "", **more: str) -> dict[str, object]:
    return {"max_lifetime_days": days, "allowed_networks": networks, **more}


def stored(acme: Organization) -> tuple[int | None, list[str], str]:
    acme.refresh_from_db()
    return acme.max_lifetime_days, acme.allowed_networks, acme.name


@pytest.mark.parametrize(("path", "data"), [(SETTINGS, policy(30)), (NAME, {"name": "Mine"})])
def test_members_get_403_outsiders_404_strangers_the_log_in(
    path: str, data: Any, client: Any, acme: Any, bob: Any, charlie: Any
) -> None:
    assert client.get(path)["Location"].startswith("/accounts/login/")
    for user, status in ((bob, 403), (charlie, 404)):
        client.force_login(user)
        assert client.get(path).status_code == status
        assert client.post(path, data).status_code == status
    assert stored(acme) == (None, [], "Acme")


def test_a_policy_is_saved_and_audited_once(as_alice: Any, acme: Any) -> None:
    response = as_alice.post(SETTINGS, policy(90, f"203.0.113.0/24\n\n {OWN} "))
    assert (response.status_code, response["Location"]) == (302, SETTINGS)
    assert stored(acme) == (90, ["203.0.113.0/24", "127.0.0.1/32"], "Acme")
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.details) == (
        "organization.updated",
        {
            "before": {"max_lifetime_days": None, "allowed_networks": []},
            "after": {
                "max_lifetime_days": 90,
                "allowed_networks": ["203.0.113.0/24", "127.0.0.1/32"],
            },
        },
    )
    shown = as_alice.get(SETTINGS)
    assert shown.context["form"]["max_lifetime_days"].value() == 90
    assert "203.0.113.0/24\n127.0.0.1/32</textarea>" in shown.content.decode()
    count = AuditEvent.objects.count()
    as_alice.post(SETTINGS, policy(90, "203.0.113.0/24\n127.0.0.1/32"))
    assert AuditEvent.objects.count() == count


def test_an_emptied_policy_restricts_nothing(as_alice: Any, acme: Any) -> None:
    Organization.objects.update(max_lifetime_days=5, allowed_networks=["127.0.0.0/8"])
    as_alice.post(SETTINGS, policy())
    assert stored(acme) == (None, [], "Acme")


@pytest.mark.parametrize(
    ("days", "networks", "field"),
    [
        ("0", "", "max_lifetime_days"),
        ("-1", "", "max_lifetime_days"),
        ("36501", "", "max_lifetime_days"),
        ("many", "", "max_lifetime_days"),
        ("1.5", "", "max_lifetime_days"),
        ("", "0.0.0.0/0", "allowed_networks"),
        ("", "::/0", "allowed_networks"),
        ("", "127.0.0.1\nhome", "allowed_networks"),
        ("", "10.0.0.0/8, 127.0.0.1", "allowed_networks"),
        ("", "\n".join(f"10.0.{n}.0/24" for n in range(101)), "allowed_networks"),
    ],
)
def test_an_unusable_policy_keeps_what_was_typed_and_writes_nothing(
    days: str, networks: str, field: str, as_alice: Any, acme: Any
) -> None:
    response = as_alice.post(SETTINGS, policy(days, networks))
    assert response.status_code == 200
    form = response.context["form"]
    assert list(form.errors) == [field]
    assert form["max_lifetime_days"].value() == days
    assert form["allowed_networks"].value() == networks
    assert stored(acme) == (None, [], "Acme")


def test_every_bad_line_is_named(as_alice: Any) -> None:
    errors = as_alice.post(SETTINGS, policy(networks="here\n127.0.0.1\nthere")).context["form"]
    assert [text.split("'")[1] for text in errors.errors["allowed_networks"]] == ["here", "there"]


def test_host_bits_are_cleared_with_a_notice(as_alice: Any, acme: Any) -> None:
    response = as_alice.post(SETTINGS, policy(networks="127.0.0.1/8"), follow=True)
    assert stored(acme)[1] == ["127.0.0.0/8"]
    assert "127.0.0.1/8 was saved as 127.0.0.0/8." in response.content.decode()


def test_a_list_without_the_admin_s_own_address_asks_first(as_alice: Any, acme: Any) -> None:
    assert "Your address now:" in as_alice.get(SETTINGS).content.decode()
    asked = as_alice.post(SETTINGS, policy(networks="203.0.113.0/24"))
    assert asked.status_code == 200
    assert asked.context["form"].has_error("off_list", "network.own_address")
    assert f"Your address now, {OWN}, is not on this list" in asked.content.decode()
    assert asked.context["form"]["allowed_networks"].value() == "203.0.113.0/24"
    assert stored(acme)[1] == []
    saved = as_alice.post(SETTINGS, policy(networks="203.0.113.0/24", off_list="on"), follow=True)
    assert stored(acme)[1] == ["203.0.113.0/24"]
    assert f"Your address now ({OWN}) is not on the list in force" in saved.content.decode()
    # What is in force already needs no second yes.
    as_alice.post(SETTINGS, policy(7, "203.0.113.0/24"))
    assert stored(acme)[0] == 7


def test_the_networks_hold_for_the_next_request_of_every_token(
    as_alice: Any, issue: Any, api: Any
) -> None:
    api.key(issue())
    assert api.get("/api/demo/notes").status_code == 200
    as_alice.post(SETTINGS, policy(networks="203.0.113.0/24", off_list="on"))
    assert api.get("/api/demo/notes").status_code == 401
    as_alice.post(SETTINGS, policy(networks=OWN))
    assert api.get("/api/demo/notes").status_code == 200


def test_the_site_s_own_maximum_is_told(as_alice: Any, settings: Any) -> None:
    assert "This site allows" not in as_alice.get(SETTINGS).content.decode()
    settings.APIKEYS = {**settings.APIKEYS, "MAX_LIFETIME": timedelta(days=365)}
    assert "This site allows at most 365 days" in as_alice.get(SETTINGS).content.decode()


def test_the_name_changes_and_the_address_stays(as_alice: Any, acme: Any) -> None:
    response = as_alice.post(NAME, {"name": " Acme & Sons "}, follow=True)
    assert response.redirect_chain == [(SETTINGS, 302)]
    assert "Acme &amp; Sons" in response.content.decode()
    acme.refresh_from_db()
    assert (acme.name, acme.slug) == ("Acme & Sons", "acme")
    event = AuditEvent.objects.latest("pk")
    assert event.details == {"before": {"name": "Acme"}, "after": {"name": "Acme & Sons"}}


@pytest.mark.parametrize("name", ["", "x" * 256, "two\nlines"])
def test_an_unusable_name_changes_nothing(name: str, as_alice: Any, acme: Any) -> None:
    response = as_alice.post(NAME, {"name": name})
    assert response.status_code == 200
    assert response.context["name_form"].has_error("name")
    assert stored(acme)[2] == "Acme"
