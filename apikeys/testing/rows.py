"""Tokens that no database holds, and that requests of this process find all the same.

What the read path calls by name is replaced while there are such tokens: the lookup asks here
first, the cached mode does not remember them, and their use is counted here, since there is no row
that it could be written to. Nothing of this is asked where no test has begun it.
"""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import models, router

from apikeys.activity import usage
from apikeys.lookup import query
from apikeys.lookup.json_columns import Columns
from apikeys.lookup.snapshots import Related, Snapshot
from apikeys.models import AccessToken, Organization, Workspace
from apikeys.verification import memory, verify

# No database hands these out.
_numbers: Final = itertools.count(-1, -1)
# By token id; None for an id that nobody has, so that no database need be asked for it.
_known: Final[dict[str, AccessToken | None]] = {}
# By primary key, then by outcome.
_uses: Final[dict[int, Counter[str]]] = {}


def know(token_id: str, token: AccessToken | None) -> None:
    """Have requests find this token under that id, or nothing, and ask no database for it."""
    _known[token_id] = token
    if token is not None:
        _uses[token.pk] = Counter()
    _put_in_place()


def uses_of(token: AccessToken) -> Counter[str] | None:
    """Return how often a token of this module was used, by outcome; None for a row."""
    return _uses.get(token.pk)


def pretend_key(instance: models.Model) -> None:
    """Give an instance that has no row the primary key that it would have."""
    if instance.pk is None:
        field = instance._meta.pk
        while isinstance(field, models.ForeignKey):
            field = field.target_field
        is_uuid = isinstance(field, models.UUIDField)
        instance.pk = uuid.uuid4() if is_uuid else field.to_python(next(_numbers))


@contextmanager
def forgotten_afterwards() -> Iterator[None]:
    """Forget at the end what has become known since the beginning."""
    known, uses = dict(_known), dict(_uses)
    _uses.update({pk: Counter() for pk in uses})
    _put_in_place()
    try:
        yield
    finally:
        _known.clear()
        _known.update(known)
        _uses.clear()
        _uses.update(uses)
        if not _known:
            _take_away()


def find(token_id: str) -> Snapshot | None:
    """Return what ``lookup.query.find`` would return if these tokens had rows.

    They are read as they are at this moment: a test may change them between two requests.
    """
    if token_id not in _known:
        return query.find(token_id)
    token = _known[token_id]
    return None if token is None else _snapshot(token)


def _snapshot(token: AccessToken) -> Snapshot:
    workspace = token.workspace
    organization = _row(Organization, workspace.organization)
    owner = None if token.owner is None else _row(get_user_model(), token.owner)
    return _row(
        AccessToken,
        token,
        {"workspace": _row(Workspace, workspace, {"organization": organization}), "owner": owner},
        owner_is_member=token.__dict__["owner_is_member"],
    )


def _row(
    model: type[models.Model], instance: models.Model, related: Related | None = None, **more: Any
) -> Snapshot:
    columns = Columns(model, router.db_for_write(model))
    values = [getattr(instance, name) for name in columns.names]
    return columns.snapshot(values, related, **more)


def _record(token_pk: int, outcome: str, **how: Any) -> None:
    counts = _uses.get(token_pk)
    if counts is None:
        _recorded(token_pk, outcome, **how)
    else:
        counts[outcome] += 1


class _Memory(memory.Memory):
    """Remembers rows of the database alone: nothing announces the changes of the others."""

    def put(self, key: memory.Key, entry: memory.Entry) -> None:
        if entry.proven.validity.token_id not in _known:
            super().put(key, entry)


_recorded: Final = usage.record
_REPLACED: Final = (
    (verify, "find", find),
    (usage, "record", _record),
    (memory, "memory", _Memory()),
)
_before: Final[list[Any]] = []


def _put_in_place() -> None:
    if not _before:
        _before.extend(getattr(module, name) for module, name, _ in _REPLACED)
        for module, name, value in _REPLACED:
            setattr(module, name, value)


def _take_away() -> None:
    for (module, name, _), value in zip(_REPLACED, _before, strict=True):
        setattr(module, name, value)
    _before.clear()
