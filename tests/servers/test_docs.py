"""docs/servers.md says what the tests run."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.hosts.host import ROOT
from tests.hosts.kept import BLOCKS
from tests.servers import project, tables
from tests.servers.proxies import PROXIES
from tests.servers.rows import SOCKETS

SETTINGS = ("APIKEYS", "MIDDLEWARE")
PAGE = (ROOT / "docs" / "servers.md").read_text()


@pytest.mark.parametrize("name", ["stops", "beliefs", "proxies"])
def test_the_page_has_the_table_of_what_is_run(name: str) -> None:
    assert getattr(tables, name)() in PAGE


def test_a_shell_takes_the_commands_of_the_proxies_for_what_is_run() -> None:
    for proxy in PROXIES:
        at = proxy.socket.format(tables.SOCKET)
        text = tables.command(proxy.server, at).strip("`")
        places = {**tables.PLACES, "at": at or "127.0.0.1:8000"}
        assert shlex.split(text) == [word.format(**places) for word in proxy.server]
        assert (":8000" in text or "--port 8000" in text) is not bool(at)


def test_the_page_names_the_servers_that_were_tried_on_a_socket() -> None:
    assert f"Tried with {'; '.join(SOCKETS)}." in PAGE


def test_the_programs_of_the_page_are_those_that_are_run() -> None:
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    shown = [re.sub(f"^{indent}", "", text, flags=re.MULTILINE) for indent, text in blocks]
    [asgi, waitress, ctrl_c] = [text for text in shown if not text.startswith(SETTINGS)]
    assert ctrl_c == project.CTRL_C.lstrip()
    assert lines(waitress) == lines(project.WAITRESS.replace("sys.argv[1]", '"127.0.0.1:8000"'))
    assert lines(asgi) == lines(project.ASGI)


def test_the_page_of_other_tools_has_the_same_asgi_module() -> None:
    assert lines(BLOCKS["asgi"]) == lines(project.ASGI)


def lines(text: str) -> list[str]:
    """The statements of a program, without its comments."""
    found = [line.partition("#")[0].rstrip() for line in text.splitlines()]
    return [line for line in found if line and line != "import sys"]
