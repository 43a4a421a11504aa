"""What a measuring process tells the one that started it: lines of JSON on its output."""

from __future__ import annotations

import json
from typing import Any


def say(label: str, share: float) -> None:
    """Tell what is being done, and how much of it is (0 to 1)."""
    print(json.dumps({"label": label, "share": round(share, 4)}), flush=True)


def result(value: Any) -> None:
    """Hand over what was measured."""
    print(json.dumps({"result": value}), flush=True)
