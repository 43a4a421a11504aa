"""Two admins of one organization end each other's power, or their own, at the same moment.

Every way against every way, at two isolation levels of PostgreSQL: one admin who can log in is
left, and who loses the race gets a clean answer. ``RACES`` in the environment raises the number.
"""

from __future__ import annotations

import functools
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from typing import Any, Final

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections, transaction
from django.urls import reverse

from apikeys.models import AccessToken, AuditEvent, Membership, Organization
from apikeys.models.admins import LastAdminError
from apikeys.services.actors import Actor
from apikeys.services.errors import Conflict, LostRace, NotAllowed
from apikeys.services.invitations import accept_invitation, invite, link_of
from apikeys.services.members import change_role, leave_organization, remove_member
from apikeys.services.organizations import rename_organization
from apikeys.services.tokens import create_token
from tests.conftest import SecureClient
from tests.support.race import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

RACES: Final = int(os.environ.get("RACES", "72"))
LEVELS: Final = ["READ_COMMITTED", "REPEATABLE_READ", "SERIALIZABLE"]
CLEAN: Final = (Conflict, NotAllowed, LastAdminError)


@pytest.fixture(params=LEVELS)
def level(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Every connection that is opened from now on has this isolation level."""
    from django.db.backends.postgresql.psycopg_any import IsolationLevel

    options = connections.settings["default"]["OPTIONS"]
    monkeypatch.setitem(options, "isolation_level", IsolationLevel[request.param])
    connection.close()
    yield request.param
    connection.close()


def current(user: Any) -> Membership:
    return Membership.objects.select_related("user", "organization").get(user=user)


def demote(me: Any, other: Any) -> None:
    change_role(actor=Actor.person(me), membership=current(other), role="member")


def remove(me: Any, other: Any) -> None:
    remove_member(actor=Actor.person(me), membership=current(other))


def leave(me: Any, other: Any) -> None:
    leave_organization(actor=Actor.person(me), organization=current(me).organization)


def deactivate(me: Any, other: Any) -> None:
    user = get_user_model().objects.get(pk=other.pk)
    user.is_active = False
    user.save()


def deactivate_in_a_transaction(me: Any, other: Any) -> None:
    with transaction.atomic():
        deactivate(me, other)


def delete(me: Any, other: Any) -> None:
    get_user_model().objects.get(pk=other.pk).delete()


def demote_by_save(me: Any, other: Any) -> None:
    membership = current(other)
    membership.role = "member"
    membership.save()


def page(name: str, *args: Any) -> str:
    opts = get_user_model()._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=args)


# The superuser has logged in before the race: a log-in writes rows too, and may lose one.
COOKIES: Final = SimpleCookie()


def root() -> SecureClient:
    # A fault of the view is an answer of 500, as it is on a server.
    client = SecureClient(raise_request_exception=False)
    client.cookies.update(COOKIES)
    return client


def post(address: str, data: dict[str, Any]) -> int:
    status = root().post(address, data).status_code
    assert status in (200, 302, 403), status
    return status


def untick(me: Any, other: Any) -> int:
    name = other.get_username()
    return post(page("change", other.pk), {get_user_model().USERNAME_FIELD: name, "_save": "Save"})


def delete_by_page(me: Any, other: Any) -> int:
    return post(page("delete", other.pk), {"post": "yes"})


def delete_by_action(me: Any, other: Any) -> int:
    chosen = {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"}
    return post(page("changelist"), chosen)


WAYS: Final = (
    demote,
    remove,
    leave,
    deactivate,
    deactivate_in_a_transaction,
    delete,
    demote_by_save,
    untick,
    delete_by_page,
    delete_by_action,
)


def pairs(number: int) -> list[tuple[Any, Any]]:
    """Return so many pairs, all of them before any comes again."""
    every = list(itertools.combinations_with_replacement(WAYS, 2))
    # Far apart in the list, so that a short run has all ways in it.
    mixed = [every[at * 7 % len(every)] for at in range(len(every))]
    return list(itertools.islice(itertools.cycle(mixed), number))


@pytest.mark.slow
def test_one_admin_who_can_log_in_is_always_left(level: str, make_user: Any, actor: Actor) -> None:
    visitor = SecureClient()
    visitor.force_login(make_user("root@example.org", is_staff=True, is_superuser=True))
    COOKIES.update(visitor.cookies)
    refused = 0
    for number, (first, second) in enumerate(pairs(RACES // len(LEVELS))):
        organization = Organization.objects.create(slug=f"o-{number}", name=f"O {number}")
        people = [make_user(f"{name}-{number}@example.org") for name in ("a", "b")]
        for user in people:
            Membership.objects.create(organization=organization, user=user, role="admin")
        answers = race(
            functools.partial(first, *people), functools.partial(second, *reversed(people))
        )
        what = level, first.__name__, second.__name__, answers
        left = Membership.objects.filter(organization=organization, role="admin")
        assert left.filter(user__is_active=True).exists(), what
        errors = [answer for answer in answers if isinstance(answer, Exception)]
        assert all(isinstance(error, (*CLEAN, *GONE)) for error in errors), what
        refused += len(errors) + answers.count(200) + answers.count(403)
    assert refused, "no two ever met"


# The row was deleted before this one read it: it had nothing to do.
GONE: Final = (get_user_model().DoesNotExist, Membership.DoesNotExist)


def test_a_change_that_loses_a_race_is_made_anew(level: str, acme: Any, alice: Any) -> None:
    answers = race(
        *(
            functools.partial(
                rename_organization, actor=Actor.person(alice), organization=acme, name=f"N {n}"
            )
            for n in range(4)
        )
    )
    names = [answer.name if isinstance(answer, Organization) else answer for answer in answers]
    assert sorted(map(str, names)) == ["N 0", "N 1", "N 2", "N 3"]
    assert AuditEvent.objects.filter(action="organization.updated").count() == 4


@pytest.mark.parametrize("level", LEVELS[1:], indirect=True)
def test_in_a_transaction_of_the_caller_it_is_a_conflict_and_writes_nothing(
    level: str, acme: Any, alice: Any, production: Any
) -> None:
    def in_one(work: Callable[[], Any]) -> tuple[str, int]:
        with transaction.atomic():
            count = AuditEvent.objects.count()
            # Somebody else is first.
            elsewhere = functools.partial(
                rename_organization, actor=Actor.person(alice), organization=acme, name="Other"
            )
            assert not isinstance(race(elsewhere)[0], Exception)
            with pytest.raises(LostRace) as lost:
                work()
            # The transaction goes on, with what it saw at first.
            return lost.value.code, AuditEvent.objects.count() - count

    create = functools.partial(
        create_token, actor=Actor.person(alice), workspace=production, name="T", scopes=[]
    )
    assert in_one(create) == ("change.overtaken", 0)
    assert not AccessToken.objects.exists()


def test_who_accepts_while_the_inviter_is_deactivated_waits_and_is_refused(
    level: str, acme: Any, alice: Any, make_user: Any
) -> None:
    inviter, guest = make_user("bob@example.org"), make_user("dave@example.org")
    Membership.objects.create(organization=acme, user=inviter, role="admin")
    invitation = invite(
        actor=Actor.person(inviter),
        organization=acme,
        email=guest.get_username(),
        role="admin",
        page_url=str,
    )
    accept = functools.partial(
        accept_invitation, actor=Actor.person(guest), link=link_of(invitation)
    )
    answers: list[Any] = []
    accepting = threading.Thread(target=lambda: answers.extend(race(accept)))
    with transaction.atomic():
        deactivate(alice, inviter)
        accepting.start()
        while accepting.is_alive() and not somebody_waits_for_a_lock():
            pass
    accepting.join(timeout=60)
    [refused] = answers
    assert isinstance(refused, Conflict), refused
    assert refused.code == "invitation.void"
    assert not Membership.objects.filter(user=guest).exists()


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        # pg_stat_activity is frozen within a transaction; pg_locks is not.
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " OR database IS NULL WHERE NOT granted AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])
