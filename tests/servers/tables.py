"""The tables of docs/servers.md, made of what the tests run: ``python -m tests.servers.tables``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence

from tests.servers.proxies import PROXIES, Proxy
from tests.servers.rows import BELIEFS, REQUESTS, STOPS, Beliefs, Stop

PLACES = {"at": "127.0.0.1:8000", "port": "8000", "packages": "/path/of/venv"}
SOCKET = "/run/mysite/mysite.sock"


def stops() -> str:
    """What each way to stop a server leaves."""
    rows = [(stop.name, command(stop.command), stop.how, lost(stop)) for stop in STOPS]
    return table(("Server", "Started by", "Stopped by", f"Lost, of {REQUESTS} requests"), rows)


def beliefs() -> str:
    """What each server does with headers by itself."""
    rows = [(row.name, believes(row), answer(row)) for row in BELIEFS]
    return table(("Server", "By itself", "Two `X-API-Key` lines"), rows)


def proxies() -> str:
    """The lines that were tried for each proxy."""
    rows, before = [], ""
    for each in PROXIES:
        same, before = each.lines == before, each.lines
        trusted = f"`{each.trusted}`" if each.trusted else "none"
        server = command(each.server, each.socket.format(SOCKET))
        rows.append((each.name, "the same" if same else lines(each), server, trusted))
    return table(("Proxy", "Its lines", "Server behind it", "`TRUSTED_PROXIES`"), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    made = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in made)


def command(words: Sequence[str], at: str = "") -> str:
    """A command as a shell takes it; it listens on our port, or on a socket."""
    places = {**PLACES, "at": at or PLACES["at"]}
    # A person would write "" for an empty word, and both are one to a shell.
    text = shlex.join(word.format(**places) for word in words).replace("''", '""')
    return f"`{text}`"


def lost(stop: Stop) -> str:
    return "none" if stop.counted == REQUESTS else f"**{REQUESTS - stop.counted}**"


def believes(row: Beliefs) -> str:
    said = []
    if row.address:
        said.append("takes `X-Forwarded-For` of 127.0.0.1 for the peer's address")
    if row.anybody:
        said.append("takes `X-Forwarded-Proto` of **anybody** for the scheme")
    elif row.scheme:
        said.append("takes `X-Forwarded-Proto` of 127.0.0.1 for the scheme")
    if row.underscores:
        said.append("hands `X_FORWARDED_FOR` on as `X-Forwarded-For`")
    if not row.kept:
        said.append("deletes `X-Forwarded-…`")
    return "; ".join(said) or "nothing"


def answer(row: Beliefs) -> str:
    return "400" if row.two_keys == 400 else "the last one counts"


def lines(proxy: Proxy) -> str:
    text = proxy.lines.replace("{host}", "127.0.0.1").replace("{number}", "8000")
    return "<br>".join(f"`{line}`" for line in text.splitlines())


if __name__ == "__main__":
    for name in sys.argv[1:] or ("stops", "beliefs", "proxies"):
        print(f"{globals()[name]()}\n")
