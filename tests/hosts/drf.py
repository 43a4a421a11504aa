"""A view beside the README's, and how views answer, for the cases of Django REST framework."""

from __future__ import annotations

from typing import Any

from tests.hosts.host import Host
from tests.hosts.texts import ROUTES, urls
from tests.hosts.visit import Visit, same, wrong

URLS = urls(*ROUTES, "*more.urlpatterns", before="from mysite import more\n")
INVALID = "api_key.invalid_or_ip_not_allowed"


def quiet(visit: Visit) -> None:
    """The checks say nothing."""
    same(visit.check(), [], f"checks: {visit.messages}")


def statuses(visit: Visit, path: str) -> None:
    """A view refuses nobody, a wrong key and a key without its scope; it answers a good one."""
    same(visit.get(path).status_code, 401, f"{path}: nobody")
    same(visit.get(path, wrong(visit.key)).status_code, 401, f"{path}: wrong")
    same(visit.get(path, visit.key).status_code, 200, f"{path}: key")
    lacking = visit.issue("notes:write").api_key
    same(visit.get(path, lacking).status_code, 403, f"{path}: without the scope")


def host(name: str, more: str, steps: Any, *, settings: str = "", **kwargs: Any) -> Host:
    """Return a host whose mysite/more.py has more routes."""
    files = {"mysite/urls.py": URLS, "mysite/more.py": more, **kwargs.pop("files", {})}
    return Host(name=name, settings=settings, files=files, steps=steps, **kwargs)


def app(name: str) -> str:
    """Return the setting that adds an app."""
    return f"INSTALLED_APPS += [{name!r}]\n"
