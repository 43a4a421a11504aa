"""What an epoch can do, wherever it lies."""

from __future__ import annotations

from typing import Final, Protocol

LENGTH: Final = 16
# A change whose process was killed is held to be over after that long.
CHANGE_SECONDS: Final = 600


class EpochUnavailableError(Exception):
    """The epoch can't be read or written now."""


class Epoch(Protocol):
    """Where the value lies. All of it raises EpochUnavailableError."""

    def read(self) -> bytes:
        """Return the value."""

    def bump(self) -> None:
        """Change the value."""

    def begin(self) -> str:
        """Say that a change is under way, then change the value; return the change's name."""

    def end(self, change: str) -> None:
        """Change the value, then say that a change is over; it has been committed or undone."""

    def is_quiet(self) -> bool:
        """Whether no change is under way; asked after ``read`` and before a row is."""

    def check(self) -> None:
        """Notice that the place has been replaced; called now and then, not on every request."""
