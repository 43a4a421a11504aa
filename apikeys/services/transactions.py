"""One transaction for each change, on the database that takes the writes.

Django's own ``atomic`` means the database ``default`` unless told otherwise, at import.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import router, transaction

from apikeys.models import AccessToken

Given = ParamSpec("Given")
Result = TypeVar("Result")


def atomic(change: Callable[Given, Result]) -> Callable[Given, Result]:
    """Run the change as a whole or not at all."""

    @wraps(change)
    def whole(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        with savepoint():
            return change(*args, **kwargs)

    return whole


def savepoint() -> AbstractContextManager[None]:
    """Return a block that an error undoes and nothing else."""
    return transaction.atomic(using=_database())


def after_commit(work: Callable[[], object]) -> None:
    """Do the work once the transaction has ended well."""
    transaction.on_commit(work, using=_database())


def _database() -> str:
    return router.db_for_write(AccessToken)
