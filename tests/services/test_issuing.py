"""Making and rotating tokens: all or nothing, what is written of it, and what hides the secret."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from django.views.debug import SafeExceptionReporterFilter

from apikeys.credentials import digests
from apikeys.credentials.keys import KeyShape
from apikeys.models import AccessToken, AuditEvent
from apikeys.services import audit, issuing
from apikeys.services.actors import Actor
from apikeys.services.authorization import is_operator, require_operator, require_within_parent
from apikeys.services.errors import Invalid, NotAllowed
from apikeys.services.tokens import create_token, end_overlap, rotate_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def by_alice(alice, acme):
    return Actor.person(alice)


def test_nothing_stays_of_a_token_whose_event_could_not_be_written(
    by_alice, production, monkeypatch
):
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the audit log is full")

    monkeypatch.setattr(audit, "record", fail)
    with pytest.raises(RuntimeError, match="full"):
        create_token(actor=by_alice, workspace=production, name="Half", scopes=[])
    assert AccessToken.objects.count() == 0


@pytest.mark.parametrize("life", [None, timedelta(days=30)])
def test_the_event_says_when_the_token_ends(by_alice, production, life):
    token = create_token(
        actor=by_alice, workspace=production, name="Brief", scopes=[], expires_at=life
    ).token
    told = AuditEvent.objects.get(action="token.created").details["expires_at"]
    assert told == (token.expires_at.isoformat() if life else None)


def test_a_creation_id_that_made_a_token_makes_no_rotation(by_alice, production):
    made = create_token(
        actor=by_alice, workspace=production, name="Once", scopes=[], creation_id="one"
    )
    with pytest.raises(Invalid) as refused:
        rotate_token(actor=by_alice, token=made.token, creation_id="one")
    assert refused.value.code == "creation_id.reused"


class TestEndingAnOverlap:
    @pytest.fixture
    def token(self, by_alice, issue):
        return rotate_token(actor=by_alice, token=issue().token, overlap=timedelta(hours=1)).token

    def test_moves_the_time_of_the_last_change(self, by_alice, token):
        with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=False):
            end_overlap(actor=by_alice, token=token)
            assert AccessToken.objects.get().updated_at == timezone.now()

    def test_overwrites_no_use_that_is_written_meanwhile(self, by_alice, token, monkeypatch):
        used = timezone.now()
        save = AccessToken.save

        def save_late(self: AccessToken, *args: Any, **kwargs: Any) -> None:
            AccessToken.objects.filter(pk=self.pk).update(last_used_at=used)
            save(self, *args, **kwargs)

        monkeypatch.setattr(AccessToken, "save", save_late)
        end_overlap(actor=by_alice, token=token)
        found = AccessToken.objects.get()
        assert (found.last_used_at, found.previous_digest) == (used, "")


def _shown_in_the_report(work: Any) -> str:
    """What Django's error report shows of the frames below a failing call."""
    try:
        work()
    except RuntimeError:
        trace = sys.exc_info()[2]
    shown = ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == issuing.__file__:
            pairs = SafeExceptionReporterFilter().get_traceback_frame_variables(
                None, trace.tb_frame
            )
            shown += repr(list(pairs))
        trace = trace.tb_next
    return shown


@pytest.mark.parametrize("which", ["_insert", "_replace_secret", "_issued"])
def test_each_function_that_holds_a_new_secret_hides_its_variables_itself(
    which, issue, production, monkeypatch
):
    token = issue().token
    monkeypatch.setattr(KeyShape, "new_secret", lambda shape, token_id: "hush-hush")

    def fail(*args: Any, **kwargs: Any) -> str:
        raise RuntimeError("a hasher that breaks")

    monkeypatch.setattr(digests, "make", fail)
    monkeypatch.setattr(type(production.speaks), "api_key", fail)
    work = {
        "_insert": lambda: issuing._insert(AccessToken(), production.speaks),
        "_replace_secret": lambda: issuing._replace_secret(token, timedelta(0)),
        "_issued": lambda: issuing._issued(token, "hush-hush"),
    }
    shown = _shown_in_the_report(work[which])
    assert "secret" in shown
    assert "hush" not in shown


@pytest.mark.parametrize(
    ("is_staff", "is_active", "may"),
    [(True, True, True), (True, False, False), (False, True, False)],
)
def test_only_staff_who_may_log_in_are_the_operators(alice, is_staff, is_active, may):
    alice.is_staff, alice.is_active = is_staff, is_active
    alice.save()
    if may:
        require_operator(Actor.person(alice))
        return
    with pytest.raises(NotAllowed) as refused:
        require_operator(Actor.person(alice))
    assert refused.value.code == "limits.operator_required"


def test_a_user_model_without_staff_has_no_operators():
    assert is_operator(object()) is False


class TestAParent:
    @pytest.fixture
    def parent(self, issue):
        return issue(
            scopes=["tokens:manage", "notes:read"],
            allowed_networks=["10.0.0.0/8"],
            expires_at=timedelta(days=1),
        ).token

    def within(self, parent, **changes):
        wanted = {
            "workspace": parent.workspace,
            "scopes": ["notes:read"],
            "expires_at": parent.expires_at,
            "allowed_networks": ["10.1.0.0/16"],
            **changes,
        }
        require_within_parent(parent, **wanted)

    def test_gives_as_much_as_it_has(self, parent):
        self.within(parent)

    def test_that_has_expired_gives_nothing(self, parent):
        ended = time_machine.travel(parent.expires_at, tick=False)
        with ended, pytest.raises(NotAllowed) as refused:
            self.within(parent)
        assert refused.value.code == "token.parent_not_usable"

    @pytest.mark.parametrize("which", ["workspace", "scopes", "expires_at", "allowed_networks"])
    def test_says_by_name_in_what_it_is_exceeded(self, parent, development, which):
        more = {
            "workspace": development,
            "scopes": ["notes:write"],
            "expires_at": None,
            "allowed_networks": [],
        }
        with pytest.raises(NotAllowed) as refused:
            self.within(parent, **{which: more[which]})
        assert (refused.value.code, refused.value.extra) == (
            "token.exceeds_parent",
            {"exceeds": [which]},
        )

    def test_lists_all_in_which_it_is_exceeded(self, parent):
        with pytest.raises(NotAllowed) as refused:
            self.within(parent, scopes=["notes:write"], expires_at=None)
        assert refused.value.message.endswith("in: scopes, expires_at.")
