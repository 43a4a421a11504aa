"""The value of an argument that was not given, where None means something."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Unset(Enum):
    """Its one member is ``UNSET``."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
