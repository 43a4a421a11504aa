"""Languages that no catalogue has: one in which every text is marked, and those a test writes."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.utils import translation
from django.utils.translation import trans_real

MARKED: Final = "tlh"
"""The code of the language of marks: one that neither Django nor DRF has."""


class _Marks(trans_real.DjangoTranslation):
    """Answers every message with itself, between « and »."""

    def gettext(self, message: str) -> str:
        return f"«{message.rpartition(trans_real.CONTEXT_SEPARATOR)[2]}»" if message else ""

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@contextmanager
def marked(language: str = MARKED) -> Iterator[None]:
    """Make the language of marks, and speak it.

    Args:
        language: a code that it takes the place of, for one that is written from right to left.
    """
    trans_real._translations = dict(trans_real._translations or {})
    trans_real._translations[language] = _Marks(language)
    try:
        with translation.override(language):
            yield
    finally:
        trans_real._translations.pop(language, None)


def write_catalogue(folder: Path, language: str, messages: Mapping[str, str]) -> Path:
    """Write a compiled catalogue into the folder, which may then stand in ``LOCALE_PATHS``.

    Args:
        folder: of all languages.
        language: whose catalogue it is, as a locale: ``de``, ``pt_BR``.
        messages: text to translation; a context stands before ``\\x04``, plural forms behind
            ``\\x00``.

    Returns:
        The folder.
    """
    head = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
    pairs = sorted((key.encode(), text.encode()) for key, text in {"": head, **messages}.items())
    at = 28 + 16 * len(pairs)
    tables: tuple[list[int], list[int]] = ([], [])
    data = b""
    for column, table in enumerate(tables):
        for pair in pairs:
            table += [len(pair[column]), at + len(data)]
            data += pair[column] + b"\0"
    numbers = [0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, at, *tables[0], *tables[1]]
    path = folder / language / "LC_MESSAGES" / "django.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(struct.pack(f"<{len(numbers)}I", *numbers) + data)
    return folder


def unmarked(text: str) -> str:
    """Return what of a text is in no mark, with ``«»`` for each part that is.

    A value inside a marked sentence may be marked itself.
    """
    depth, left = 0, ""
    for character in text:
        if character == "«":
            depth += 1
            left += "«" if depth == 1 else ""
        elif character == "»":
            depth -= 1
            left += "»" if depth == 0 else ""
        elif depth == 0:
            left += character
    return left
