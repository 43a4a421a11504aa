"""Changes to one token at the same moment: one secret is handed out, and nobody's change follows
the end of their power in the audit log."""

from __future__ import annotations

import functools
import os
import re
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from apikeys.models import AccessToken, AuditEvent, Membership
from apikeys.services.actors import Actor
from apikeys.services.errors import Conflict, NotAllowed
from apikeys.services.members import add_member, change_role
from apikeys.services.tokens import (
    disable_token,
    enable_token,
    end_overlap,
    revoke_all,
    revoke_token,
    revoke_tokens,
    rotate_token,
    update_token,
)
from tests.conftest import SecureAPIClient, SecureClient
from tests.support.race import race

pytestmark = pytest.mark.django_db(transaction=True)

# RACES=100 for the long form.
TRIALS = int(os.environ.get("RACES", "0")) or (6 if connection.vendor == "postgresql" else 4)


def test_four_rotations_without_overlap_at_once_hand_out_one_secret(actor, issue):
    for _ in range(TRIALS):
        token = issue().token
        answers = race(*[functools.partial(rotate_token, actor=actor, token=token)] * 4)
        made = [answer for answer in answers if not isinstance(answer, Exception)]
        refused = [answer for answer in answers if isinstance(answer, Exception)]
        assert len(made) == 1, answers
        assert [(type(e), e.code) for e in refused] == [(Conflict, "token.rotated_meanwhile")] * 3
        assert AccessToken.objects.get(pk=token.pk).digest == made[0].token.digest
        assert AuditEvent.objects.filter(token_id=token.token_id).count() == 2


def by_api(alice, token):
    client = SecureAPIClient()
    client.force_login(alice)
    path = f"/access/v1/organizations/acme/tokens/{token.token_id}/rotate"
    response = client.post(path, {}, format="json")
    body = response.json()
    return response.status_code, body.get("api_key") or body["error"]


def by_page(alice, token):
    client = SecureClient()
    client.force_login(alice)
    page = f"/dashboard/acme/tokens/{token.token_id}/rotate"
    form = {"overlap": "0", "creation_id": os.urandom(8).hex()}
    html = client.post(page, form).content.decode()
    shown = re.findall(r"<code data-secret>([^<]+)<", html)
    if shown:
        return 200, shown[-1]
    assert "This token was rotated meanwhile, and nothing was made now." in html
    return 409, "token.rotated_meanwhile"


@pytest.mark.parametrize("send", [by_api, by_page])
def test_four_requests_that_rotate_at_once_hand_out_one_key_that_works(alice, acme, issue, send):
    for _ in range(max(2, TRIALS // 3)):
        token = issue().token
        answers = race(*[functools.partial(send, alice, token)] * 4)
        assert sorted(status for status, _ in answers) == [200, 409, 409, 409], answers
        assert {code for status, code in answers if status == 409} == {"token.rotated_meanwhile"}
        client = SecureAPIClient()
        client.credentials(HTTP_X_API_KEY=dict(answers)[200])
        assert client.get("/access/v1/token").status_code == 200


CHANGES = {
    "disable": (lambda a, t: disable_token(actor=a, token=t), "token.disabled"),
    "enable": (lambda a, t: enable_token(actor=a, token=t), "token.enabled"),
    "end overlap": (lambda a, t: end_overlap(actor=a, token=t), "token.overlap_ended"),
    "revoke": (lambda a, t: revoke_token(actor=a, token=t), "token.revoked"),
    "revoke several": (
        lambda a, t: revoke_tokens(actor=a, organization=t.organization, token_ids=[t.token_id]),
        "token.revoked",
    ),
    "revoke all": (lambda a, t: revoke_all(actor=a, workspace=t.workspace), "token.revoked"),
    "rename": (lambda a, t: update_token(actor=a, token=t, description="Other"), "token.updated"),
    "rotate": (lambda a, t: rotate_token(actor=a, token=t), "token.rotated"),
}


def prepared(name, actor, issue):
    """Return a token that the change has something to do with."""
    token = issue().token
    if name == "enable":
        disable_token(actor=actor, token=token)
    if name == "end overlap":
        rotate_token(actor=actor, token=token, overlap=timedelta(hours=1))
    return AccessToken.objects.select_related("workspace__organization").get(pk=token.pk)


@pytest.mark.parametrize("name", CHANGES)
def test_no_change_of_a_demoted_admin_follows_the_demotion(actor, acme, make_user, issue, name):
    change, action = CHANGES[name]
    dave = make_user("dave@example.org")
    membership = add_member(actor=actor, organization=acme, user=dave, role="admin")
    for _ in range(TRIALS):
        change_role(actor=actor, membership=membership, role="admin")
        token = prepared(name, actor, issue)
        demoted, changed = race(
            functools.partial(change_role, actor=actor, membership=membership, role="member"),
            functools.partial(change, Actor.person(dave), token),
        )
        assert isinstance(demoted, Membership)
        events = AuditEvent.objects.filter(actor_label="dave@example.org", action=action)
        last = events.order_by("pk").last()
        end = AuditEvent.objects.filter(action="member.role_changed").order_by("pk").last()
        if isinstance(changed, Exception):
            assert isinstance(changed, NotAllowed), changed
            assert last is None or last.token_id != token.token_id
        else:
            assert last.pk < end.pk, name


def waits_for_this_transaction():
    """Whether another connection waits for a lock that this one holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone()[0] > 0


@pytest.mark.postgres
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_meets_a_demotion_waits_and_is_refused(actor, acme, make_user, issue, name):
    change, action = CHANGES[name]
    dave = make_user("dave@example.org")
    membership = add_member(actor=actor, organization=acme, user=dave, role="admin")
    token = prepared(name, actor, issue)
    before = list(AuditEvent.objects.filter(action=action).values_list("pk", flat=True))
    answers = []

    def work():
        try:
            answers.append(change(Actor.person(dave), token))
        except Exception as error:
            answers.append(getattr(error, "code", error))
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    with transaction.atomic():
        change_role(actor=actor, membership=membership, role="member")
        thread.start()
        while thread.is_alive() and not waits_for_this_transaction():
            thread.join(timeout=0.01)
    thread.join(timeout=60)
    assert answers == ["organization.admin_required"]
    assert list(AuditEvent.objects.filter(action=action).values_list("pk", flat=True)) == before
