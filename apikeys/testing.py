"""For a host's tests and demonstrations: use and refusals that never happened.

Nothing here checks what it is given, and what is written counts as if requests had been made.
"""

from __future__ import annotations

from apikeys.activity.counters import (
    LastUse,
    RefusalKey,
    UsageKey,
    add_refusals,
    add_uses,
    write_last_use,
)

__all__ = ["LastUse", "RefusalKey", "UsageKey", "add_refusals", "add_uses", "write_last_use"]
