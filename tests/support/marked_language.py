"""A language that marks what was looked up: every text of a catalogue stands in ``«»``.

What a page shows outside of the marks is data, or a text that nobody can translate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from gettext import NullTranslations
from html.parser import HTMLParser

import pytest
from django.utils import translation
from django.utils.translation import trans_real

# Written from right to left, and Django has formats for it.
LANGUAGE = "ar"
CODE = "code of the language of these texts"
SHOWN_ATTRIBUTES = {
    "alt",
    "aria-label",
    "data-copied",
    "data-label",
    "data-optional",
    "data-press-to-copy",
    "data-store-first",
    "label",
    "placeholder",
    "title",
}
NOT_SHOWN = {"script", "style", "code", "pre", "textarea"}
VOID = {"br", "circle", "hr", "img", "input", "link", "meta", "path", "rect"}
_INNERMOST = re.compile("«[^«»]*»")


class Marked(NullTranslations):
    """Every text is its own translation, marked."""

    domain = "django"

    def gettext(self, message: str) -> str:
        context, _, text = message.rpartition("\x04")
        return LANGUAGE if context == CODE else f"«{text}»"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def language(self) -> str:
        return LANGUAGE

    def to_language(self) -> str:
        return LANGUAGE


@contextmanager
def marked_language(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have everything inside said in the marked language."""
    monkeypatch.setitem(trans_real._translations, LANGUAGE, Marked())
    with translation.override(LANGUAGE):
        yield


def without_marked(text: str) -> str:
    """Return the text without what was looked up, data in its midst included."""
    while (shorter := _INNERMOST.sub(" ", text)) != text:
        text = shorter
    return text


class Texts(HTMLParser):
    """Collects what a page shows or reads out, in ``found``; code is data."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in SHOWN_ATTRIBUTES and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in SHOWN_ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not NOT_SHOWN & set(self.open):
            self.found.append(data)
