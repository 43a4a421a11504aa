"""One transaction for each change, on the database that takes the writes.

Of two changes that meet, PostgreSQL may end one (serialization failure, deadlock; its manual, 13.2
and 13.3). It is made anew, as a whole, where no transaction of the caller stands around it.

Django's own ``atomic`` means the database ``default`` unless told otherwise, at import.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from django.db import OperationalError, router, transaction
from django.utils.translation import gettext as _

from apikeys.models import AccessToken
from apikeys.models.locks import is_lost_race
from apikeys.services.errors import LostRace

ATTEMPTS: Final = 5

Given = ParamSpec("Given")
Result = TypeVar("Result")


def atomic(change: Callable[Given, Result]) -> Callable[Given, Result]:
    """Run the change as a whole or not at all.

    Raises:
        LostRace: another change was first, again and again, or in a transaction of the caller.
    """

    @wraps(change)
    def whole(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        nested = transaction.get_connection(_database()).in_atomic_block
        for _attempt in range(1 if nested else ATTEMPTS):
            try:
                with savepoint():
                    return change(*args, **kwargs)
            except LostRace as error:
                lost: Exception = error
            except OperationalError as error:
                if not is_lost_race(error):
                    raise
                lost = error
        raise LostRace(
            "change.overtaken", _("Somebody else made a change at the same moment. Try again.")
        ) from lost

    return whole


def savepoint() -> AbstractContextManager[None]:
    """Return a block that an error undoes and nothing else."""
    return transaction.atomic(using=_database())


def after_commit(work: Callable[[], object]) -> None:
    """Do the work once the transaction has ended well."""
    transaction.on_commit(work, using=_database())


def _database() -> str:
    return router.db_for_write(AccessToken)
