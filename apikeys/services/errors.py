"""Why a change was not made, for every edge to put into its own form."""

from __future__ import annotations

from typing import Any


class ServiceError(Exception):
    """The change was refused and nothing was written.

    Args:
        code: a stable machine code, such as ``token.name_taken``.
        message: a sentence that says what is wrong and what to do.
        field: the input it concerns, when it concerns one.
        extra: further facts for a program.
    """

    def __init__(self, code: str, message: str, *, field: str = "", **extra: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.extra = extra


class Invalid(ServiceError):  # noqa: N818
    """A value breaks a rule."""


class NotAllowed(ServiceError):  # noqa: N818
    """This actor may not do that."""


class Conflict(ServiceError):  # noqa: N818
    """The change does not fit the present state, such as a second rotation in an overlap."""


class AlreadyIssued(Conflict):
    """The creation id was used before: the secret was shown then and can't be shown again."""


class LostRace(Conflict):
    """Another change of the same rows was first; the database undid this one."""
