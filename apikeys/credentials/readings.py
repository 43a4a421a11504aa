"""What a text may stand for: percent signs, HTML, wide letters and invisible ones taken off. Pure.

Its cost grows with the length of the text and no faster, whatever is in it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from apikeys.visible import normalized, without_ignorable

# Percent signs of an address inside an address inside an address.
_LAYERS: Final = 3
# One letter can stand for 18: a text gets this much longer at most.
_GROWTH: Final = 2
_REFERENCE: Final = re.compile("&#([0-9]{8,})")


def readings(text: str, longest: int) -> Iterator[str]:
    """Yield the text as it is and as what it may stand for.

    Args:
        text: any text.
        longest: characters of a reading; what is beyond is dropped.
    """
    yield text
    seen = {text}
    reading = plain(text, longest)
    for _ in range(_LAYERS):
        if reading not in seen:
            seen.add(reading)
            yield reading
        reading = html.unescape(_REFERENCE.sub(_short, unquote(reading)))[:longest]


def plain(text: str, longest: int) -> str:
    """Return the text in plain letters, without Markdown's backslashes and what nobody sees."""
    most = min(longest, _GROWTH * len(text))
    return without_ignorable(normalized("NFKC", text)[:most]).replace("\\_", "_")


def _short(reference: re.Match[str]) -> str:
    # Zeros may stand before the number; without them, eight digits are beyond every character.
    # Python reads a number of no more than 4,300 digits.
    return "&#" + (reference[1].lstrip("0")[:8] or "0")
