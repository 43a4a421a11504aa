"""``manage.py create_token``: makes a token and prints its API key, once."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apikeys.management import arguments
from apikeys.models import Membership
from apikeys.models.tokens import Kind
from apikeys.services.actors import Actor
from apikeys.services.tokens import create_token


class Command(arguments.SpeakingCommand):
    about = gettext_lazy("Create an access token. Its secret is printed now and never again.")

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--workspace", required=True, metavar="ORG/WORKSPACE")
        add("--name", required=True)
        add("--scope", action="append", default=[], dest="scopes", metavar="SCOPE")
        add("--kind", choices=Kind.values, default=Kind.AUTOMATION.value)
        add("--owner", metavar="USERNAME", help=_("whose personal token it is"))
        expiry = parser.add_mutually_exclusive_group()
        expiry.add_argument("--expires-in", metavar="30d", help=_("a number and m, h, d or w"))
        expiry.add_argument("--expires-at", metavar="ISO", help=_("with a time zone"))
        add("--allow-network", action="append", default=[], dest="networks", metavar="CIDR")
        add("--json", action="store_true", help=_("JSON and nothing else on stdout"))

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = arguments.workspace(options["workspace"])
        expires_at = arguments.expiry(lifetime=options["expires_in"], moment=options["expires_at"])
        with arguments.refusals_in_one_line():
            issued = create_token(
                actor=Actor.system("create_token"),
                workspace=workspace,
                name=options["name"],
                scopes=options["scopes"],
                kind=options["kind"],
                owner=self._owner(options, workspace),
                allowed_networks=options["networks"],
                expires_at=expires_at,
            )
        if not issued.token.scopes:
            names = ", ".join(sorted(workspace.speaks.available_scopes))
            self.stderr.write(
                _(
                    "This key holds no scope: it opens only what asks for none, and a key never "
                    "gets more later. For another give --scope, once for each: %s."
                )
                % names
            )
        if not options["json"]:
            self.stderr.write(_("Save this API key now. It will not be shown again."))
            self.stdout.write(issued.api_key)
            return
        token = issued.token
        shown = {
            "token_id": token.token_id,
            "secret": issued.secret,
            "api_key": issued.api_key,
            "name": token.name,
            "workspace": options["workspace"],
            "scopes": token.scopes,
            "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        }
        self.stdout.write(json.dumps(shown))

    def _owner(self, options: dict[str, Any], workspace: Any) -> Any:
        name, personal = options["owner"], options["kind"] == Kind.PERSONAL
        if personal and not name:
            raise arguments.wrong(_("A personal token has an owner: add --owner USERNAME."))
        if name and not personal:
            raise arguments.wrong(_("Only a personal token has an owner: add --kind personal."))
        if not name:
            return None
        owner = arguments.user(name)
        if not Membership.objects.filter(
            organization=workspace.organization_id, user=owner.pk
        ).exists():
            raise arguments.wrong(
                _("%(name)r is no member of %(organization)r.")
                % {"name": name, "organization": workspace.organization.slug}
            )
        return owner
