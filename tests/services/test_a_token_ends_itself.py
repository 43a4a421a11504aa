"""Whoever holds a token may make it worthless, and with no scope nothing else."""

from __future__ import annotations

import pytest

from apikeys.models import AuditEvent
from apikeys.services.actors import Actor
from apikeys.services.errors import NotAllowed
from apikeys.services.tokens import disable_token, revoke_token, revoke_tokens

pytestmark = pytest.mark.django_db


def test_a_token_without_any_scope_revokes_itself(issue):
    token = issue(scopes=[]).token
    revoke_token(actor=Actor.bearer(token), token=token)
    token.refresh_from_db()
    assert token.status == "revoked"
    event = AuditEvent.objects.latest("id")
    assert (event.action, event.actor_kind, event.actor_id) == (
        "token.revoked",
        "token",
        token.token_id,
    )


def test_it_revokes_itself_in_a_list_of_one_and_no_list_with_another(issue, acme):
    token, other = issue(scopes=[]).token, issue(scopes=[]).token
    bearer = Actor.bearer(token)
    both = [token.token_id, other.token_id]
    with pytest.raises(NotAllowed):
        revoke_tokens(actor=bearer, organization=acme, token_ids=both)
    token.refresh_from_db()
    assert token.revoked_at is None
    revoked = revoke_tokens(actor=bearer, organization=acme, token_ids=[token.token_id])
    assert revoked == [token]


def test_it_neither_revokes_another_nor_disables_itself(issue):
    token, other = issue(scopes=[]).token, issue(scopes=[]).token
    for change, subject in ((revoke_token, other), (disable_token, token)):
        with pytest.raises(NotAllowed):
            change(actor=Actor.bearer(token), token=subject)
        subject.refresh_from_db()
        assert (subject.revoked_at, subject.disabled_at) == (None, None)
