"""``Idempotency-Key``: its caller's own, printable, and the same with and without quotes."""

from __future__ import annotations

import pytest

from apikeys import reauthentication
from apikeys.models import AccessToken, SecretIssue
from apikeys.services.actors import Actor
from apikeys.services.errors import AlreadyIssued, Invalid
from apikeys.services.members import change_role
from apikeys.services.tokens import create_token, rotate_token

pytestmark = pytest.mark.django_db
TOKENS = "/access/v1/organizations/acme/tokens"


@pytest.fixture(autouse=True)
def _recent(monkeypatch):
    monkeypatch.setattr(reauthentication, "is_recent", lambda request: True)


@pytest.fixture
def post(api, alice, acme):
    api.force_login(alice)

    def send(key, name="Deploy", workspace="production"):
        body = {"workspace": workspace, "name": name, "scopes": []}
        return api.post(TOKENS, body, format="json", HTTP_IDEMPOTENCY_KEY=key)

    return send


def managing(issue, workspace):
    return Actor.bearer(issue(workspace=workspace, scopes=["tokens:manage"]).token)


def test_callers_use_the_same_key_without_knowing(issue, alice, bob, acme, production, development):
    change_role(actor=Actor.system("t"), membership=acme.memberships.get(user=bob), role="admin")
    callers = [
        (Actor.person(alice), production),
        (Actor.person(bob), production),
        (managing(issue, production), production),
        (managing(issue, production), production),
        (managing(issue, development), development),
        (Actor.system("create_token"), production),
    ]

    def make(number, actor, workspace):
        return create_token(
            actor=actor,
            workspace=workspace,
            name=f"Deploy {number}",
            scopes=[],
            creation_id="deploy-1",
        )

    made = [make(number, *caller).token.token_id for number, caller in enumerate(callers)]
    assert len(set(made)) == len(callers)
    count = AccessToken.objects.count()
    for number, caller in enumerate(callers):
        with pytest.raises(AlreadyIssued) as caught:
            make(number, *caller)
        assert caught.value.extra == {"token_id": made[number]}
        with pytest.raises(Invalid) as reused:
            make("other", *caller)
        assert reused.value.code == "creation_id.reused"
    assert AccessToken.objects.count() == count


def test_a_token_repeats_its_own_request_after_a_rotation(issue, actor, production):
    manager = managing(issue, production)
    asked = {"workspace": production, "name": "Deploy", "scopes": [], "creation_id": "c"}
    create_token(actor=manager, **asked)
    rotate_token(actor=actor, token=manager.token)
    with pytest.raises(AlreadyIssued):
        create_token(actor=manager, **asked)


def test_a_key_of_an_earlier_release_is_still_used_up_for_everybody(actor, alice, production):
    asked = {"workspace": production, "name": "Deploy", "scopes": [], "creation_id": "c"}
    create_token(actor=actor, **asked)
    SecretIssue.objects.update(caller="")
    for who in (actor, Actor.person(alice)):
        with pytest.raises(AlreadyIssued):
            create_token(actor=who, **asked)


@pytest.mark.parametrize("key", ['"deploy-1"', "deploy-1", ' "deploy-1" ', "deploy-1 "])
def test_a_key_is_the_same_with_and_without_its_quotes(post, key):
    assert post("deploy-1").status_code == 201
    response = post(key)
    assert (response.status_code, response.json()["error"]) == (409, "creation_id.used")
    assert post(key, name="Another").status_code == 422


@pytest.mark.parametrize(("quoted", "bare"), [(r'"a\"b"', 'a"b'), (r'"a\\b"', r"a\b")])
def test_a_quoted_key_is_read_as_a_structured_field(post, quoted, bare):
    assert post(quoted).status_code == 201
    assert post(bare).status_code == 409


@pytest.mark.parametrize(
    "key",
    [
        "",
        '""',
        " ",
        "ü",
        "a\x7fb",
        "a\tb",
        "\x00",
        "x" * 256,
        f'"{"x" * 256}"',
        '"a',
        'a"b"c\x01',
        '"a";p=1',
        '"a"b"',
        r'"a\n"',
        "\u200b",
        "caf\xe9",
    ],
)
def test_a_key_that_can_t_be_one_is_a_400_that_names_it(post, key):
    response = post(key)
    assert response.status_code == 400
    assert list(response.json()["fields"]) == ["Idempotency-Key"]
    assert not AccessToken.objects.exists()
    assert not SecretIssue.objects.exists()


@pytest.mark.parametrize("key", ["x", "x" * 255, "a b", "!~", "a,b", 'a"b', f'"{"x" * 255}"'])
def test_a_printable_key_of_up_to_255_characters_is_one(post, key):
    assert post(key).status_code == 201
    assert post(key).status_code == 409


@pytest.mark.parametrize("creation_id", ["ü", "a\u200b", "é" * 10])
def test_the_service_takes_printable_ascii_alone(actor, production, creation_id):
    with pytest.raises(Invalid) as caught:
        create_token(
            actor=actor, workspace=production, name="x", scopes=[], creation_id=creation_id
        )
    assert caught.value.code == "creation_id.invalid"
