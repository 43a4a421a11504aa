"""Every change that decides about a token changes the epoch; for the cached mode only.

Here, and only here, model signals are used: Django's admin and a host's own code change these rows
too. Updates by queryset or SQL send no signal: ``manage.py bump_epoch`` follows them.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import DatabaseError, InterfaceError, connections
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from apikeys.models import AccessToken, Membership, Organization, Workspace, heirs
from apikeys.verification import epochs, places
from apikeys.verification.epochs import Epoch, EpochUnavailableError

logger = logging.getLogger("apikeys.epoch")

# A log-in writes this one, and it decides nothing about tokens.
_HARMLESS = frozenset({"last_login"})
# A change that was begun longer ago is begun again by the next row that it writes.
_FRESH_SECONDS: Final = 60.0


class Change:
    """What was begun before rows are written, and ends when their transaction has.

    It is the hook that runs after the commit. Django drops hooks where it rolls back and where
    another one fails first, and the change ends with it. In between nothing is remembered, so it
    does not matter how late that is.

    Args:
        epoch: that of this process.
        using: the database that is written to.

    Raises:
        EpochUnavailableError: somebody could not hear of the change; it must not be made.
    """

    def __init__(self, epoch: Epoch, using: str) -> None:
        self._begun: list[tuple[Epoch, str]] = []
        self._process = os.getpid()
        self._connection = connections[using]
        self._epoch = epoch
        self.at = time.monotonic()
        try:
            for told in places.to_tell(epoch):
                self._begun.append((told, told.begin()))
        except BaseException:
            self._end()
            raise

    def __call__(self) -> None:
        """End it: the rows are committed."""
        try:
            known = {id(told) for told, _ in self._begun}
            for told in places.to_tell(self._epoch):
                if id(told) not in known:
                    told.bump()  # one that came meanwhile
        except (EpochUnavailableError, DatabaseError, InterfaceError) as error:
            logger.critical("a change may not be heard of for up to 30 seconds: %s", error)
        self._end()

    def __del__(self) -> None:
        # What a fork copied is the parent's to end. A connection that broke may have lost the
        # answer to a commit, which the server is still about to make.
        if self._begun and os.getpid() == self._process and not self._is_lost():
            self._end()

    def _is_lost(self) -> bool:
        return bool(getattr(self._connection.connection, "closed", False))

    def _end(self) -> None:
        begun, self._begun = self._begun, []
        for told, change in begun:
            try:
                told.end(change)
            except EpochUnavailableError as error:
                logger.error(
                    "end of a change not written (%s): nothing is remembered for up to %d minutes",
                    error,
                    epochs.CHANGE_SECONDS // 60,
                )


def connect() -> None:
    """Listen to changes of the five models and their proxies; called once, when apps are ready."""
    for model in (AccessToken, Workspace, Organization, Membership, get_user_model()):
        name = model.__name__
        heirs.connect(pre_save, _begin, model, name=f"apikeys-saves-{name}")
        heirs.connect(pre_delete, _begin, model, name=f"apikeys-deletes-{name}")
        heirs.connect(post_save, _end, model, name=f"apikeys-saved-{name}")
        heirs.connect(post_delete, _end, model, name=f"apikeys-deleted-{name}")


def _begin(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    epoch = epochs.current()
    fields = kwargs.get("update_fields")
    if epoch is None or (fields and _HARMLESS.issuperset(fields)):
        return
    connection = connections[using]
    savepoints = set(connection.savepoint_ids)
    hooks: list[Any] = connection.run_on_commit
    for others, hook, _ in hooks:
        if isinstance(hook, Change) and others <= savepoints and _is_fresh(hook):
            return
    change = Change(epoch, using)
    if connection.in_atomic_block or not connection.get_autocommit():
        # As ``on_commit`` does it, which refuses where a host commits by hand.
        connection.run_on_commit.append((savepoints, change, False))  # type: ignore[arg-type]
    else:
        # The statement commits by itself. Where it fails, the change goes with the instance.
        instance._state.apikeys_change = change


def _end(sender: Any, instance: Any, **kwargs: Any) -> None:
    change = vars(instance._state).pop("apikeys_change", None)
    if change is not None:
        change()


def _is_fresh(change: Change) -> bool:
    return time.monotonic() - change.at < _FRESH_SECONDS
