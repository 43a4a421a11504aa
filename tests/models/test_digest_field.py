"""Digests are in the table alone, not in what others make of a row; backups are whole."""

from __future__ import annotations

import copy
import csv
import io
import json
import pickle
from datetime import timedelta

import pytest
from django.core import serializers
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models.signals import post_save
from django.template import engines
from rest_framework.serializers import ModelSerializer

from apikeys.access import Endpoint, Incoming, check
from apikeys.credentials.digests import Digest, make, text_of
from apikeys.models import AccessToken
from apikeys.services.tokens import rotate_token
from tests.support.apis import say

pytestmark = pytest.mark.django_db

COLUMNS = ("digest", "previous_digest")


@pytest.fixture
def rotated(issue, actor):
    return rotate_token(actor=actor, token=issue().token, overlap=timedelta(hours=1))


def digests(pk):
    """What the table holds, past the field."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT digest, previous_digest FROM apikeys_accesstoken WHERE id = {pk}")
        return cursor.fetchone()


def assert_hidden(text, pk):
    for digest in filter(None, digests(pk)):
        assert digest not in text
        assert digest.rpartition("$")[2][:12] not in text


def as_csv(rows):
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()


class Everything(ModelSerializer):
    class Meta:
        model = AccessToken
        fields = "__all__"


def test_what_others_make_of_a_row_shows_no_digest(rotated):
    pk = rotated.token.pk
    token = AccessToken.objects.get(pk=pk)
    rows = AccessToken.objects.filter(pk=pk)
    template = engines["django"].from_string("{{ token.digest }} {{ token.previous_digest }}")
    made = {
        "str": f"{token.digest} {token.previous_digest} {str(token.digest)!r}",
        "repr": repr(vars(token)),
        "percent": "%s %r" % (token.digest, token.previous_digest),  # noqa: UP031
        "values": repr(list(rows.values())) + repr(list(rows.values_list())),
        "json": json.dumps(list(rows.values()), cls=DjangoJSONEncoder),
        "csv": as_csv(rows.values_list(*COLUMNS)) + as_csv([[token.digest, token.previous_digest]]),
        "pickle": repr(pickle.dumps(list(rows.values()))) + repr(pickle.dumps(token.digest)),
        "template": template.render({"token": token}),
        "bytes": repr(token.digest.encode()) + repr(token.digest[:40]),
        "DRF": json.dumps(Everything(token).data, default=str),
        "attributes": repr([getattr(token, field.attname) for field in token._meta.fields]),
    }
    for how, text in made.items():
        assert_hidden(text, pk), how
    assert (str(token.digest), repr(token.previous_digest)) == ("***", "'***'")


def test_a_row_that_was_just_written_shows_none_either(issue, actor):
    seen = []

    def keep(sender, instance, **kwargs):
        seen.append(repr(vars(instance)) + json.dumps([instance.digest, instance.previous_digest]))

    post_save.connect(keep, sender=AccessToken)
    try:
        token = issue().token
        assert_hidden("".join(seen), token.pk)
        rotate_token(actor=actor, token=token)
        assert_hidden("".join(seen), token.pk)
    finally:
        post_save.disconnect(keep, sender=AccessToken)
    assert len(seen) == 2


@pytest.mark.urls("tests.support.apis")
def test_a_request_hands_out_a_token_that_shows_none(rotated, rf):
    request = rf.get("/", headers={"X-API-Key": rotated.api_key}, secure=True)
    token = check(Incoming.from_django(request), Endpoint(scopes=None)).token
    assert token.pk == rotated.token.pk
    assert_hidden(repr(vars(token)) + json.dumps([token.digest, token.previous_digest]), token.pk)
    token.save()
    assert digests(token.pk) == tuple(map(text_of, (token.digest, token.previous_digest)))


@pytest.mark.parametrize("form", ["json", "xml", "python"])
@pytest.mark.urls("tests.support.apis")
@pytest.mark.usefixtures("limits_in_memory")
def test_a_backup_by_dumpdata_brings_back_a_token_that_works(api, rotated, settings, form):
    say(settings, DIALECTS={})
    before = digests(rotated.token.pk)
    backup = serializers.serialize(form, AccessToken.objects.filter(pk=rotated.token.pk))
    AccessToken.objects.filter(pk=rotated.token.pk).update(digest="x", name="changed")
    for row in serializers.deserialize(form, backup):
        row.save()
    assert digests(rotated.token.pk) == before
    assert api.get("/protected", headers={"X-API-Key": rotated.api_key}).status_code == 200


def test_a_row_that_is_saved_or_copied_keeps_its_digests(rotated):
    pk = rotated.token.pk
    before = digests(pk)
    AccessToken.objects.get(pk=pk).save()
    copy.deepcopy(AccessToken.objects.get(pk=pk)).save(update_fields=["description"])
    token = AccessToken.objects.get(pk=pk)
    AccessToken.objects.bulk_update([token], COLUMNS)
    AccessToken.objects.filter(pk=pk).update(digest=token.digest)
    token.refresh_from_db()
    token.full_clean()
    assert digests(pk) == before
    assert AccessToken.objects.filter(digest=token.digest).count() == 1
    assert AccessToken.objects.filter(digest__startswith="hmac-sha256$1$").count() == 1


def test_what_a_digest_shows_is_never_stored(rotated):
    """A file that was exported, and is read back, would end every token."""
    token = AccessToken.objects.get(pk=rotated.token.pk)
    before = digests(token.pk)
    token.digest = "***"
    for write in (token.save, lambda: AccessToken.objects.update(digest="***")):
        with (
            pytest.raises(ValueError, match="digest is withheld in this data"),
            transaction.atomic(),
        ):
            write()
    assert digests(token.pk) == before


def test_digests_compare_by_what_is_stored():
    one, same, other = Digest("sha256$$aa"), Digest("sha256$$aa"), Digest("sha256$$bb")
    assert (one == same, one == other, one == "sha256$$aa", one == "***") == (
        True,
        False,
        True,
        False,
    )
    assert (one != same, one != other) == (False, True)
    assert len({one, same, other, "sha256$$aa"}) == 2
    assert text_of(Digest(one)) == text_of("sha256$$aa") == "sha256$$aa"
    assert (bool(Digest("")), Digest("") == "", str(Digest(""))) == (False, True, "")
    assert isinstance(make("id", "secret"), Digest)
