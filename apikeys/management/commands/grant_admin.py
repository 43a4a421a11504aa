"""``manage.py grant_admin ORG USERNAME``: makes a user an admin of an organization."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apikeys.management import arguments
from apikeys.models import Membership
from apikeys.models.organizations import Role
from apikeys.services.actors import Actor
from apikeys.services.members import add_member, change_role


class Command(arguments.SpeakingCommand):
    about = gettext_lazy(
        "Make a user an admin of an organization, adding them where they are not in it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organization", metavar="ORG")
        parser.add_argument("username", metavar="USERNAME")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = arguments.organization(options["organization"])
        user = arguments.user(options["username"])
        actor = Actor.system("grant_admin")
        membership = Membership.objects.filter(organization=organization, user=user.pk).first()
        with arguments.refusals_in_one_line():
            if membership is None:
                add_member(actor=actor, organization=organization, user=user, role=Role.ADMIN)
            else:
                change_role(actor=actor, membership=membership, role=Role.ADMIN)
        said = {"name": user.get_username(), "organization": organization.slug}
        self.stdout.write(_("%(name)s is an admin of %(organization)s.") % said)
