"""What of a text can be seen, and the one form in which names are compared. Pure.

The form is Unicode's NFKC_Casefold (The Unicode Standard, section 3.13) with a run of blanks as
one blank: names that look alike but for case, composition, width or invisible characters are the
same name.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

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


def without_ignorable(text: str) -> str:
    """Return the text without the characters that are shown as nothing."""
    return _IGNORABLE.sub("", text)


def has_something_visible(text: str) -> bool:
    """Tell whether there is a letter, digit, mark of punctuation or symbol to be seen.

    A combining mark needs something to stand on, and is nothing by itself.
    """
    return any(
        unicodedata.category(character)[0] in _SEEN and character not in _BLANK
        for character in without_ignorable(text)
    )


def compared(text: str) -> str:
    """Return the form in which names are compared and searched."""
    for _ in range(2):  # Casefolding can make what normalisation takes apart again.
        text = unicodedata.normalize("NFKC", without_ignorable(text).casefold())
    return " ".join(without_ignorable(text).split())
