"""The whole life of a token against a model that fits on one page."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from apikeys.models import Organization
from apikeys.services import organizations, tokens
from apikeys.services.actors import Actor
from apikeys.services.errors import Conflict
from tests.support.apis import Protected

ACTOR = Actor.system("tests")
PROTECTED = Protected.as_view()
HOUR = timedelta(hours=1)
NUMBERS = itertools.cycle(range(0x10000))


def _admin() -> Any:
    model = get_user_model()
    names = dict.fromkeys({model.USERNAME_FIELD, model.get_email_field_name()}, "a@example.org")
    return model._default_manager.create_user(password="x", **names)


class Life(RuleBasedStateMachine):
    """What must happen is in the plain attributes; what does happen is asked over HTTP."""

    def __init__(self) -> None:
        super().__init__()
        number = Organization.objects.count()
        self.organization = organizations.create_organization(
            actor=ACTOR,
            name=f"Acme {number}",
            slug=f"acme-{number}",
            admin=get_user_model()._default_manager.first() or _admin(),
        )
        workspace = self.organization.workspaces.get(slug="production")
        issued = tokens.create_token(
            actor=ACTOR, workspace=workspace, name="One", scopes=["notes:read"]
        )
        self.token = issued.token
        self.key = issued.api_key
        self.previous_key: str | None = None
        self.dead_keys: list[str] = []
        self.disabled = self.suspended = self.revoked = self.overlap = False

    def answer(self, key: str) -> int:
        # Each time from elsewhere: the limiter of failures has tests of its own.
        elsewhere = f"2001:db8:{next(NUMBERS):x}::1"
        request = RequestFactory().get(
            "/protected", headers={"X-API-Key": key}, secure=True, REMOTE_ADDR=elsewhere
        )
        return PROTECTED(request).status_code

    @rule(overlap=st.sampled_from([timedelta(0), HOUR]))
    def rotate(self, overlap: timedelta) -> None:
        if self.revoked or self.overlap or self.suspended:
            with pytest.raises(Conflict):
                tokens.rotate_token(actor=ACTOR, token=self.token, overlap=overlap)
            return
        issued = tokens.rotate_token(actor=ACTOR, token=self.token, overlap=overlap)
        if overlap:
            self.previous_key = self.key
        else:
            self.dead_keys.append(self.key)
        self.overlap = bool(overlap)
        self.token, self.key = issued.token, issued.api_key

    @rule()
    def end_overlap(self) -> None:
        if not self.overlap:
            with pytest.raises(Conflict):
                tokens.end_overlap(actor=ACTOR, token=self.token)
            return
        tokens.end_overlap(actor=ACTOR, token=self.token)
        self.overlap = False
        assert self.previous_key is not None
        self.dead_keys.append(self.previous_key)
        self.previous_key = None

    @rule(disable=st.booleans())
    def switch(self, disable: bool) -> None:
        change = tokens.disable_token if disable else tokens.enable_token
        if self.revoked or (self.suspended and not disable):
            with pytest.raises(Conflict):
                change(actor=ACTOR, token=self.token)
            return
        change(actor=ACTOR, token=self.token)
        self.disabled = disable

    @rule(suspend=st.booleans())
    def suspend(self, suspend: bool) -> None:
        moment = timezone.now() if suspend else None
        Organization.objects.filter(pk=self.organization.pk).update(suspended_at=moment)
        self.suspended = suspend

    @precondition(lambda self: not self.revoked)
    @rule(really=st.sampled_from([False, False, False, True]))
    def revoke(self, really: bool) -> None:
        if really:
            tokens.revoke_token(actor=ACTOR, token=self.token)
            self.revoked = True

    @invariant()
    def exactly_the_right_keys_open_the_door(self) -> None:
        opens = not (self.disabled or self.suspended or self.revoked)
        assert self.answer(self.key) == (200 if opens else 401)
        if self.previous_key is not None:
            assert self.answer(self.previous_key) == (200 if opens else 401)
        for key in self.dead_keys[-3:]:
            assert self.answer(key) == 401


@pytest.mark.django_db
@pytest.mark.usefixtures("limits_in_memory")
def test_every_life_of_a_token_opens_the_door_exactly_when_it_should():
    run_state_machine_as_test(
        Life,
        settings=hypothesis(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
