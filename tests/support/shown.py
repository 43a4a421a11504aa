"""What a page shows or reads out, in the order of its source. Knows no page and no language."""

from __future__ import annotations

from html.parser import HTMLParser

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
