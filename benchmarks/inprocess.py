"""Every variant in one process, in shuffled rounds, on one database system. Run as a module."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, connections
from rest_framework_simplejwt.tokens import AccessToken as Jwt

from benchmarks import calls, databases
from benchmarks.progress import result, say
from benchmarks.variants import ACCEPTED, MALFORMED, VARIANTS, Variant, spoil

ARGON2_KEYS = 3


class Job(NamedTuple):
    """One variant, sent one kind of key, on one size."""

    size: int
    variant: Variant
    kind: str
    requests: list[calls.Environ]

    @property
    def label(self) -> str:
        """Its key in the result."""
        return f"{self.size}|{self.variant.name}|{self.kind}"


def main(rounds: int, number: int, rejected_at: int) -> None:
    """Measure; ``rejected_at`` is the size at which bad keys are sent too."""
    keys = {size: databases.prepare(size) for size in settings.SIZES}
    vendor = connections[databases.Router.alias].vendor
    handlers = calls.handlers()
    jobs = {size: list(_jobs(size, keys[size], vendor, rejected_at)) for size in keys}
    facts: dict[str, dict[str, Any]] = {}
    for size, some in jobs.items():
        databases.use(size)
        for job in some:
            facts[job.label] = _check(job, handlers)
    # One that was made while querysets were built: no view uses it, and Django looks after each
    # at every request.
    if any(one.alias == DEFAULT_DB_ALIAS for one in connections.all(initialized_only=True)):
        del connections[DEFAULT_DB_ALIAS]
    times: dict[str, list[float]] = {label: [] for label in facts}
    steps = rounds * len(jobs)
    done = 0
    for _ in range(rounds):
        for size in random.sample(list(jobs), len(jobs)):
            say(f"{vendor}, {size:,} tokens", done / steps)
            databases.use(size)
            for job in random.sample(jobs[size], len(jobs[size])):
                calls.configure(job.variant)
                handler = handlers[job.variant.handler]
                count = number if job.kind == ACCEPTED else max(10, number // 2)
                some = random.choices(job.requests, k=count)
                # We remember decoded rows, in the cached mode for thirty seconds: so all of them.
                calls.seconds(handler, some if job.variant.is_ours else some[:5])
                times[job.label].append(calls.seconds(handler, some) * 1e6)
            done += 1
    result({"vendor": vendor, "facts": facts, "times": times})


def _jobs(size: int, keys: dict[str, list[str]], vendor: str, rejected_at: int) -> Iterator[Job]:
    databases.use(size)
    users = get_user_model().objects.in_bulk([int(pk) for pk in keys["users"]])
    keys = {**keys, "jwt": [str(Jwt.for_user(user)) for user in users.values()]}
    keys["ours-argon2"] = _argon2_keys(size)
    for variant in VARIANTS:
        if variant.needs == "postgresql" and vendor != "postgresql":
            continue
        if variant.needs == "redis" and not settings.REDIS_URL:
            continue
        kinds = (ACCEPTED, *(variant.rejects if size == rejected_at else ()))
        for kind in kinds:
            texts = keys[variant.system]
            if kind != ACCEPTED:
                texts = [spoil(text, variant.system, kind) for text in texts]
            yield Job(size, variant, kind, [_request(variant, text) for text in texts])


def _request(variant: Variant, key: str) -> calls.Environ:
    return calls.environ(variant.path, {"HTTP_AUTHORIZATION": f"{variant.scheme} {key}"})


def _argon2_keys(size: int) -> list[str]:
    """Make a few tokens whose digests are Argon2's; they are made for each run."""
    from apikeys.models import Workspace
    from apikeys.services.actors import Actor
    from apikeys.services.tokens import create_token, revoke_token

    calls.configure(Variant("", "/ours", options={"TOKEN_HASHER": "argon2"}))
    workspace = Workspace.objects.get(organization__slug="big", slug="development")
    actor = Actor.system("bench")
    for token in workspace.tokens.live():
        revoke_token(actor=actor, token=token)
    made = [
        create_token(
            actor=actor, workspace=workspace, name=f"Argon2 {n}", kind="automation", scopes=[]
        )
        for n in range(ARGON2_KEYS)
    ]
    return [one.api_key for one in made]


def _check(job: Job, handlers: dict[str, Any]) -> dict[str, Any]:
    """Make sure that it answers as it should, before anything is timed."""
    calls.configure(job.variant)
    handler = handlers[job.variant.handler]
    if job.variant.options.get("CACHE") == "host":
        from apikeys.models import stores
        from apikeys.verification import epochs, places

        # A thread does it, after the first request that would like to remember.
        places.renew(epochs.current(), stores.current().alias)
    expected = job.variant.status if job.kind == ACCEPTED else 401
    for request in job.requests:
        status, body = calls.send(handler, request)
        # Without an authenticator DRF has no challenge to send, and says 403.
        if status != expected and not (expected == 401 and status == 403):
            sys.exit(f"{job.label} answers {status}, not {expected}: {body[:200]!r}")
    counted = calls.queries(handler, job.requests[0])
    if counted and job.variant.is_ours and job.kind == MALFORMED:
        sys.exit(f"{job.label} asked the database {counted} times")
    return {"queries": counted, "status": status}


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
