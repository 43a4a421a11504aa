"""Nothing beside us but what Django and the documentation bring."""

from __future__ import annotations

from tests.hosts.host import Host
from tests.hosts.visit import Visit, same

SPECTACULAR = """
INSTALLED_APPS += ["drf_spectacular", "drf_spectacular_sidecar"]
"""


def _checks_are_quiet(visit: Visit) -> None:
    same(visit.check(), [], "checks")


HOSTS = [
    Host(name="README alone", steps=_checks_are_quiet),
    Host(
        name="README with the documentation",
        settings=SPECTACULAR,
        packages=("drf-spectacular", "drf-spectacular-sidecar"),
        steps=_checks_are_quiet,
    ),
]
