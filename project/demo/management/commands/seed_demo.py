"""Fill the demo once, and say how to try it."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone

from apikeys import dialects
from apikeys.models import Organization
from apikeys.services.actors import Actor
from apikeys.services.members import add_member
from apikeys.services.organizations import create_organization
from apikeys.services.tokens import create_token
from project.accounts.models import User
from project.demo import clock, history
from project.demo.notes.models import Note

ADMIN: Final = "admin@example.com"
MEMBER: Final = "member@example.com"
SLUG: Final = "acme"
NOTES: Final = {
    "development": ("Try the API with a throw-away key", "Break something here first"),
    "production": ("Order 1042 was shipped", "The invoice for October is paid", "Call Jo back"),
}
KEY_LIFETIME: Final = timedelta(days=30)


class Command(BaseCommand):
    help = "Make the demo's users, organization and notes once, and print a command to try."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--url", default="http://127.0.0.1:8000", help="Where the demo answers."
        )

    def handle(self, *args: Any, url: str, **options: Any) -> None:
        actor = Actor.system("seed_demo")
        with transaction.atomic():
            password = _seed(actor)
        self._print(url.rstrip("/"), password, _fresh_key(actor))

    def _print(self, url: str, password: str | None, api_key: str) -> None:
        said = password or "as printed at the first start (DEMO_PASSWORD=… sets another)"
        self.stdout.write(
            f"\n  Dashboard  {url}/dashboard/\n"
            f"  Admin      {ADMIN}\n"
            f"  Member     {MEMBER}\n"
            f"  Password   {said}\n\n"
            "  A key of the production workspace, shown this once, good for 30 days. Try it:\n\n"
            f'  curl -H "X-API-Key: {api_key}" {url}/api/demo/notes\n'
        )
        if settings.HTTPS and not os.environ.get("TLS_CERT"):
            self.stdout.write(
                "  HTTPS=on: put a proxy that ends TLS in front and name it in TRUSTED_PROXIES.\n"
            )


def _seed(actor: Actor) -> str | None:
    """Make what is missing; return the users' password if this start set it."""
    given = os.environ.get("DEMO_PASSWORD", "")
    password = given or secrets.token_urlsafe(12)
    admin, admin_is_new = _user(ADMIN, "Ada Admin", password, reset=bool(given), superuser=True)
    member, _ = _user(MEMBER, "Max Member", password, reset=bool(given))
    if not Organization.objects.filter(slug=SLUG).exists():
        now = timezone.now()
        with clock.at(now - history.BEGAN):
            organization = create_organization(actor=actor, name="Acme", slug=SLUG, admin=admin)
            add_member(actor=actor, organization=organization, user=member, role="member")
        for workspace in organization.workspaces.all():
            for text in NOTES[workspace.slug]:
                Note.objects.create(workspace=workspace, text=text)
        history.write(organization, admin=admin, member=member, now=now)
    _seed_systems(actor, admin)
    return password if given or admin_is_new else None


def _seed_systems(actor: Actor, admin: User) -> None:
    """Give each system of the demo an organization of its own, of the dialect's name."""
    for name, dialect in dialects.all_dialects().items():
        if name != "default" and not Organization.objects.filter(slug=name).exists():
            create_organization(
                actor=actor, name=dialect.title, slug=name, admin=admin, dialect=name
            )


def _user(
    email: str, name: str, password: str, *, reset: bool, superuser: bool = False
) -> tuple[User, bool]:
    """Return the user of this address and whether it is new; `reset` renews an old password."""
    try:
        user = User.objects.get_by_natural_key(email)
    except User.DoesNotExist:
        make = User.objects.create_superuser if superuser else User.objects.create_user
        return make(email, password, name=name), True
    if reset and not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return user, False


def _fresh_key(actor: Actor) -> str:
    """Make a key for the printed command: an earlier one can't be shown again."""
    now = timezone.now()
    issued = create_token(
        actor=actor,
        workspace=Organization.objects.get(slug=SLUG).workspaces.get(slug="production"),
        name=f"Quick start {now:%Y-%m-%d %H:%M:%S}",
        scopes=["notes:read", "notes:write", "notes:delete"],
        expires_at=now + KEY_LIFETIME,
        description="Made by the demo's start.",
    )
    return issued.api_key
