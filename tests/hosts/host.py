"""What a host project is: the README's project, and what it has beside it.

Values alone: no Django, no library.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CASES = Path(__file__).parent / "cases"

Steps = Callable[[Any], None]


@dataclass(frozen=True, kw_only=True)
class Host:
    """One host project.

    Attributes:
        name: what is beside us, in words; unique.
        settings: Python that follows the README's settings in mysite/settings.py.
        files: path in the project to text; replaces a file of the README of that path.
        packages: distributions it needs, as PyPI writes them; their versions are shown.
        steps: what this host does beyond the tour that all make; gets a ``visit.Visit``.
        tour: which parts of the common tour are made: "view", "errors", "pages", "docs".
        environment: variables of its process.
        django: a lowest version, as in "6.1"; older ones leave the host out.
        runs: False where steps set up Django and all else themselves.
    """

    name: str
    settings: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    steps: Steps | None = None
    tour: tuple[str, ...] = ("view", "errors", "pages", "docs")
    environment: Mapping[str, str] = field(default_factory=dict)
    django: str = ""
    runs: bool = True

    @property
    def id(self) -> str:
        """The name as part of a test's id."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def all_hosts() -> dict[str, Host]:
    """Every host of every file in cases/, by its id."""
    found: dict[str, Host] = {}
    for path in sorted(CASES.glob("[a-z]*.py")):
        module = importlib.import_module(f"tests.hosts.cases.{path.stem}")
        for host in module.HOSTS:
            if host.id in found:
                raise ValueError(f"Two hosts are called {host.name!r}.")
            found[host.id] = host
    return found
