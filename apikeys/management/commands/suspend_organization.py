"""``manage.py suspend_organization ORG``: stops all of an organization's tokens, until resumed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apikeys.management import arguments
from apikeys.services.actors import Actor
from apikeys.services.organizations import resume_organization, suspend_organization


class Command(arguments.SpeakingCommand):
    about = gettext_lazy(
        "Refuse every token of an organization from the next request on; --resume ends it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organization", metavar="ORG")
        parser.add_argument("--resume", action="store_true", help=_("let its tokens work again"))

    def handle(self, *args: Any, **options: Any) -> None:
        organization = arguments.organization(options["organization"])
        actor = Actor.system("suspend_organization")
        with arguments.refusals_in_one_line():
            if options["resume"]:
                resume_organization(actor=actor, organization=organization)
            else:
                suspend_organization(actor=actor, organization=organization)
        if options["resume"]:
            sentence = _("The tokens of %(organization)s work again.")
        else:
            sentence = _("%(organization)s is suspended: its tokens are refused.")
        self.stdout.write(sentence % {"organization": organization.slug})
