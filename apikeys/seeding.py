"""For a host's demonstrations: use and refusals that never happened, as if requests had been made.

Nothing here checks what it is given.
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
