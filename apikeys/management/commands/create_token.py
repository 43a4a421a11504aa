"""``manage.py create_token ORGANIZATION/WORKSPACE NAME``: prints the new API key once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apikeys.models import Workspace
from apikeys.services.actors import Actor
from apikeys.services.errors import ServiceError
from apikeys.services.tokens import create_token


class Command(BaseCommand):
    help = "Create an automation token. Its secret is printed now and never again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workspace", metavar="ORGANIZATION/WORKSPACE")
        parser.add_argument("name")
        parser.add_argument("--scope", action="append", default=[], dest="scopes")
        parser.add_argument("--network", action="append", default=[], dest="networks")
        parser.add_argument("--days", type=float, help="days until it expires")
        parser.add_argument("--json", action="store_true", help="token id, secret and key as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        organization, _, workspace = options["workspace"].partition("/")
        found = Workspace.objects.filter(organization__slug=organization, slug=workspace).first()
        if found is None:
            raise CommandError(f"There is no workspace {options['workspace']!r}.")
        days = options["days"]
        try:
            issued = create_token(
                actor=Actor.system("create_token"),
                workspace=found,
                name=options["name"],
                scopes=options["scopes"],
                allowed_networks=options["networks"],
                expires_at=None if days is None else timezone.now() + timedelta(days=days),
            )
        except ServiceError as error:
            raise CommandError(error.message) from None
        except OverflowError:
            raise CommandError("That many days can't be counted.") from None
        if options["json"]:
            shown = {
                "token_id": issued.token.token_id,
                "secret": issued.secret,
                "api_key": issued.api_key,
            }
            self.stdout.write(json.dumps(shown))
            return
        self.stderr.write("Save this API key now. It will not be shown again.")
        self.stdout.write(issued.api_key)
