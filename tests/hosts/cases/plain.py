"""Nothing beside us but what Django and the documentation bring."""

from __future__ import annotations

from tests.hosts.host import Host
from tests.hosts.texts import DOCUMENTED, SPECTACULAR
from tests.hosts.visit import Visit, same


def _checks_are_quiet(visit: Visit) -> None:
    same(visit.check(), [], "checks")


HOSTS = [
    Host(name="README alone", steps=_checks_are_quiet),
    Host(
        name="README with the documentation",
        settings=DOCUMENTED,
        packages=SPECTACULAR,
        steps=_checks_are_quiet,
    ),
]
