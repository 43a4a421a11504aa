"""Descriptions of scopes, and what a host's rules say, may be lazy: each reader's language."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from apikeys import conf, dialects
from apikeys.access.problems import encode, problem_of
from apikeys.dialects import Dialect
from apikeys.refusals import Reason, Refusal
from apikeys.restrictions import Face
from tests.support.apis import say

SCOPES = {"notes:read": _("View"), "notes:write": "Change"}


class Shop(Dialect):
    scopes = SCOPES
    title = "Shop"


@pytest.fixture(autouse=True)
def lazy(settings: Any) -> None:
    known = settings.APIKEYS.get("DIALECTS", {})
    say(settings, SCOPES=SCOPES, DIALECTS={**known, "shop": f"{__name__}.Shop"})


def described(scopes: Any, language: str) -> dict[str, str]:
    with translation.override(language):
        return {name: str(text) for name, text in scopes.items()}


def test_the_setting_takes_them() -> None:
    assert not [found for found in run_checks() if found.id == "apikeys.E001"]
    for scopes in (conf.get().scopes, dialects.get("default").scopes, dialects.get("shop").scopes):
        assert described(scopes, "en") == {"notes:read": "View", "notes:write": "Change"}
        assert described(scopes, "de") == {"notes:read": "Ansehen", "notes:write": "Change"}


def test_the_settings_can_be_copied_and_pickled() -> None:
    for settings in (copy.deepcopy(conf.get()), pickle.loads(pickle.dumps(conf.get()))):
        assert described(settings.scopes, "de")["notes:read"] == "Ansehen"
        assert settings == conf.get()


@pytest.mark.parametrize(
    "scopes", [{"notes:read": 1}, {"notes:read": None}, {"notes:read": b"x"}, [_("View")]]
)
def test_what_is_no_text_is_still_refused(settings: Any, scopes: Any) -> None:
    say(settings, SCOPES=scopes)
    with pytest.raises(ImproperlyConfigured, match="must map strings to strings"):
        conf.get()


def test_a_lazy_name_is_still_refused(settings: Any) -> None:
    say(settings, SCOPES={_("notes:read"): "View"})
    with pytest.raises(ImproperlyConfigured, match="must map strings to strings"):
        conf.get()


def test_names_of_dialects_are_never_lazy(settings: Any) -> None:
    say(settings, DIALECTS={"shop": _("tests.languages.test_lazy_scopes.Shop")})
    with pytest.raises(ImproperlyConfigured, match="must map strings to strings"):
        conf.get()


@pytest.mark.django_db
def test_tokens_are_made_and_judged_by_the_names(issue: Any) -> None:
    token = issue(scopes=["notes:write", "notes:read"]).token
    assert token.scopes == ["notes:read", "notes:write"]
    assert token.held_scopes() == {"notes:read", "notes:write"}


@pytest.mark.django_db
def test_documents_and_collections_are_made(client: Any) -> None:
    for language in ("de", "en"):
        with translation.override(language):
            for path in ("schema", "postman/management.json", "docs"):
                assert client.get(f"/access/v1/{path}").status_code == 200


def test_a_document_is_the_same_whoever_asks_first(client: Any, settings: Any) -> None:
    told = []
    for language in ("de", "en"):
        settings.APIKEYS = dict(settings.APIKEYS)  # another object: documents are made anew
        with translation.override(language):
            told.append(client.get("/access/v1/schema").content)
    assert told[0] == told[1]
    assert b"This field is required." in told[0]


def test_what_a_hosts_rule_says_is_said_in_the_hosts_language() -> None:
    face = Face(403, "shop.closed", _("View"))
    for language, said in (("en", "View"), ("de", "Ansehen")):
        with translation.override(language):
            found = problem_of(Refusal(Reason.RESTRICTED, face=face), dialects.get("shop"))
            assert found is not None
            assert json.loads(encode(dialects.get("shop").render(found)[0]))["detail"] == said
