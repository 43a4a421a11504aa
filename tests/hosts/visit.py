"""Visits one host project, in a process of its own: ``python visit.py HOST-ID FOLDER``.

Prints one line of JSON: what was visited, or where it went wrong. ``sys.path`` has the project,
then a folder with the library and the tests alone (``PYTHONPATH``), then what is installed.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import metadata
from pathlib import Path
from typing import Any

PASSWORD = "correct horse battery staple"


class Visit:
    """A host project that runs: its cast, its clients, its tokens.

    Attributes:
        host: what was asked for.
        folder: where its files are.
        key: an API key that holds ``notes:read``, in Acme's workspace ``development``.
        token: its row.
        alice: admin of Acme, no staff; bob: its member; charlie: admin of Globex.
        messages: what ``manage.py check`` said.
    """

    def __init__(self, host: Any, folder: Path) -> None:
        self.host, self.folder = host, folder
        self.messages: list[Any] = []

    def set_up(self) -> None:
        """Start Django, look at the checks, make the tables and the cast."""
        import django
        from django.core.management import call_command
        from django.test.utils import setup_test_environment

        django.setup()
        setup_test_environment()
        self.check()
        call_command("migrate", verbosity=0, run_syncdb=True)
        self._make_the_cast()

    def check(self, *, deploy: bool = False) -> list[str]:
        """Run the checks; return the ids of what they say."""
        from django.core.checks import run_checks

        self.messages = run_checks(include_deployment_checks=deploy)
        return [str(message.id) for message in self.messages]

    def _make_the_cast(self) -> None:
        from apikeys.services.actors import Actor
        from apikeys.services.members import add_member
        from apikeys.services.organizations import create_organization

        self.alice, self.bob, self.charlie = map(self.person, ("alice", "bob", "charlie"))
        system = Actor.system("the host")
        self.acme = create_organization(actor=system, name="Acme", admin=self.alice)
        self.globex = create_organization(actor=system, name="Globex", admin=self.charlie)
        add_member(actor=Actor.person(self.alice), organization=self.acme, user=self.bob)
        self.workspace = self.acme.workspaces.get(slug="development")
        issued = self.issue("notes:read")
        self.token, self.key, self.secret = issued.token, issued.api_key, issued.secret

    def person(self, name: str) -> Any:
        """Make a user who is no staff, with whatever fields the user model has."""
        from django.contrib.auth import get_user_model

        model = get_user_model()
        fields = {field.name for field in model._meta.get_fields()}
        named = model._meta.get_field(model.USERNAME_FIELD)
        is_number = named.get_internal_type() == "IntegerField"
        user = model(**{named.name: int(name.encode().hex()[:7], 16) if is_number else name})
        if "email" in fields:
            user.email = f"{name}@example.org"
        if model.USERNAME_FIELD == "email":
            user.email = f"{name}@example.org"
        user.set_password(PASSWORD)
        user.save()
        return user

    def superuser(self) -> Any:
        """Make somebody who may do everything in Django's admin."""
        root = self.person("root")
        root.is_staff = root.is_superuser = True
        root.save()
        return root

    def issue(self, *scopes: str, **more: Any) -> Any:
        """Make a token of Acme; return it with its secret."""
        from apikeys.services.actors import Actor
        from apikeys.services.tokens import create_token

        more = {"workspace": self.workspace, "name": f"key {os.urandom(4).hex()}", **more}
        return create_token(actor=Actor.person(self.alice), scopes=list(scopes), **more)

    def client(self, user: Any = None) -> Any:
        """A browser, logged in as somebody or not."""
        from django.test import Client

        client = Client(raise_request_exception=False)
        if user is not None:
            client.force_login(user)
        return client

    def get(self, path: str, key: str | None = None, *, method: str = "get", **more: Any) -> Any:
        """Send a request without a session; the key goes as X-API-Key."""
        headers = {**({"X-API-Key": key} if key else {}), **more.pop("headers", {})}
        return getattr(self.client(), method)(path, headers=headers, **more)


def same(found: Any, expected: Any, what: str = "") -> None:
    """Assert that two values are equal, and show both where they are not."""
    assert found == expected, f"{what or 'value'}: {found!r}, not {expected!r}"


def wrong(key: str) -> str:
    """Return a key, or whatever brings one, with another letter at its end."""
    return key[:-1] + ("0" if key[-1] != "0" else "1")


def main(name: str, folder: Path) -> dict[str, Any]:
    from tests.hosts import tour
    from tests.hosts.host import all_hosts
    from tests.hosts.project import make

    host = all_hosts()[name]
    missing = [each for each in host.packages if not _version(each)]
    if missing:
        return {"left_out": f"host package not installed: {', '.join(missing)}"}
    if host.django and tuple(map(int, host.django.split("."))) > _django():
        return {"left_out": f"needs Django {host.django}"}
    os.environ.update({"DJANGO_SETTINGS_MODULE": "mysite.settings", **host.environment})
    make(host, folder)
    visit = Visit(host, folder)
    if host.runs:
        visit.set_up()
        for part in host.tour:
            getattr(tour, part)(visit)
    if host.steps is not None:
        host.steps(visit)
    return {"packages": {each: _version(each) for each in host.packages}}


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _django() -> tuple[int, int]:
    import django

    return django.VERSION[:2]


if __name__ == "__main__":
    here = Path(sys.argv[2])
    os.chdir(here)
    # In the place of this file's folder, which would hide installed packages by its names.
    sys.path[0] = str(here)
    try:
        told = main(sys.argv[1], here)
    except Exception:
        told = {"fault": traceback.format_exc()}
    print(json.dumps(told))
