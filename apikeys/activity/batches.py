"""What a process has counted and not written yet; ``usage`` fills it and writes it.

Knows no thread and no database.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from apikeys.activity.counters import LastUse, RefusalKey, UsageKey, UseKey
from apikeys.models.stores import DEFAULT, Store


@dataclass(slots=True)
class Batch:
    """What came since the last flush; of one ``store`` where it is about to be written."""

    uses: Counter[UsageKey] = field(default_factory=Counter)
    last: dict[UseKey, LastUse] = field(default_factory=dict)
    refusals: Counter[RefusalKey] = field(default_factory=Counter)
    dropped: int = 0
    store: Store = DEFAULT

    def __bool__(self) -> bool:
        return bool(self.uses or self.last or self.refusals or self.dropped)

    def by_store(self) -> list[Batch]:
        """Return a batch for each database and schema that something is to be written to."""
        parts: dict[Store, Batch] = {}
        for name in ("uses", "last", "refusals"):
            for key, value in getattr(self, name).items():
                part = parts.setdefault(key.store, Batch(store=key.store))
                getattr(part, name)[key] = value
        return list(parts.values())

    def take_back(self, other: Batch, largest: int) -> None:
        """Merge a batch that could not be written, as far as it fits; newer last uses win.

        Args:
            other: the batch.
            largest: the number of distinct keys of a kind that fit.
        """
        self.dropped += other.dropped
        self.dropped += _add_what_fits(self.uses, other.uses, largest)
        self.dropped += _add_what_fits(self.refusals, other.refusals, largest)
        self.last = {**other.last, **self.last}


def _add_what_fits(counts: Counter[Any], others: Counter[Any], largest: int) -> int:
    """Add the others and return how many requests found no room, however long an outage lasts."""
    left_out = 0
    for key, number in others.items():
        if key in counts or len(counts) < largest:
            counts[key] += number
        else:
            left_out += number
    return left_out
