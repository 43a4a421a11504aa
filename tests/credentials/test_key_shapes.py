"""The shape and prefix of keys may change; tokens made before the change keep working."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError

from apikeys import dialects
from apikeys.credentials.keys import BASE62, HEX, KeyShape
from apikeys.dialects import DefaultDialect
from apikeys.models import AccessToken
from apikeys.models.tokens import AccessTokenQuerySet
from apikeys.services.errors import Conflict
from apikeys.services.tokens import rotate_token
from tests.support.apis import say

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.support.apis"),
    pytest.mark.usefixtures("limits_in_memory"),
]

FCMS = KeyShape(8, 32, HEX, checksum=False)


class Short(DefaultDialect):
    """Keys `fcms_<8 hex>_<32 hex>`; those of the standard shape and prefix came before."""

    prefixes = {"development": "fcms"}
    earlier_prefixes = frozenset({"ak_prod", "ak_dev"})
    key_shape = FCMS
    earlier_key_shapes = (KeyShape(),)


class Forgetful(DefaultDialect):
    """The same change without a word of what came before."""

    prefixes = {"development": "fcms"}
    key_shape = FCMS


class Renamed(DefaultDialect):
    """Another prefix for production; the old one is still good."""

    prefixes = {"development": "ak_dev", "production": "acme_live"}
    earlier_prefixes = frozenset({"ak_prod"})


class Nameless(DefaultDialect):
    """No prefix at all."""

    prefixes = {"development": ""}


def speak(settings, name: str) -> None:
    say(settings, DIALECTS={"default": f"tests.credentials.test_key_shapes.{name}"})


def status(api, issued) -> int:
    return api.key(issued).get("/protected").status_code


def test_after_a_change_of_shape_old_and_new_tokens_work(api, issue, settings):
    old = issue()
    speak(settings, "Short")
    new = issue()
    prefix, token_id, secret = new.api_key.split("_")
    assert (prefix, len(token_id), len(secret)) == ("fcms", 8, 32)
    assert set(token_id + secret) <= set(HEX)
    assert status(api, old) == status(api, new) == 200


def test_a_rotated_token_of_an_old_shape_keeps_id_and_shape(api, issue, settings, actor):
    old = issue()
    speak(settings, "Short")
    rotated = rotate_token(actor=actor, token=old.token)
    assert rotated.token.token_id == old.token.token_id
    assert len(rotated.secret) == 49
    assert rotated.api_key == f"fcms_{old.token.token_id}_{rotated.secret}"
    assert status(api, rotated) == 200
    assert status(api, old) == 401


def test_a_shape_that_is_forgotten_is_refused_without_a_query(
    api, issue, settings, django_assert_num_queries, actor
):
    old = issue()
    speak(settings, "Forgetful")
    with django_assert_num_queries(0):
        assert status(api, old) == 401
    with pytest.raises(Conflict, match="old shape"):
        rotate_token(actor=actor, token=old.token)


def test_junk_of_a_shape_without_checksum_costs_a_query_and_is_the_same_401(
    api, settings, acme, django_assert_num_queries
):
    speak(settings, "Short")
    with django_assert_num_queries(1):
        junk = api.get("/protected", headers={"X-API-Key": "fcms_01234567_" + "0" * 32})
    broken = api.get("/protected", headers={"X-API-Key": "fcms_01234567_" + "0" * 31})
    assert junk.status_code == broken.status_code == 401
    assert junk.content == broken.content


def test_an_earlier_prefix_keeps_working_and_new_keys_have_the_new_one(api, issue, settings):
    old = issue()
    speak(settings, "Renamed")
    new = issue()
    assert new.api_key.startswith("acme_live_")
    assert status(api, old) == status(api, new) == 200


def test_a_prefix_that_is_no_more_is_refused(api, issue, settings):
    old = issue()
    speak(settings, "Nameless")
    new = issue()
    assert new.api_key == f"{new.token.token_id}_{new.secret}"
    assert status(api, new) == 200
    assert status(api, old) == 401


@pytest.mark.parametrize(
    ("slug", "wrong"), [("production", "ak_dev"), ("development", "ak_prod"), ("production", "ak")]
)
def test_the_prefix_of_the_wrong_environment_is_refused(api, issue, acme, slug, wrong):
    issued = issue(workspace=acme.workspaces.get(slug=slug))
    assert status(api, issued) == 200
    prefixed = f"{wrong}_{issued.token.token_id}_{issued.secret}"
    api.credentials()
    assert api.get("/protected", headers={"X-API-Key": prefixed}).status_code == 401


def test_an_environment_without_a_prefix_of_its_own_takes_the_first(issue, acme):
    staging = acme.workspaces.create(slug="staging", name="Staging", environment="staging")
    assert issue(workspace=staging).api_key.startswith("ak_dev_")


@pytest.fixture
def ids(monkeypatch):
    """Ids that the system's random source is made to give, in order."""
    given: list[str] = []
    monkeypatch.setattr(KeyShape, "new_id", lambda self: given.pop(0))
    return given


