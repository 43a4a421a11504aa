"""A host with an API of papers, made of the recipes of docs/request-user.md, under each choice of
`AUTOMATION_USER`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.hosts.host import Host
from tests.hosts.people import recipe
from tests.hosts.texts import ROUTES, urls
from tests.hosts.visit import Visit

CHOICES = ("token", "anonymous", "service_account")
SETTINGS = """
INSTALLED_APPS += ["papers"]
"""
MODELS = recipe("papers/models.py")
VIEWS = recipe("papers/views.py")


def routes(view: str, module: str = "views") -> str:
    """Return a mysite/urls.py that has this view of papers."""
    route = f'path("papers", {module}.{view}.as_view())'
    return urls(*ROUTES, route, before=f"from papers import {module}\n")


class Case:
    """Keys of an automation and of a personal token, to write a paper with."""

    def __init__(self, visit: Visit, choice: str) -> None:
        from apikeys.models.tokens import Kind
        from apikeys.principals import user_of

        self.visit, self.choice = visit, choice
        both = ("notes:read", "notes:write")
        self.automation = visit.issue(*both)
        owner = {"kind": Kind.PERSONAL, "owner": visit.alice}
        self.personal = visit.issue(*both, **owner)
        self.user = user_of(self.automation.token)

    def write(self, issued: Any) -> Any:
        """POST a paper; return the answer."""
        body = {"data": {"title": "A paper"}, "content_type": "application/json"}
        return self.visit.get("/papers", issued.api_key, method="post", **body)

    def written(self) -> Any:
        """The newest paper."""
        from papers.models import Paper

        return Paper.objects.order_by("-pk").first()

    @property
    def row(self) -> Any:
        """Who is named for the automation token, where that can be somebody."""
        return self.user if self.choice == "service_account" else None


def under_each(step: Callable[[Case], None]) -> Callable[[Visit], None]:
    """Return the step, taken under each choice."""

    def run(visit: Visit) -> None:
        from django.conf import settings
        from django.test import override_settings

        for choice in CHOICES:
            path = f"apikeys.principals.{choice}"
            with override_settings(APIKEYS={**settings.APIKEYS, "AUTOMATION_USER": path}):
                step(Case(visit, choice))

    return run


def host(name: str, step: Callable[[Case], None], *, view: str = "Papers", **more: Any) -> Host:
    """Return a host whose view of papers is ``view``, and the step taken under each choice."""
    files = {
        "papers/__init__.py": "",
        "papers/models.py": MODELS,
        "papers/views.py": VIEWS,
        "mysite/urls.py": routes(view),
        **more.pop("files", {}),
    }
    said = SETTINGS + more.pop("settings", "")
    return Host(
        name=name, settings=said, files=files, steps=under_each(step), tour=("view",), **more
    )
