"""Names: something to be seen in them, one form to compare and to search them in."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from django.core.management import CommandError, call_command
from django.db.models import QuerySet, Value
from django.urls import reverse

from apikeys import visible
from apikeys.models import AccessToken
from apikeys.models.names import fill
from apikeys.queries.filters import TokenFilter
from apikeys.services import validation
from apikeys.services.errors import Invalid
from apikeys.services.organizations import create_organization, rename_organization
from apikeys.services.tokens import create_token, revoke_token, update_token
from apikeys.services.workspaces import archive_workspace, create_workspace, rename_workspace

pytestmark = pytest.mark.django_db

INVISIBLE = {
    "zero width space": "\u200b",
    "joiners": "\u200d\u200c",
    "soft hyphen": "\u00ad",
    "variation selector": "\ufe0f",
    "marks alone": "\u0301\u0308",
    "Hangul fillers": "\u3164\uffa0\u115f\u1160",
    "Braille blank": "\u2800",
    "tags": "\U000e0041\U000e007f",
    "byte order mark": "\ufeff",
    "grapheme joiner": "\u034f",
    "a note without a head": "\U0001d159",
    "private use": "\ue000",
    "a blank between them": "\u200b \u200b",
}
SEEN = [
    "a",
    "1",
    "-",
    "é",
    "e\u0301",
    "テスト",
    "👩\u200d💻",
    "❤\ufe0f",
    "日",
    "שלום",
    "\u0646\u0627\u0645\u200c\u0647\u0627",
]


@pytest.mark.parametrize("name", INVISIBLE.values(), ids=INVISIBLE)
def test_a_name_that_nobody_sees_is_none(actor, alice, acme, production, issue, name):
    token = issue(name="Seen").token
    refused = [
        lambda: create_token(actor=actor, workspace=production, name=name, scopes=[]),
        lambda: update_token(actor=actor, token=token, name=name),
        lambda: update_token(actor=actor, token=token, description=name),
        lambda: create_organization(actor=actor, name=name, admin=alice),
        lambda: rename_organization(actor=actor, organization=acme, name=name),
        lambda: rename_workspace(actor=actor, workspace=production, name=name),
        lambda: create_workspace(
            actor=actor,
            organization=acme,
            name=name,
            environment="production",
            dialect="default",
        ),
    ]
    for work in refused:
        with pytest.raises(Invalid) as caught:
            work()
        assert caught.value.code in ("name.invisible", "description.invisible")
    token.refresh_from_db()
    assert (token.name, token.description) == ("Seen", "")


@pytest.mark.parametrize("name", SEEN)
def test_a_name_that_can_be_seen_is_kept_as_it_is_written(issue, name):
    assert issue(name=name).token.name == unicodedata.normalize("NFC", name)


def test_every_edge_refuses_a_name_that_nobody_sees(api, client, alice, acme, production):
    api.force_login(alice)
    body = {"workspace": "production", "name": "\u200b", "scopes": []}
    response = api.post("/access/v1/organizations/acme/tokens", body, format="json")
    assert (response.status_code, response.json()["error"]) == (400, "name.invisible")
    with pytest.raises(CommandError, match="can be seen"):
        call_command("create_token", "--workspace", "acme/production", "--name", "\u200b")
    with pytest.raises(CommandError, match="can be seen"):
        call_command("create_organization", "\u3164", "--admin", "alice@example.org")
    assert not AccessToken.objects.exists()


TWINS = {
    "case": ("CI deploy", "ci DEPLOY"),
    "case beyond ASCII": ("Ärger", "äRGER"),
    "sharp s": ("Straße", "STRASSE"),
    "composition": ("café", "cafe\u0301"),
    "width": ("CI", "\uff23\uff29"),
    "soft hyphen": ("deploy", "de\u00adploy"),
    "zero width": ("deploy", "deploy\u200b"),
    "variation": ("❤", "❤\ufe0f"),
    "blanks": ("CI deploy", "CI\u00a0 deploy"),
    "fillers": ("deploy", "deploy\u3164"),
    "Kelvin": ("kate", "\u212aate"),
    "long s": ("sam", "\u017fam"),
}


@pytest.mark.parametrize(("one", "other"), TWINS.values(), ids=TWINS)
def test_names_that_look_alike_are_one_name(actor, production, development, issue, one, other):
    first = issue(name=one).token
    for made in (
        lambda: issue(name=other),
        lambda: update_token(actor=actor, token=issue(name="Third").token, name=other),
    ):
        with pytest.raises(Invalid) as caught:
            made()
        assert caught.value.code == "token.name_taken"
    update_token(actor=actor, token=first, name=other)
    issue(name=one, workspace=development)
    revoke_token(actor=actor, token=first)
    assert issue(name=one).token.name == one


@pytest.mark.parametrize(("one", "other"), TWINS.values(), ids=TWINS)
def test_a_search_finds_a_name_in_any_of_its_forms(issue, one, other):
    token = issue(name=f"x {one} y").token
    issue(name="Another")
    for typed in (one, other, f"X {other}", f"{one} Y"):
        found = TokenFilter({"q": typed}, queryset=AccessToken.objects.all())
        assert [each.pk for each in found.qs] == [token.pk], typed


def test_names_that_differ_to_the_eye_are_two(issue):
    for name in ("a", "b", "á", "a b", "a-b", "a_b", "ab"):
        issue(name=name)
    assert AccessToken.objects.count() == 7


def names(q, **query):
    found = TokenFilter({"q": q, **query}, queryset=AccessToken.objects.all())
    assert found.is_valid()
    return sorted(token.name for token in found.qs)


def with_id(issued, token_id):
    AccessToken.objects.filter(pk=issued.token.pk).update(token_id=token_id)


def test_a_search_finds_what_it_says_and_no_more(issue):
    with_id(issue(name="CI_deploy"), "CI23456789abcdef")
    with_id(issue(name="CI-nightly"), "CI3456789abcdefg")
    with_id(issue(name="100 % of_it \\ all"), "zz3456789abcdefg")
    assert names("_zzz-no-such") == []
    assert names("_") == ["100 % of_it \\ all", "CI_deploy"]
    assert names("%") == names("\\") == ["100 % of_it \\ all"]
    assert names("CI_deploy") == ["CI_deploy"]
    assert names("CI_") == ["CI_deploy"]
    assert names("CI2") == ["CI_deploy"]
    assert names("ci2") == []
    assert names("CI") == ["CI-nightly", "CI_deploy"]
    assert names("ak_prod_CI3") == ["CI-nightly"]
    assert names("ak_prod_") == []
    assert names("zz345678") == ["100 % of_it \\ all"]
    assert names("zz_345678") == []
    assert names("\u200b") == []


def test_a_name_that_has_the_shape_of_an_id_is_searched_as_a_name(issue):
    issue(name="productionserver one")
    assert names("productionserver") == ["productionserver one"]


def test_a_workspace_has_the_name_of_no_other_one(actor, acme):
    def create(name):
        return create_workspace(
            actor=actor, organization=acme, name=name, environment="staging", dialect="default"
        )

    made = create("Café west")
    for name in ("CAFE\u0301 west", "Production", "Café\u00ad west"):
        with pytest.raises(Invalid) as caught:
            create(name)
        assert caught.value.code == "workspace.name_taken"
        if name != "Production":
            rename_workspace(actor=actor, workspace=made, name=name)
        else:
            with pytest.raises(Invalid) as caught:
                rename_workspace(actor=actor, workspace=made, name=name)
            assert caught.value.code == "workspace.name_taken"
    other = create("Other")
    archive_workspace(actor=actor, workspace=made)
    assert rename_workspace(actor=actor, workspace=other, name="Café west").name == "Café west"


def test_the_form_follows_the_name_however_it_is_written(issue):
    token = issue(name="Straße").token
    assert AccessToken.objects.get(pk=token.pk).name_key == "strasse"
    AccessToken.objects.filter(pk=token.pk).update(name="Über")
    token.refresh_from_db()
    assert token.name_key == "über"
    token.name = "CI  Deploy"
    token.save(update_fields=["name"])
    token.refresh_from_db()
    assert token.name_key == "ci deploy"
    token.name = "\ufdfa" * 255
    token.save()
    token.refresh_from_db()
    assert len(token.name_key) == 255


def test_filling_the_form_minds_no_twins(issue):
    one, other = issue(name="twin").token, issue(name="Twin 2").token
    plain = QuerySet(AccessToken)
    plain.update(name_key="")
    plain.filter(pk=other.pk).update(name="tw\u200bin")
    fill(plain, "name_key")
    for token in (one, other):
        token.refresh_from_db()
        assert token.name_key == "twin"
    with pytest.raises(Invalid):
        issue(name="TWIN")


def test_the_form_follows_names_that_are_written_together(production, issue):
    one, other = issue(name="One").token, issue(name="Other").token
    one.name, other.name = "Straße", "Über"
    AccessToken.objects.bulk_update((token for token in (one, other)), ["name"])
    for token, key in ((one, "strasse"), (other, "über")):
        token.refresh_from_db()
        assert token.name_key == key
    again = AccessToken(token_id=one.token_id, workspace=production, name="CI  2", digest="x")
    AccessToken.objects.bulk_create(
        [again], update_conflicts=True, unique_fields=["token_id"], update_fields=["name"]
    )
    one.refresh_from_db()
    assert (one.name, one.name_key) == ("CI  2", "ci 2")


WRITTEN_PAST_US = {
    "update": lambda token, name: AccessToken.objects.filter(pk=token.pk).update(name=Value(name)),
    "bulk_update": lambda token, name: AccessToken.objects.bulk_update(
        [named(token, Value(name))], ["name"]
    ),
    "save": lambda token, name: named(token, Value(name)).save(update_fields=["name"]),
    "an earlier release": lambda token, name: QuerySet(AccessToken).update(name=name, name_key=""),
}


def named(token, name):
    token.name = name
    return token


@pytest.mark.parametrize("write", WRITTEN_PAST_US.values(), ids=WRITTEN_PAST_US)
@pytest.mark.parametrize(("one", "other"), TWINS.values(), ids=TWINS)
def test_a_name_whose_form_is_not_known_is_compared_itself(issue, actor, write, one, other):
    token = AccessToken.objects.get(pk=issue(name="Before").token.pk)
    write(token, one)
    row = AccessToken.objects.get(pk=token.pk)
    assert (row.name, row.name_key) == (one, "")
    assert names(other) == [one]
    assert names("Before") == []
    with pytest.raises(Invalid) as caught:
        issue(name=other)
    assert caught.value.code == "token.name_taken"
    issue(name="Before")
    assert update_token(actor=actor, token=row, name="After").name_key == "after"


def test_the_django_admin_finds_a_composed_name(client, make_user, issue, actor, alice):
    client.force_login(make_user("root@example.org", is_staff=True, is_superuser=True))
    issue(name="café")
    create_organization(actor=actor, name="Müller", admin=alice)
    for model, typed, shown in (
        ("accesstoken", "CAFE\u0301", "café"),
        ("organization", "mu\u0308ller", "Müller"),
    ):
        page = client.get(reverse(f"admin:apikeys_{model}_changelist"), {"q": typed})
        assert [str(row.name) for row in page.context["cl"].result_list] == [shown]


@pytest.mark.parametrize("text", ["\u212aate", "İstanbul", "ﬁ", "\uff23\uff29", "ǅ"])
def test_the_compared_form_is_a_fixed_point(text):
    assert visible.compared(visible.compared(text)) == visible.compared(text)


def test_a_run_of_marks_keeps_thirty_and_all_that_languages_write():
    marks = "\u0316" * 30
    assert visible.normalized("NFC", f"a{marks}") == f"a{marks}"
    assert visible.normalized("NFC", f"a{marks}\u0316\u0316b") == f"a{marks}b"
    assert visible.normalized("NFC", "e\u0301") == "\u00e9"


def test_every_mark_that_decomposes_to_a_combining_one_counts():
    for code in range(sys.maxunicode + 1):
        letter = chr(code)
        first = unicodedata.normalize("NFKD", letter)[0]
        if unicodedata.combining(first):
            assert visible.normalized("NFKC", "a" + letter * 31) == unicodedata.normalize(
                "NFKC", "a" + letter * 30
            )


def test_a_name_without_end_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(validation.visible, "normalized", None)
    monkeypatch.setattr(validation.pasted, "cut", None)
    with pytest.raises(Invalid) as caught:
        validation.name("a" + "\u0301" * 9_000)
    assert caught.value.code == "name.too_long"
