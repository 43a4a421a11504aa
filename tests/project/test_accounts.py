"""Users of the project: e-mail addresses whatever their case, Argon2id, a limit before it."""

from __future__ import annotations

import argon2
import pytest
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

pytestmark = [pytest.mark.django_db, pytest.mark.project]

PASSWORD = "correct horse battery staple"
ARGON2_FIRST = [
    "project.accounts.hashers.Argon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOG_IN = "/accounts/login/"


def log_in(client, email, password, **extra):
    return client.post(LOG_IN, {"username": email, "password": password}, **extra)


@pytest.mark.parametrize("typed", ["alice@example.org", "ALICE@example.org", "Alice@Example.ORG"])
def test_somebody_logs_in_whatever_the_case_of_the_address(client, alice, typed):
    response = log_in(client, typed, PASSWORD)
    assert response.status_code == 302
    assert response["Location"] == "/"
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_a_wrong_password_does_not_log_in(client, alice):
    response = log_in(client, "alice@example.org", "wrong")
    assert response.status_code == 200
    assert "_auth_user_id" not in client.session


def test_an_inactive_user_does_not_log_in(client, alice):
    alice.is_active = False
    alice.save()
    assert log_in(client, "alice@example.org", PASSWORD).status_code == 200
    assert "_auth_user_id" not in client.session


def test_an_unknown_address_answers_as_a_wrong_password_does(client, alice):
    wrong = log_in(client, "alice@example.org", "wrong").context["form"].non_field_errors()
    unknown = log_in(client, "nobody@example.org", "wrong").context["form"].non_field_errors()
    assert len(wrong) == 1
    assert wrong == unknown


def test_the_database_refuses_the_same_address_in_another_case(alice):
    user_model = get_user_model()
    with pytest.raises(IntegrityError), transaction.atomic():
        user_model.objects.create_user("ALICE@example.org")
    with pytest.raises(IntegrityError), transaction.atomic():
        user_model.objects.bulk_create([user_model(email="aLiCe@example.org")])
    assert user_model.objects.count() == 1


def test_a_form_says_that_the_address_is_taken(alice):
    with pytest.raises(ValidationError, match="Somebody has this e-mail address already"):
        get_user_model()(email="ALICE@example.org", password="x").full_clean()


@pytest.mark.parametrize("email", ["josé@example.org", "ÉLODIE@example.org"])
def test_an_address_beyond_ascii_is_found_as_it_was_given(make_user, email):
    user = make_user(email)
    assert get_user_model().objects.get_by_natural_key(email) == user


def test_a_user_needs_an_address(db):
    with pytest.raises(ValueError, match="needs an e-mail address"):
        get_user_model().objects.create_user("")


def test_a_user_without_a_password_cannot_log_in(client, db):
    user = get_user_model().objects.create_user("nopass@example.org")
    assert not user.has_usable_password()
    assert log_in(client, "nopass@example.org", "").status_code == 200
    assert "_auth_user_id" not in client.session


def test_passwords_are_hashed_with_argon2id_at_the_owasp_parameters(settings):
    settings.PASSWORD_HASHERS = ARGON2_FIRST
    encoded = make_password(PASSWORD)
    parameters = argon2.extract_parameters(encoded.removeprefix("argon2"))
    assert parameters.type is argon2.Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19456, 2, 1)
    assert check_password(PASSWORD, encoded)
    assert not check_password("wrong", encoded)


def test_the_project_hashes_with_argon2_first():
    from project import settings as project_settings

    assert project_settings.PASSWORD_HASHERS[0] == "project.accounts.hashers.Argon2"


@pytest.mark.parametrize("kind", ["pbkdf2", "argon2"])
def test_an_older_hash_is_replaced_at_the_next_log_in(settings, alice, kind):
    settings.PASSWORD_HASHERS = ARGON2_FIRST
    if kind == "pbkdf2":
        old = PBKDF2PasswordHasher().encode(PASSWORD, "a" * 22, iterations=1000)
    else:
        old = "argon2" + argon2.PasswordHasher(1, 8192, 1).hash(PASSWORD)
    alice.password = old
    alice.save()
    assert authenticate(username="alice@example.org", password=PASSWORD) == alice
    alice.refresh_from_db()
    assert alice.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    current = alice.password
    assert authenticate(username="alice@example.org", password=PASSWORD) == alice
    alice.refresh_from_db()
    assert alice.password == current


def limit_log_in(settings, rate):
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in": rate}}


def test_attempts_run_out_before_the_password_is_looked_at(client, alice, settings, monkeypatch):
    limit_log_in(settings, "3/minute")
    for _ in range(3):
        assert log_in(client, "alice@example.org", "wrong").status_code == 200

    def never(*args, **kwargs):
        raise AssertionError("a refused attempt was hashed")

    monkeypatch.setattr("django.contrib.auth.base_user.check_password", never)
    monkeypatch.setattr("django.contrib.auth.hashers.MD5PasswordHasher.encode", never)
    for email in ("alice@example.org", "nobody@example.org"):
        response = log_in(client, email, PASSWORD)
        assert response.status_code == 429
        assert 1 <= int(response["Retry-After"]) <= 60
        assert "Too many attempts" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_one_addresss_attempts_lock_nobody_else_out(client, alice, settings):
    limit_log_in(settings, "1/minute")
    assert (
        log_in(client, "alice@example.org", "wrong", REMOTE_ADDR="203.0.113.9").status_code == 200
    )
    assert (
        log_in(client, "alice@example.org", "wrong", REMOTE_ADDR="203.0.113.9").status_code == 429
    )
    response = log_in(client, "alice@example.org", PASSWORD, REMOTE_ADDR="198.51.100.7")
    assert response.status_code == 302


def test_a_forwarded_address_from_a_stranger_buys_no_further_attempts(client, alice, settings):
    limit_log_in(settings, "1/minute")
    headers = [{"X-Forwarded-For": f"192.0.2.{n}"} for n in (1, 2)]
    assert log_in(client, "alice@example.org", "wrong", headers=headers[0]).status_code == 200
    assert log_in(client, "alice@example.org", "wrong", headers=headers[1]).status_code == 429


def test_the_admin_log_in_counts_on_the_same_limit(client, alice, settings):
    limit_log_in(settings, "1/minute")
    log_in(client, "alice@example.org", "wrong")
    alice.is_staff = True
    alice.save()
    client.post("/admin/login/", {"username": "alice@example.org", "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_log_out_is_a_post(client, alice):
    client.force_login(alice)
    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_password_is_changed_with_the_old_one_alone(client, alice):
    client.force_login(alice)
    new = "an entirely new pass phrase"
    fields = {"new_password1": new, "new_password2": new}
    assert (
        client.post("/accounts/password/", {"old_password": "wrong", **fields}).status_code == 200
    )
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    response = client.post("/accounts/password/", {"old_password": PASSWORD, **fields}, follow=True)
    assert response.status_code == 200
    assert "Password changed" in response.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(new)


def test_log_in_does_not_lead_to_other_sites(client, alice):
    body = {"username": "alice@example.org", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post(LOG_IN, body)["Location"] == "/"


def test_users_are_managed_in_the_django_admin(client, make_user, alice):
    root = make_user("root@example.org", is_staff=True, is_superuser=True)
    client.force_login(root)
    for address in ("/admin/accounts/user/", "/admin/accounts/user/add/"):
        assert client.get(address).status_code == 200
    page = client.get(f"/admin/accounts/user/{alice.pk}/change/")
    assert page.status_code == 200
    assert alice.password not in page.content.decode()
    client.force_login(alice)
    assert client.get("/admin/accounts/user/").status_code == 302
