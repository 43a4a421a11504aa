"""What commands print, Django admin shows and mails say: all of it can be in another language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any, Final

import pytest
from django.apps import apps
from django.core import mail
from django.core.management import call_command, load_command_class
from django.core.management.base import CommandError
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone, translation

from apikeys.models import EpochPlace
from apikeys.services.actors import Actor
from apikeys.services.audit import LABELS, Action
from apikeys.services.invitations import invite
from apikeys.services.tokens import rotate_token
from tests.support.catalogues import marked, unmarked, write_catalogue

pytestmark = pytest.mark.django_db

COMMANDS: Final = (
    "bump_epoch",
    "create_organization",
    "create_token",
    "grant_admin",
    "grant_credits",
    "list_tokens",
    "prune_activity",
    "revoke_token",
    "suspend_organization",
)


@pytest.fixture
def in_marks() -> Iterator[None]:
    with marked():
        yield


def said(*arguments: str) -> str:
    """Return what a command prints, or the line it fails with."""
    output, errors = StringIO(), StringIO()
    try:
        call_command(*arguments, stdout=output, stderr=errors)
    except CommandError as error:
        return str(error)
    return errors.getvalue() + output.getvalue()


def test_every_command_says_what_it_does_in_the_language(in_marks: None) -> None:
    for name in COMMANDS:
        text = " ".join(
            load_command_class("apikeys", name).create_parser("", name).format_help().split()
        )
        own = text.partition("»")[0].rpartition("«")[2]
        assert own.endswith("."), name
        # argparse and Django speak English, whatever the language.
        assert re.search(rf"{re.escape(own)}» (options|positional arguments):", text)


def test_commands_speak_the_language(
    acme: Any, bob: Any, charlie: Any, issue: Any, in_marks: None
) -> None:
    token = issue().token.token_id
    create = ("create_token", "--workspace", "acme/production", "--name", "CI")
    for arguments in (
        ("create_token", "--workspace", "acme/moon", "--name", "CI"),
        (*create, "--scope", "moon:walk"),
        (*create, "--kind", "personal"),
        (*create, "--owner", "bob@example.org"),
        (*create, "--kind", "personal", "--owner", "charlie@example.org"),
        (*create, "--expires-in", "1y"),
        (*create, "--expires-in", "999999w"),
        (*create, "--expires-at", "noon"),
        (*create, "--expires-at", "2030-01-01T12:00"),
        ("create_organization", "Acme", "--admin", "nobody@example.org"),
        ("create_organization", "Acme", "--admin", "bob@example.org", "--slug", "acme"),
        ("create_organization", "Acme", "--admin", "bob@example.org", "--slug", "a b"),
        ("create_organization", "Acme", "--admin", "bob@example.org", "--dialect", "moon"),
        ("grant_admin", "moon", "bob@example.org"),
        ("grant_admin", "acme", "bob@example.org"),
        ("grant_credits", "acme", "0"),
        ("grant_credits", "acme", "5"),
        ("revoke_token", "moon"),
        ("revoke_token", token),
        ("revoke_token", token),
        ("suspend_organization", "acme"),
        ("suspend_organization", "acme", "--resume"),
        ("prune_activity", "--dry-run"),
        ("bump_epoch",),
    ):
        text = said(*arguments)
        assert "«" in text, arguments
        left = unmarked(re.sub(r"(?m)^[a-z_]+: «", "«", text))
        assert left.replace("«»", "").strip() == "", text


def test_commands_are_english_where_only_django_has_german(acme: Any) -> None:
    english = said("create_organization", "Acme", "--admin", "nobody@example.org")
    with translation.override("de"):
        assert said("create_organization", "Acme", "--admin", "nobody@example.org") == english


def test_a_new_organization_has_the_same_workspaces_in_every_language(
    alice: Any, in_marks: None
) -> None:
    assert said("create_organization", "Umbrella", "--admin", "alice@example.org") == "umbrella\n"
    made = apps.get_model("apikeys", "Workspace").objects.filter(organization__slug="umbrella")
    assert list(made.values_list("slug", "name").order_by("slug")) == [
        ("development", "Development"),
        ("production", "Production"),
    ]


def test_what_is_kept_of_a_change_is_english_in_every_language(
    acme: Any, issue: Any, in_marks: None
) -> None:
    token = issue().token
    rotate_token(actor=Actor.system("tests"), token=token)
    said("revoke_token", token.token_id, "--reason", "Leaked")
    events = apps.get_model("apikeys", "AuditEvent").objects.all()
    assert events
    assert not [event for event in events if "«" in f"{event.__dict__}"]


def test_every_action_has_its_words() -> None:
    assert set(LABELS) == set(Action)
    for action, label in LABELS.items():
        words = action.value.replace(".", " ").replace("_", " ").capitalize()
        with translation.override("en"):
            assert str(label) == words
        with marked():
            assert str(label) == f"«{words}»"


def test_django_admin_has_no_word_of_ours_outside_the_language(
    client: Any, make_user: Any, issue: Any, acme: Any
) -> None:
    client.force_login(make_user("root@example.org", is_staff=True, is_superuser=True))
    issued = issue(creation_id="c-1")
    acme.invitations.create(email="dave@example.org", expires_at=timezone.now() + timedelta(1))
    EpochPlace.objects.create(identity="0" * 32, user=1, host="web", seen_at=timezone.now())
    with marked():
        for model in apps.get_app_config("apikeys").get_models():
            options = model._meta
            for label in (options.verbose_name, options.verbose_name_plural):
                assert unmarked(str(label)) == "«»", model
            for field in options.local_fields:
                assert field.primary_key or unmarked(str(field.verbose_name)) == "«»", field
                for _value, choice in field.choices or ():
                    assert unmarked(str(choice)) == "«»", field
            row = model._base_manager.first()
            pages = [("changelist", ()), *([("change", (row.pk,))] if row else [])]
            for name, args in pages:
                page = client.get(reverse(f"admin:apikeys_{options.model_name}_{name}", args=args))
                text = page.content.decode()
                for label in re.findall(r"<label[^>]*>([^<]+)</label>", text):
                    assert unmarked(label).replace("«»", "").strip(": \n") == "", (model, label)
                for column in re.findall(r'<th scope="col"[^>]*>.*?<a[^>]*>([^<]+)</a>', text):
                    assert unmarked(column.strip()) == "«»", (model, column)
    assert issued.token.pk


def test_an_invitation_is_in_the_language_of_who_sends_it(
    acme: Any, alice: Any, django_capture_on_commit_callbacks: Any
) -> None:
    actor = Actor.person(alice)
    with marked():
        with django_capture_on_commit_callbacks() as callbacks:
            invite(
                actor=actor,
                organization=acme,
                email="erin@example.org",
                role="admin",
                page_url=lambda link: f"https://acme.example/{link}",
            )
        with translation.override("de"):  # the transaction ends when another one is active
            for callback in callbacks:
                callback()
    message = mail.outbox[-1]
    assert unmarked(message.subject) == "«»"
    lines = [line for line in unmarked(message.body).splitlines() if line]
    assert [line for line in lines if line != "«»"] == [
        line for line in lines if line.startswith("https://acme.example/")
    ]
    assert len(lines) == 4


def test_an_invitation_is_english_where_only_django_has_german(
    acme: Any, actor: Actor, django_capture_on_commit_callbacks: Any
) -> None:
    with translation.override("de"), django_capture_on_commit_callbacks(execute=True):
        invite(
            actor=actor,
            organization=acme,
            email="erin@example.org",
            role="member",
            page_url=lambda link: "https://acme.example/",
        )
    message = mail.outbox[-1]
    ends = acme.invitations.get().expires_at
    assert message.subject == "Join Acme"
    assert message.body == (
        "tests invites you to join Acme as a member.\n\n"
        "Open this link to accept:\n\n"
        "https://acme.example/\n\n"
        f"It works once, until {ends.day} {ends:%B} {ends:%Y, %H:%M} UTC. "
        "If you did not expect this, do nothing:\n"
        "without the link nobody joins in your name.\n\n"
    )


def test_a_catalogue_of_the_host_is_enough(
    acme: Any, alice: Any, tmp_path: Any, client: Any
) -> None:
    texts = {
        "code of the language of these texts\x04en": "de",
        "An API key is required.": "Ein API-Schlüssel ist nötig.",
        "HTTP status\x04Unauthorized": "Nicht angemeldet",
    }
    folder = write_catalogue(tmp_path, "de", texts)
    with override_settings(LOCALE_PATHS=[folder], LANGUAGE_CODE="de"), translation.override("de"):
        response = client.get("/access/v1/token")
    assert response.json() == {
        "title": "Nicht angemeldet",
        "status": 401,
        "error": "api_key.missing",
        "detail": "Ein API-Schlüssel ist nötig.",
        "headers": ["X-API-Key", "Authorization: Bearer", "Authorization: Basic"],
    }
    assert response.headers["Content-Language"] == "de"