def test_an_id_that_is_taken_is_drawn_again(api, issue, ids):
    ids.append("A" * 16)
    first = issue()
    ids.extend(["A" * 16, "A" * 16, "B" * 16])
    second = issue()
    assert (first.token.token_id, second.token.token_id) == ("A" * 16, "B" * 16)
    assert status(api, first) == status(api, second) == 200


def test_an_id_taken_in_between_is_drawn_again(api, issue, ids, monkeypatch):
    ids.append("A" * 16)
    first = issue()
    ids.extend(["A" * 16, "B" * 16])
    looked = []

    def exists(self):
        looked.append(self)
        # First asks the rule of unique names, then the id: that answer is out of date.
        return len(looked) != 2 and self.count() > 0

    monkeypatch.setattr(AccessTokenQuerySet, "exists", exists)
    saved = []
    save = AccessToken.save

    def count(self, *args, **kwargs):
        saved.append(self.token_id)
        save(self, *args, **kwargs)

    monkeypatch.setattr(AccessToken, "save", count)
    second = issue(name="Second")
    assert second.token.token_id == "B" * 16
    assert status(api, first) == status(api, second) == 200
    assert saved == ["A" * 16, "B" * 16]


def test_without_any_free_id_nothing_is_made(issue, ids):
    ids.append("A" * 16)
    issue()
    ids.extend(["A" * 16] * 8)
    with pytest.raises(Conflict, match="No free token id"):
        issue()
    assert AccessToken.objects.count() == 1


def test_the_database_itself_refuses_a_second_token_of_an_id(issue):
    first, second = issue(), issue()
    with pytest.raises(IntegrityError):
        AccessToken.objects.filter(pk=second.token.pk).update(token_id=first.token.token_id)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("tests.nowhere.Dialect", "No module named"),
        ("tests.credentials.test_key_shapes.FCMS", "is not a Dialect"),
        ("tests.credentials.test_key_shapes.speak", "is not a Dialect"),
        ("tests.credentials.test_key_shapes.BadScope", "is not a scope name"),
    ],
)
def test_a_dialect_that_can_not_be_used_is_named_at_once(settings, path, words):
    say(settings, DIALECTS={"broken": path})
    with pytest.raises(ImproperlyConfigured, match=words):
        dialects.get("default")


class BadScope(DefaultDialect):
    def __init__(self) -> None:
        self.scopes = {"Notes Read": "No name of a scope"}


def test_the_file_of_secrets_holds_the_dialects_names_and_no_word_of_a_user(issue):
    issued = issue(name="$(reboot)")
    lines = dialects.get("default").env_file(
        token_id=issued.token.token_id, secret=issued.secret, key=issued.api_key
    )
    assert lines == (
        f"ACCESS_TOKEN_ID={issued.token.token_id}\n"
        f"ACCESS_TOKEN_SECRET={issued.secret}\n"
        f"API_KEY={issued.api_key}\n"
    )
    assert set(lines) <= set(BASE62) | set("_=\n")
