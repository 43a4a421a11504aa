"""What one test has made, used up and counted, kept from all others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import TestCase, TestResult

from apikeys.testing import limits, rows, usage

if TYPE_CHECKING:
    _Base = TestCase
else:
    _Base = object


@contextmanager
def isolated() -> Iterator[None]:
    """Keep what happens in it from what happens after.

    Tokens without a row that are made in it are unknown afterwards; limits, those of failed keys
    and of log-ins too, begin with nothing used and are counted in memory whatever
    ``LIMITS_STORAGE`` says; use that was counted and not written is dropped.
    """
    with rows.forgotten_afterwards(), limits.kept_apart(), usage.forgotten_afterwards():
        yield


class IsolatedMixin(_Base):
    """Runs each test of a ``unittest`` class within ``isolated``, its ``setUp`` too. It comes
    before the other bases: ``class NotesTests(IsolatedMixin, TestCase)``.
    """

    def run(self, result: TestResult | None = None) -> TestResult | None:
        with isolated():
            return super().run(result)
