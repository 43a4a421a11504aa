"""``manage.py grant_credits ORGANIZATION AMOUNT``: adds to the balance and prints it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apikeys.management import arguments
from apikeys.services.actors import Actor
from apikeys.services.credits import grant_credits


class Command(BaseCommand):
    help = "Grant an organization credits."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organization", metavar="ORGANIZATION", help="its short name (slug)")
        parser.add_argument("amount", metavar="AMOUNT", type=int, help="credits, from 1")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = arguments.organization(options["organization"])
        with arguments.refusals_in_one_line():
            organization = grant_credits(
                actor=Actor.system("grant_credits"),
                organization=organization,
                amount=options["amount"],
            )
        self.stdout.write(f"{organization.slug} has {organization.credits} credits.")
