"""What has happened at the demo's first organization before its first start: all of it made up.

Each token says so in its description, each audit event in its request id. Changes go through the
services and requests through the counters, so that this can hold nothing a real site could not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from apikeys.models import AccessToken, Organization
from apikeys.refusals import Reason
from apikeys.services.actors import Actor
from apikeys.services.issuing import create_token, rotate_token
from apikeys.services.members import change_role
from apikeys.services.organizations import update_policy
from apikeys.services.tokens import disable_token, enable_token, revoke_token, update_token
from project.demo import traffic
from project.demo.clock import at
from project.demo.traffic import Knocking, Load

BEGAN: Final = timedelta(days=45)
MARK: Final = "Demo data."
REQUEST_ID: Final = "demo-data"
READ: Final = ("notes:read",)
WRITE: Final = ("notes:read", "notes:write")
ALL: Final = ("notes:read", "notes:write", "notes:delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A token and what became of it; times in days before now, `days` of life from its creation."""

    name: str
    about: str
    created: int
    days: int | None
    scopes: tuple[str, ...] = READ
    workspace: str = "production"
    owner: str = ""
    networks: tuple[str, ...] = ()
    load: Load | None = None
    stopped: int = 0
    knocking: tuple[Knocking, ...] = ()


TOKENS: Final = (
    Past(
        name="Order service",
        about="Keeps a note of every order.",
        created=40,
        days=120,
        scopes=WRITE,
        load=Load(640, limited_on=8),
        knocking=(Knocking(Reason.WRONG_SECRET, 2, 3, "192.0.2.77"),),
    ),
    Past(
        name="Mobile backend",
        about="Its secret was rotated today; the old one works until tomorrow.",
        created=38,
        days=90,
        load=Load(410, "steady", client_errors=0.04, address="203.0.113.31"),
    ),
    Past(
        name="Invoice export",
        about="Runs every night.",
        created=35,
        days=40,
        load=Load(220, "night", client_errors=0, address="203.0.113.40"),
    ),
    Past(
        name="Status page",
        about="Asks once a minute, from its own network only.",
        created=33,
        days=None,
        networks=("198.51.100.0/24",),
        load=Load(60, "steady", client_errors=0, address="198.51.100.7"),
        knocking=(Knocking(Reason.ADDRESS_NOT_ALLOWED, 11, 6, "192.0.2.14"),),
    ),
    Past(
        name="Partner sync",
        about="Ended with the contract.",
        created=37,
        days=31,
        scopes=WRITE,
        load=Load(150, address="192.0.2.120"),
        stopped=6,
        knocking=(Knocking(Reason.EXPIRED, 5, 9, "192.0.2.120"),),
    ),
    Past(
        name="Old importer",
        about="Disabled until somebody knows who uses it.",
        created=44,
        days=200,
        scopes=ALL,
        load=Load(35, client_errors=0.2, address="203.0.113.52"),
        stopped=3,
        knocking=(Knocking(Reason.DISABLED, 3, 4, "203.0.113.52"),),
    ),
    Past(
        name="Smoke tests",
        about="Was found in a public repository.",
        created=42,
        days=90,
        scopes=ALL,
        load=Load(90, address="203.0.113.60"),
        stopped=9,
        knocking=(Knocking(Reason.REVOKED, 9, 12, "192.0.2.200"),),
    ),
    Past(
        name="Load test",
        about="Finds out where the limits are.",
        created=20,
        days=60,
        scopes=WRITE,
        workspace="development",
        load=Load(300, server_errors=0.03, limited_on=4, address="203.0.113.71"),
    ),
    Past(
        name="Ada's laptop",
        about="Trying things.",
        created=28,
        days=90,
        scopes=WRITE,
        workspace="development",
        owner="admin",
        load=Load(12, client_errors=0.25, address="192.0.2.10"),
    ),
    Past(
        name="Max's laptop",
        about="Trying things.",
        created=16,
        days=25,
        workspace="development",
        owner="member",
        load=Load(9, client_errors=0.15, address="192.0.2.11"),
    ),
    Past(
        name="Docs examples",
        about="Nobody has used it yet.",
        created=12,
        days=90,
        workspace="development",
    ),
)


class Step(NamedTuple):
    """Something somebody did, in hours before now."""

    hours: float
    do: Callable[[], object]


def write(organization: Organization, *, admin: Any, member: Any, now: datetime) -> None:
    """Give a new organization its past; ``admin`` and ``member`` are in it."""
    by_admin = Actor.person(admin, address="192.0.2.10", request_id=REQUEST_ID)
    made: dict[str, AccessToken] = {}

    def create(past: Past) -> None:
        made[past.name] = create_token(
            actor=Actor.system("seed_demo") if past.owner == "member" else by_admin,
            workspace=organization.workspaces.get(slug=past.workspace),
            name=past.name,
            scopes=past.scopes,
            kind="personal" if past.owner else "automation",
            owner={"admin": admin, "member": member}.get(past.owner),
            expires_at=timedelta(days=past.days) if past.days else None,
            allowed_networks=past.networks,
            description=f"{MARK} {past.about}",
        ).token

    _live([*_beginnings(create), *_changes(organization, by_admin, member, made)], now)
    for past in TOKENS:
        _traffic(past, made[past.name], now)


def _live(steps: Iterable[Step], now: datetime) -> None:
    for step in sorted(steps, key=lambda step: -step.hours):
        with at(now - timedelta(hours=step.hours)):
            step.do()


def _beginnings(create: Callable[[Past], None]) -> list[Step]:
    return [
        # Not all in one second of the day.
        Step(past.created * 24 - index * 0.7, lambda past=past: create(past))  # type: ignore[misc]
        for index, past in enumerate(TOKENS)
    ]


def _changes(
    organization: Organization, actor: Actor, member: Any, made: dict[str, AccessToken]
) -> list[Step]:
    def token(name: str) -> dict[str, Any]:
        return {"actor": actor, "token": made[name]}

    def role(name: str) -> object:
        membership = organization.memberships.get(user=member)
        return change_role(actor=actor, membership=membership, role=name)

    day = 24
    return [
        Step(26 * day, lambda: role("admin")),
        Step(19 * day, lambda: role("member")),
        Step(14.2 * day, lambda: disable_token(**token("Order service"))),
        Step(14.1 * day, lambda: enable_token(**token("Order service"))),
        Step(
            11.4 * day,
            lambda: update_token(**token("Status page"), allowed_networks=["198.51.100.0/25"]),
        ),
        Step(
            10 * day,
            lambda: update_policy(
                actor=actor, organization=organization, limits={"write-token": "2000/hour"}
            ),
        ),
        Step(9 * day, lambda: revoke_token(**token("Smoke tests"), reason="Leaked")),
        Step(
            7.3 * day,
            lambda: rotate_token(**token("Order service"), overlap=timedelta(days=1)),
        ),
        Step(3 * day, lambda: disable_token(**token("Old importer"))),
        Step(3, lambda: rotate_token(**token("Mobile backend"), overlap=timedelta(days=1))),
    ]


def _traffic(past: Past, token: AccessToken, now: datetime) -> None:
    token.refresh_from_db()
    if past.load is not None:
        last = now - timedelta(days=past.stopped)
        traffic.use(token, past.load, first=token.created_at, last=last)
    for knocking in past.knocking:
        traffic.knock(token, knocking, now=now)
