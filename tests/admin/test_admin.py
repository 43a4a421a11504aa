"""Django admin: an operator sees everything but digests and changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from apikeys.activity import usage
from apikeys.credentials.digests import text_of
from apikeys.models import AccessToken, AuditEvent, EpochPlace
from apikeys.services.tokens import rotate_token

MODELS = list(apps.get_app_config("apikeys").get_models())


@pytest.fixture
def operator(client, make_user):
    user = make_user("root@example.org", is_staff=True, is_superuser=True)
    client.force_login(user)
    return client


@pytest.fixture
def rows(issue, actor, acme):
    """At least one row of each model, and the secrets behind them."""
    issued = issue(creation_id="c-1")
    again = rotate_token(actor=actor, token=issued.token, overlap=timedelta(days=1))
    acme.invitations.create(
        email="dave@example.org", expires_at=issued.token.created_at + timedelta(days=1)
    )
    usage.record(issued.token.pk, "success", address="192.0.2.1", agent="curl")
    usage.refuse("token.unknown", dialect="default", address="192.0.2.1")
    usage.flush()
    EpochPlace.objects.create(identity="0" * 32, user=1, host="web", seen_at=timezone.now())
    assert all(model._base_manager.exists() for model in MODELS)
    return issued, again


def page(model, name, *args):
    return reverse(f"admin:apikeys_{model._meta.model_name}_{name}", args=args)


def test_every_model_is_registered():
    assert [model for model in MODELS if not admin.site.is_registered(model)] == []


def test_no_page_shows_a_secret_or_a_digest(operator, rows):
    token = AccessToken.objects.get()
    hidden = [issued.secret for issued in rows]
    hidden += [text_of(text).rpartition("$")[2] for text in (token.digest, token.previous_digest)]
    for model in MODELS:
        row = model._base_manager.latest("pk")
        for url in (
            page(model, "changelist"),
            page(model, "change", row.pk),
            page(model, "history", row.pk),
        ):
            response = operator.get(url)
            assert response.status_code == 200, url
            text = response.content.decode()
            assert not [secret for secret in hidden if secret[:12] in text], url
    listing = operator.get(page(AccessToken, "changelist"), {"q": token.token_id})
    assert token.token_id in listing.content.decode()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.model_name)
def test_nothing_can_be_added_changed_or_deleted(operator, rows, model):
    row = model._base_manager.latest("pk")
    before = list(model._base_manager.order_by("pk").values())
    posted = {
        page(model, "add"): {"name": "forged"},
        page(model, "change", row.pk): {"name": "forged", "_save": "Save"},
        page(model, "delete", row.pk): {"post": "yes"},
    }
    for url, data in posted.items():
        assert operator.post(url, data).status_code == 403, url
    operator.post(
        page(model, "changelist"),
        {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"},
    )
    assert list(model._base_manager.order_by("pk").values()) == before


def test_a_member_of_an_organization_is_not_let_in(client, bob, rows):
    client.force_login(bob)
    assert client.get(page(AuditEvent, "changelist")).status_code == 302
