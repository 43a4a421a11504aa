"""``manage.py create_organization NAME --admin LOGIN``: an organization with two workspaces."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apikeys.services.actors import Actor
from apikeys.services.errors import ServiceError
from apikeys.services.organizations import create_organization


class Command(BaseCommand):
    help = "Create an organization with workspaces development and production."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--admin", required=True, help="log-in name of the first admin")
        parser.add_argument("--slug", help="its public name; made from the name when not given")
        parser.add_argument("--dialect", default="default")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            admin = get_user_model()._default_manager.get_by_natural_key(options["admin"])
        except get_user_model().DoesNotExist:
            raise CommandError(f"There is no user {options['admin']!r}.") from None
        try:
            organization = create_organization(
                actor=Actor.system("create_organization"),
                name=options["name"],
                admin=admin,
                slug=options["slug"],
                dialect=options["dialect"],
            )
        except ServiceError as error:
            raise CommandError(error.message) from None
        self.stdout.write(organization.slug)
