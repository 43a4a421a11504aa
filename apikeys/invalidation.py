"""Every change that decides about a token changes the epoch; for the cached mode only.

Here, and only here, model signals are used: Django's admin and a host's own code change these rows
too. Updates by queryset or SQL send no signal: ``manage.py bump_epoch`` follows them.
"""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models.signals import post_delete, post_save

from apikeys import epochs
from apikeys.models import AccessToken, Membership, Organization, Workspace

logger = logging.getLogger("apikeys.epoch")

# A log-in writes this one, and it decides nothing about tokens.
_HARMLESS = frozenset({"last_login"})


def connect() -> None:
    """Listen to changes of the five models; called once, when apps are ready."""
    for model in (AccessToken, Workspace, Organization, Membership, get_user_model()):
        post_save.connect(_changed, model, dispatch_uid=f"apikeys-saved-{model.__name__}")
        post_delete.connect(_changed, model, dispatch_uid=f"apikeys-deleted-{model.__name__}")


def _changed(sender: Any, using: str, **kwargs: Any) -> None:
    epoch = epochs.current()
    fields = kwargs.get("update_fields")
    if epoch is None or (fields and _HARMLESS.issuperset(fields)):
        return
    # Once before the commit, so that a change nobody could hear of is not made; once after it,
    # because a row read in between is the old one.
    epoch.bump()
    transaction.on_commit(lambda: _bump_after_commit(epoch), using=using)


def _bump_after_commit(epoch: epochs.Epoch) -> None:
    try:
        epoch.bump()
    except epochs.EpochUnavailableError as error:
        logger.critical(
            "epoch not written after a change (%s): other processes may act on what they "
            "remember for up to 30 seconds",
            error,
        )
