"""Sign-up: an account, its organization and workspaces; and password change, guesses limited."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from apikeys.models import AuditEvent, Organization
from dashboard.pages import PAGE_HEADERS
from tests.conftest import SecureClient

pytestmark = [pytest.mark.django_db, pytest.mark.project]

SIGN_UP = "/accounts/sign-up/"
PASSWORD = "correct horse battery staple"
NEW = "another good long passphrase"


def filled(**changes):
    return {
        "email": "dora@example.org",
        "name": "Dora",
        "password1": PASSWORD,
        "password2": PASSWORD,
        "organization": "Initech",
        "dialect": "default",
        **changes,
    }


def nothing_was_made():
    return not get_user_model().objects.exists() and not Organization.objects.exists()


def test_somebody_signs_up_and_is_the_admin_of_a_new_organization(client):
    response = client.post(SIGN_UP, filled())
    assert response.status_code == 302
    assert response["Location"] == "/dashboard/initech"
    organization = Organization.objects.get()
    assert (organization.name, organization.slug) == ("Initech", "initech")
    [membership] = organization.memberships.all()
    assert membership.user.email == "dora@example.org"
    assert membership.role == "admin"
    workspaces = organization.workspaces.order_by("slug")
    assert [(w.slug, w.environment, w.dialect) for w in workspaces] == [
        ("development", "development", "default"),
        ("production", "production", "default"),
    ]
    assert client.session["_auth_user_id"] == str(membership.user.pk)
    assert client.get("/dashboard/initech/tokens").status_code == 200
    event = AuditEvent.objects.get(action="organization.created")
    assert event.actor_label == "dora@example.org"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "dora"}, "email"),
        ({"organization": " "}, "organization"),
        ({"organization": "x" * 256}, "organization"),
        ({"organization": "In\x07itech"}, "organization"),
        ({"dialect": "nonsense"}, "dialect"),
        ({"password1": "12345678", "password2": "12345678"}, "password2"),
        ({"password1": "dora@example.org", "password2": "dora@example.org"}, "password2"),
        ({"password2": "something else"}, "password2"),
    ],
)
def test_a_mistake_keeps_what_was_typed_and_makes_nothing(client, changes, field):
    response = client.post(SIGN_UP, filled(**changes))
    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    assert nothing_was_made()
    page = response.content.decode()
    assert 'value="Dora"' in page
    assert PASSWORD not in page


def test_an_address_is_taken_whatever_its_case(client, alice):
    response = client.post(SIGN_UP, filled(email="ALICE@example.org"))
    assert response.context["form"].errors == {
        "email": ["Somebody has this e-mail address already."]
    }
    assert get_user_model().objects.count() == 1
    assert not Organization.objects.exists()


def test_two_organizations_of_one_name_get_addresses_of_their_own(client, acme):
    response = client.post(SIGN_UP, filled(organization="Acme"))
    assert response["Location"] == "/dashboard/acme-2"


def test_the_api_is_asked_for_where_there_are_several(client, settings):
    # Taken literally: which dialects the project has is no matter of this test.
    two = {"default": "apikeys.dialects.DefaultDialect", "other": "apikeys.dialects.Dialect"}
    settings.APIKEYS = {**settings.APIKEYS, "DIALECTS": two}
    assert 'type="radio" name="dialect" value="other"' in client.get(SIGN_UP).content.decode()
    client.post(SIGN_UP, filled(dialect="other"))
    assert set(Organization.objects.get().workspaces.values_list("dialect", flat=True)) == {"other"}


def test_the_only_api_is_not_asked_for(client, settings):
    settings.APIKEYS = {**settings.APIKEYS, "DIALECTS": {}}
    page = client.get(SIGN_UP).content.decode()
    assert 'type="radio"' not in page
    assert '<input type="hidden" name="dialect" value="default"' in page


def test_somebody_logged_in_has_no_use_for_it(client, alice):
    client.force_login(alice)
    assert client.get(SIGN_UP)["Location"] == "/dashboard/"
    assert client.post(SIGN_UP, filled()).status_code == 302
    assert not Organization.objects.exists()


def test_attempts_to_sign_up_run_out(client, settings):
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in": "1/minute"}}
    assert client.post(SIGN_UP, filled(password2="no")).status_code == 200
    response = client.post(SIGN_UP, filled())
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60
    assert "Too many attempts" in response.content.decode()
    assert nothing_was_made()


def change(old, new=NEW):
    return {"old_password": old, "new_password1": new, "new_password2": new}


def test_a_password_is_changed_with_the_old_one(client, alice):
    client.force_login(alice)
    other = type(client)()
    other.force_login(alice)
    response = client.post("/accounts/password/", change(PASSWORD))
    assert response.status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert client.get("/accounts/password/done/").status_code == 200
    assert other.get("/accounts/password/done/").status_code == 302


def test_a_password_is_not_changed_without_the_old_one(client, alice):
    client.force_login(alice)
    response = client.post("/accounts/password/", change("wrong"))
    assert response.status_code == 200
    assert "old_password" in response.context["form"].errors
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_guesses_of_the_old_password_run_out(client, alice, settings):
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in": "1/minute"}}
    client.force_login(alice)
    assert client.post("/accounts/password/", change("wrong")).status_code == 200
    response = client.post("/accounts/password/", change(PASSWORD))
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_log_out_takes_a_post(client, alice):
    client.force_login(alice)
    assert client.get("/accounts/logout/").status_code == 405
    assert "_auth_user_id" in client.session
    assert client.post("/accounts/logout/").status_code == 302
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "address", ["/", "/accounts/login/", SIGN_UP, "/nowhere", "/admin/login/", "/dashboard/nowhere"]
)
def test_every_page_has_the_headers_of_a_page(client, alice, address):
    if address.startswith("/dashboard"):
        client.force_login(alice)
    response = client.get(address)
    assert response["Content-Type"].startswith("text/html")
    assert {name: response.get(name) for name in PAGE_HEADERS} | {"Cache-Control": ""} == {
        **PAGE_HEADERS,
        "Cache-Control": "",
    }
    assert "no-store" in response["Cache-Control"]


def test_what_is_no_page_has_none_of_a_pages_policy(client):
    response = client.get("/access/v1/token")
    assert "Content-Security-Policy" not in response


@pytest.mark.parametrize("address", ["/accounts/login/", SIGN_UP])
def test_a_form_without_its_csrf_token_is_refused_in_words(address):
    strict = SecureClient(enforce_csrf_checks=True)
    response = strict.post(address, filled())
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()
    assert nothing_was_made()
