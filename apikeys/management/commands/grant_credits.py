"""``manage.py grant_credits ORGANIZATION AMOUNT``: adds to the balance and prints it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apikeys.management import arguments
from apikeys.services.actors import Actor
from apikeys.services.credits import grant_credits


class Command(arguments.SpeakingCommand):
    about = gettext_lazy("Grant an organization credits.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organization", metavar="ORGANIZATION", help=_("its short name (slug)"))
        parser.add_argument("amount", metavar="AMOUNT", type=int, help=_("credits, from 1"))

    def handle(self, *args: Any, **options: Any) -> None:
        organization = arguments.organization(options["organization"])
        with arguments.refusals_in_one_line():
            organization = grant_credits(
                actor=Actor.system("grant_credits"),
                organization=organization,
                amount=options["amount"],
            )
        sentence = ngettext(
            "%(organization)s has %(credits)d credit.",
            "%(organization)s has %(credits)d credits.",
            organization.credits,
        )
        said = {"organization": organization.slug, "credits": organization.credits}
        self.stdout.write(sentence % said)
