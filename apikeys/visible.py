"""What of a text can be seen, and the one form in which names are compared. No I/O.

The form is Unicode's NFKC_Casefold (The Unicode Standard, section 3.13) with a run of blanks as
one blank: names that look alike but for case, composition, width or invisible characters are the
same name.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

# Default_Ignorable_Code_Point of DerivedCoreProperties.txt (Unicode 16): shown as nothing.
IGNORABLE: Final = (
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_IGNORABLE: Final = re.compile(IGNORABLE)
# Letters and symbols that are drawn as a blank: Braille, a note without a head, hieroglyphs.
_BLANK: Final = frozenset("\u2800\U0001d159\U00013441\U00013442")
_SEEN: Final = "LNPS"
# Marks that decompose to combining ones and are none themselves: Tibetan, half-width Kana.
_MARKS: Final = frozenset("\u0f73\u0f75\u0f81\uff9e\uff9f")
_MOST_MARKS: Final = 30
# No name is longer; of a text to search for, the rest finds nothing.
_LONGEST: Final = 4_096


def normalized(form: Literal["NFC", "NFKC"], text: str) -> str:
    """Return the text in that normal form; of a run of combining marks, the first 30 stay.

    Sorting a run takes the square of its length. No language needs more than 30 (Unicode Standard
    Annex 15, Stream-Safe Text Format).
    """
    return unicodedata.normalize(form, text if text.isascii() else _few_marks(text))


def _few_marks(text: str) -> str:
    kept, run = [], 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) or character in _MARKS else 0
        if run <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)


def without_ignorable(text: str) -> str:
    """Return the text without the characters that are shown as nothing."""
    return _IGNORABLE.sub("", text)


def has_something_visible(text: str) -> bool:
    """Whether there is a letter, digit, mark of punctuation or symbol to be seen.

    A combining mark needs something to stand on, and is nothing by itself.
    """
    return any(
        unicodedata.category(character)[0] in _SEEN and character not in _BLANK
        for character in without_ignorable(text)
    )


def compared(text: str) -> str:
    """Return the form in which names are compared and searched, of the first 4,096 characters."""
    text = text[:_LONGEST]
    for _ in range(2):  # Casefolding can make what normalisation takes apart again.
        text = normalized("NFKC", without_ignorable(text).casefold())
    return " ".join(without_ignorable(text).split())
