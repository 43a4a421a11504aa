"""How secrets travel through a host and what is looked at then, for the cases of that subject."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.hosts import canary
from tests.hosts.host import Host
from tests.hosts.texts import blocks
from tests.hosts.visit import Visit, same

BLOCKS = dict(blocks("docs/secrets-in-other-tools.md", "host"))

Heard = Callable[[Visit], str]


def server(visit: Visit, kind: str) -> canary.Application:
    """The application as a server imports it: the page's own, else Django's."""
    import importlib

    module = importlib.import_module(f"mysite.{kind}")
    return getattr(canary, kind)(module.application)  # type: ignore[no-any-return]


def travel(
    heard: Heard,
    *,
    expects: str = "/notes",
    kind: str = "wsgi",
    digests: bool = True,
    before: Callable[[Visit], None] | None = None,
) -> Callable[[Visit], None]:
    """Steps: secrets travel, and what was heard of it holds none of them.

    Args:
        heard: what a tool has kept, as text.
        expects: what must be in it.
        kind: "wsgi" or "asgi".
        digests: False where the tool is shown the SQL of every INSERT.
        before: what is done first of all.
    """

    def steps(visit: Visit) -> None:
        told = [one for one in visit.check() if one.startswith("apikeys.W09")]
        same(told, [], "what the checks say of the tool")
        if before is not None:
            before(visit)
        secrets = canary.Secrets(visit)
        secrets.travel(server(visit, kind))
        text = heard(visit)
        assert expects in text, f"nothing was heard: {text[:500]!r}"
        found = secrets.in_(text)
        around = [text[max(0, text.index(one) - 300) : text.index(one)] for one in found]
        assert not found, f"{len(found)} of {len(secrets.seen)} secrets were kept: {around[:3]}"
        shown = {one for one in secrets.digests() if one in text}
        assert not (digests and shown), f"{len(shown)} digests were kept"

    return steps


def host(name: str, settings: str, steps: Any, *packages: str, **more: Any) -> Host:
    files: Mapping[str, str] = {**canary.FILES, **more.pop("files", {})}
    whole = canary.SETTINGS + settings
    return Host(
        name=name, settings=whole, steps=steps, packages=packages, files=files, tour=(), **more
    )


def rows(*labels: str) -> Heard:
    """Return what reads whole tables as text."""

    def read(visit: Visit) -> str:
        from django.apps import apps

        rows = [row for label in labels for row in apps.get_model(label).objects.values()]
        text = json.dumps(rows, default=str)
        return text + decoded(text)

    return read


def decoded(text: str) -> str:
    """What base64 in a text stands for."""
    import base64

    found = re.findall(r'"([A-Za-z0-9+/]{200,}={0,2})"', text)
    return "".join(base64.b64decode(one).decode("utf-8", "replace") for one in found)
