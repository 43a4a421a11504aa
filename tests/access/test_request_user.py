"""Who `request.user` is under each `AUTOMATION_USER`, through every face."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.forms import PasswordResetForm
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.validators import RegexValidator
from django.db import OperationalError
from django.http import Http404, HttpRequest
from django.test import AsyncClient
from rest_framework.request import Request

from apikeys import checks, principals
from apikeys.lookup.query import find
from apikeys.models import AccessToken, AuditEvent, Invitation, Membership, Workspace
from apikeys.models.tokens import Kind
from apikeys.principals import AccessTokenPrincipal, service_account, token_of
from apikeys.services import audit
from apikeys.services.actors import Actor
from apikeys.services.errors import Conflict, NotAllowed
from apikeys.services.invitations import accept_invitation, invite, link_of, sign_up_and_accept
from tests.support import asgi, faces
from tests.support.apis import say

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.support.faces"),
    pytest.mark.usefixtures("limits_in_memory"),
]
CHOICES = ("token", "anonymous", "service_account")
FACES = ("drf", "django", "adjango", "class", "aclass", "ninja", "aninja")


def choose(settings: Any, choice: str) -> None:
    path = choice if "." in choice else f"apikeys.principals.{choice}"
    say(settings, AUTOMATION_USER=path, DIALECTS=faces.DIALECTS)


def expected(choice: str, issued: Any) -> str:
    """What the views of `faces` say of the user."""
    if choice == "service_account":
        return str(Workspace.objects.get(pk=issued.token.workspace_id).service_account_id)
    return {"token": f"token:{issued.token.token_id}", "anonymous": "None"}[choice]


def missing(token: AccessToken) -> Any:
    raise Http404("nobody")


def denied(token: AccessToken) -> Any:
    raise PermissionDenied("nobody")


def nothing(token: AccessToken) -> Any:
    return None


@pytest.mark.parametrize("choice", CHOICES)
def test_every_face_has_the_same_user_and_the_token_as_auth(client, issue, settings, choice):
    choose(settings, choice)
    issued = issue()
    wanted = {"token": issued.token.token_id, "user": expected(choice, issued)}
    asked: dict[str, Any] = {"headers": {"X-API-Key": issued.api_key}, "secure": True}
    for face in FACES:
        path = f"/{face}/everyone"
        for answer in (client.get(path, **asked), async_to_sync(AsyncClient().get)(path, **asked)):
            assert (answer.status_code, answer.json()) == (200, wanted), face


@pytest.mark.parametrize("choice", CHOICES)
def test_a_bare_asgi_application_has_them_too(issue, settings, choice):
    choose(settings, choice)
    issued = issue()
    scope = asgi.http_scope({"X-API-Key": issued.api_key})
    start, body = async_to_sync(asgi.ask)(faces.asgi_app("notes"), scope)
    wanted = {"token": issued.token.token_id, "user": expected(choice, issued)}
    assert (start["status"], json.loads(body)) == (200, wanted)


@pytest.mark.parametrize("choice", CHOICES)
def test_scopes_and_limits_hold_whoever_the_user_is(client, issue, settings, choice):
    choose(settings, choice)
    bare = {"X-API-Key": issue(scopes=[]).api_key}
    for face in FACES:
        good = {"X-API-Key": issue().api_key}
        asked = [client.get(f"/{face}/notes", headers=good).status_code for _ in range(3)]
        assert asked == [200, 200, 429], face
        refused = [client.get(f"/{face}/notes", headers=h).status_code for h in (bare, {})]
        assert refused == [403, 401], face


@pytest.mark.parametrize("choice", CHOICES)
def test_a_request_asks_the_database_once(
    client, issue, settings, choice, django_assert_num_queries
):
    choose(settings, choice)
    headers = {"X-API-Key": issue().api_key}
    client.get("/django/everyone", headers=headers)
    with django_assert_num_queries(1):
        assert client.get("/django/everyone", headers=headers).status_code == 200


def user(issued: Any) -> Any:
    """What a request with the key would act as."""
    return principals.user_of(AccessToken.objects.get(pk=issued.token.pk))


def test_a_service_account_is_a_user_that_nobody_can_log_in_as(issue, settings, rf, mailoutbox):
    choose(settings, "service_account")
    issued = issue()
    account = get_user_model()._default_manager.get(pk=user(issued).pk)
    assert isinstance(account, get_user_model())
    name = "apikeys-acme-production"
    assert account.get_username() in (name, f"{name}@service-account.invalid")
    assert (account.is_active, account.is_staff, account.is_superuser) == (True, False, False)
    assert (account.is_authenticated, account.has_usable_password()) == (True, False)
    for password in ("", "!", account.password, name):
        request = rf.post("/")
        assert authenticate(request, username=account.get_username(), password=password) is None
    form = PasswordResetForm({"email": account.email or f"{name}@service-account.invalid"})
    assert form.is_valid()
    form.save(request=rf.post("/"))
    assert mailoutbox == []
    assert AccessToken(created_by=account).created_by_id == account.pk
    assert not Membership.objects.filter(user=account).exists()


class EverybodysForm(PasswordResetForm):
    """A host's own, which doesn't leave out who has no password."""

    def get_users(self, email: str) -> Any:
        field = get_user_model().get_email_field_name()
        return get_user_model()._default_manager.filter(**{f"{field}__iexact": email})

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        self.mailed = args[-1]


def test_no_form_sends_the_link_to_a_new_password_where_somebody_reads_it(issue, settings, rf):
    choose(settings, "service_account")
    account = user(issue())
    address = "apikeys-acme-production@service-account.invalid"
    form = EverybodysForm({"email": address})
    assert form.is_valid()
    form.save(request=rf.post("/"))
    # A name below .invalid is nobody's and never will be (RFC 2606).
    assert getattr(form, "mailed", None) == (address if account.email else None)


def test_an_invitation_to_its_address_leads_to_no_service_account(
    issue, settings, alice, charlie, acme, globex
):
    choose(settings, "service_account")
    account = user(issue())
    address = "apikeys-acme-production@service-account.invalid"
    link = link_of(
        invite(actor=Actor.person(charlie), organization=globex, email=address, page_url=str)
    )
    with pytest.raises(NotAllowed):
        accept_invitation(actor=Actor.person(alice), link=link)
    password = "correct horse battery staple"
    if account.email:
        with pytest.raises(Conflict) as refused:
            sign_up_and_accept(link=link, password=password)
        assert refused.value.code == "invitation.account_exists"
    else:
        assert sign_up_and_accept(link=link, password=password).pk != account.pk
    account.refresh_from_db()
    assert not account.has_usable_password()
    assert authenticate(None, username=account.get_username(), password=password) is None
    assert not Membership.objects.filter(user=account).exists()


def events() -> list[tuple[str, str, str, str]]:
    rows = AuditEvent.objects.order_by("pk")
    return list(rows.values_list("action", "actor_kind", "actor_id", "workspace_slug"))


def test_whoever_makes_the_first_token_answers_for_the_account(issue, settings, alice):
    choose(settings, "service_account")
    issued = issue(actor=Actor.person(alice, address="192.0.2.1"))
    issue(actor=Actor.person(alice))
    by_alice = ("user", str(alice.pk), "production")
    assert events()[-3:] == [
        ("service_account.created", *by_alice),
        ("token.created", *by_alice),
        ("token.created", *by_alice),
    ]
    event = AuditEvent.objects.get(action="service_account.created")
    account = user(issued)
    assert (event.target_label, event.address) == (account.get_username(), "192.0.2.1")
    assert event.details == {"user_id": str(account.pk)}


def test_the_token_of_a_first_request_answers_for_the_account(issue, settings, client):
    issued = issue()
    choose(settings, "service_account")
    for _ in range(2):
        client.get("/django/everyone", headers={"X-API-Key": issued.api_key})
    made = [event for event in events() if event[0] == "service_account.created"]
    assert made == [("service_account.created", "token", issued.token.token_id, "production")]


def test_an_account_and_its_event_are_one_transaction(issue, settings, client, monkeypatch):
    issued = issue()
    choose(settings, "service_account")
    people = get_user_model()._default_manager.count()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("no room for the event")

    monkeypatch.setattr(audit, "record", fail)
    client.raise_request_exception = False
    asked = {"headers": {"X-API-Key": issued.api_key}}
    assert client.get("/django/everyone", **asked).status_code == 500
    assert get_user_model()._default_manager.count() == people
    assert Workspace.objects.filter(service_account__isnull=False).count() == 0
    monkeypatch.undo()
    assert client.get("/django/everyone", **asked).status_code == 200


def test_a_database_that_undoes_the_account_again_and_again_is_out_for_the_request(
    issue, settings, client, monkeypatch
):
    issued = issue()
    choose(settings, "service_account")
    lost = OperationalError("could not serialize access")
    lost.__cause__ = Exception()
    lost.__cause__.sqlstate = "40001"
    asked = []

    def overtaken(*args: Any) -> None:
        asked.append(args)
        raise lost

    monkeypatch.setattr("apikeys.services.service_accounts.lock_organization", overtaken)
    response = client.get("/django/everyone", headers={"X-API-Key": issued.api_key})
    assert (response.status_code, len(asked)) == (503, 5)


def test_a_workspace_has_one_and_another_workspace_another(issue, settings, development):
    choose(settings, "service_account")
    first, second, elsewhere = issue(), issue(), issue(workspace=development)
    assert user(first) == user(second)
    assert user(first) != user(elsewhere)
    before = get_user_model()._default_manager.count()
    issue()
    assert get_user_model()._default_manager.count() == before


def test_a_personal_token_acts_as_its_owner_under_every_choice(issue, settings, alice, client):
    for choice in CHOICES:
        choose(settings, choice)
        issued = issue(kind=Kind.PERSONAL, owner=alice)
        response = client.get("/drf/everyone", headers={"X-API-Key": issued.api_key})
        assert response.json()["user"] == str(alice.pk)
    assert Workspace.objects.filter(service_account__isnull=False).count() == 0


def test_a_token_from_before_the_setting_gets_its_account_with_its_first_request(
    issue, settings, client
):
    issued = issue()
    assert Workspace.objects.filter(service_account__isnull=False).count() == 0
    choose(settings, "service_account")
    headers = {"X-API-Key": issued.api_key}
    made = [client.get("/adjango/everyone", headers=headers).json()["user"] for _ in range(2)]
    assert made == [expected("service_account", issued)] * 2


def test_whoever_has_the_name_already_is_not_taken_for_the_account(issue, settings, make_user):
    model = get_user_model()
    name = "apikeys-acme-production"
    if model.USERNAME_FIELD == "email":
        name = f"{name}@service-account.invalid"
    squatter = make_user(name.upper())
    choose(settings, "service_account")
    account = user(issue())
    assert account.pk != squatter.pk
    assert account.get_username().startswith("apikeys-acme-production-")


def test_a_deactivated_account_stops_the_workspaces_tokens_and_no_others(
    issue, settings, client, development, production
):
    choose(settings, "service_account")
    issued, other = issue(), issue(workspace=development)
    account = get_user_model()._default_manager.get(pk=user(issued).pk)
    account.is_active = False
    account.save()
    for face in FACES:
        response = client.get(f"/{face}/everyone", headers={"X-API-Key": issued.api_key})
        assert (response.status_code, response.json()["error"]) == (401, "api_key.disabled")
        assert (
            client.get(f"/{face}/everyone", headers={"X-API-Key": other.api_key}).status_code == 200
        )
    with pytest.raises(Conflict) as refused:
        issue()
    assert refused.value.code == "token.owner_inactive"
    account.is_active = True
    account.save()
    assert client.get("/drf/everyone", headers={"X-API-Key": issued.api_key}).status_code == 200


@pytest.mark.usefixtures("epoch")
def test_what_is_remembered_of_an_account_ends_with_a_change_of_it(issue, settings, client):
    choose(settings, "service_account")
    issued = issue()
    headers = {"X-API-Key": issued.api_key}
    asked = [client.get(f"/{face}/everyone", headers=headers) for face in ("adjango", "drf")]
    assert [answer.json()["user"] for answer in asked] == [expected("service_account", issued)] * 2
    account = get_user_model()._default_manager.get(pk=user(issued).pk)
    account.is_active = False
    account.save()
    for face in FACES:
        assert client.get(f"/{face}/everyone", headers=headers).status_code == 401, face


def test_a_deleted_account_is_replaced_by_another(issue, settings, client):
    choose(settings, "service_account")
    issued = issue()
    before = user(issued)
    before_pk = before.pk
    get_user_model()._default_manager.get(pk=before_pk).delete()
    headers = {"X-API-Key": issued.api_key}
    after = client.get("/drf/everyone", headers=headers).json()["user"]
    assert after == expected("service_account", issued)
    assert get_user_model()._default_manager.filter(pk=after).exists()


def test_a_hosts_own_function_fills_what_its_user_model_needs(issue, settings, alice):
    settings.APIKEYS = {**settings.APIKEYS, "AUTOMATION_USER": f"{__name__}.named"}
    assert user(issue()).get_full_name().startswith("Robot")


def named(token: AccessToken) -> Any:
    field = "name" if hasattr(get_user_model(), "name") else "first_name"
    return service_account(token, **{field: "Robot of Acme"})


def test_a_value_that_the_user_model_refuses_is_named(issue, settings):
    choose(settings, f"{__name__}.too_long")
    with pytest.raises(ImproperlyConfigured, match="takes no service account"):
        issue()
    assert AccessToken.objects.count() == 0


def too_long(token: AccessToken) -> Any:
    field = "name" if hasattr(get_user_model(), "name") else "first_name"
    return service_account(token, **{field: "R" * 200})


def test_a_user_model_that_needs_more_is_an_error_that_says_what_to_write(settings, monkeypatch):
    assert checks.people.check_service_accounts(None) == []
    choose(settings, "service_account")
    assert checks.people.check_service_accounts(None) == []
    field = get_user_model()._meta.get_field(get_user_model().USERNAME_FIELD)
    monkeypatch.setattr(field, "_validators", [RegexValidator("^[0-9]+$")])
    field.__dict__.pop("validators", None)
    (found,) = checks.people.check_service_accounts(None)
    field.__dict__.pop("validators", None)
    assert found.id == "apikeys.E080"
    assert found.msg.endswith(f"{field.name}: Enter a valid value.")
    assert found.hint.endswith(f"service_account(token, {field.name}=…)")
    choose(settings, f"{__name__}.named")
    assert checks.people.check_service_accounts(None) == []


@pytest.mark.parametrize("function", ["missing", "denied", "nothing"])
def test_a_hosts_function_that_fails_is_a_fault_and_lets_nobody_in(
    client, issue, settings, function, caplog
):
    issued = issue()
    choose(settings, f"{__name__}.{function}")
    client.raise_request_exception = False
    for face in FACES:
        response = client.get(f"/{face}/everyone", headers={"X-API-Key": issued.api_key})
        assert response.status_code == 500, face
    assert f"{__name__}.{function}" in caplog.text
    assert issued.secret not in caplog.text


def test_token_of_is_the_token_of_a_request_and_none_for_a_persons(issue, rf, alice):
    issued, plain = issue(), HttpRequest()
    assert token_of(plain) is None
    plain.auth = issued.token
    assert token_of(plain) is issued.token
    drf = Request(rf.get("/"))
    drf.auth = issued.token
    assert token_of(drf) is issued.token
    drf.auth = "a token of another package"
    assert token_of(drf) is None
    drf.auth, drf.user = None, alice
    assert token_of(drf) is None


@pytest.mark.parametrize("copied", [lambda row: pickle.loads(pickle.dumps(row)), copy.deepcopy])
def test_no_password_hash_leaves_with_a_pickled_row(issue, settings, alice, acme, copied):
    choose(settings, "service_account")
    personal, automation = issue(kind=Kind.PERSONAL, owner=alice), issue()
    account = user(automation)
    invitation = invite(
        actor=Actor.person(alice), organization=acme, email="erin@example.org", page_url=str
    )
    invitation = Invitation.objects.select_related("invited_by").get(pk=invitation.pk)
    member = Membership.objects.select_related("user").get(user=alice)
    rows = {
        "the owner": (find(personal.token.token_id).copy(), lambda row: row.owner, alice),
        "the maker": (
            AccessToken.objects.select_related("created_by").get(pk=personal.token.pk),
            lambda row: row.created_by,
            None,
        ),
        "the account": (
            find(automation.token.token_id).copy(),
            lambda row: row.workspace.service_account,
            account,
        ),
        "the principal": (
            AccessTokenPrincipal(find(personal.token.token_id).copy()),
            lambda row: row.token.owner,
            alice,
        ),
        "the inviter": (invitation, lambda row: row.invited_by, alice),
        "the member": (member, lambda row: row.user, alice),
    }
    for name, (row, person, wanted) in rows.items():
        assert person(row) == wanted, name
        for one in (alice, account):
            assert one.password.encode() not in pickle.dumps(row), name
        assert person(copied(row)) == wanted, name
