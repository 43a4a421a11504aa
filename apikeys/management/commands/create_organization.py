"""``manage.py create_organization NAME --admin USERNAME``: an organization with two workspaces."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apikeys.management import arguments
from apikeys.services.actors import Actor
from apikeys.services.organizations import create_organization


class Command(arguments.SpeakingCommand):
    about = gettext_lazy("Create an organization with workspaces development and production.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--admin", required=True, metavar="USERNAME", help=_("its first admin"))
        parser.add_argument("--slug", help=_("its public name; made from the name when not given"))
        parser.add_argument("--dialect", default="default")

    def handle(self, *args: Any, **options: Any) -> None:
        admin = arguments.user(options["admin"])
        with arguments.refusals_in_one_line():
            organization = create_organization(
                actor=Actor.system("create_organization"),
                name=options["name"],
                admin=admin,
                slug=options["slug"],
                dialect=options["dialect"],
            )
        self.stdout.write(organization.slug)
