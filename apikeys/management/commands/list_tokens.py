"""``manage.py list_tokens``: every token and its state, one a line; never a secret."""

from __future__ import annotations

import json
from typing import Any, Final

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apikeys.management import arguments
from apikeys.models import AccessToken

PAGE: Final = 500


class Command(arguments.SpeakingCommand):
    about = gettext_lazy("List access tokens, newest first.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="ORG/WORKSPACE")
        parser.add_argument("--json", action="store_true", help=_("one JSON object a line"))

    def handle(self, *args: Any, **options: Any) -> None:
        tokens = AccessToken.objects.for_status()
        if options["workspace"]:
            tokens = tokens.filter(workspace=arguments.workspace(options["workspace"]))
        # By keys and not by ``iterator()``, whose cursor a pooler gives to another client.
        pks = list(tokens.order_by("-created_at", "-pk").values_list("pk", flat=True))
        for start in range(0, len(pks), PAGE):
            page = pks[start : start + PAGE]
            found = tokens.in_bulk(page)
            for token in (found[pk] for pk in page if pk in found):
                self.stdout.write(json.dumps(_facts(token)) if options["json"] else _line(token))


def _line(token: AccessToken) -> str:
    place = f"{token.organization.slug}/{token.workspace.slug}"
    scopes = " ".join(token.scopes) or "-"
    return "\t".join((token.token_id, token.status.value, place, token.name, scopes))


def _facts(token: AccessToken) -> dict[str, Any]:
    return {
        "token_id": token.token_id,
        "name": token.name,
        "workspace": f"{token.organization.slug}/{token.workspace.slug}",
        "kind": token.kind,
        "status": token.status.value,
        "scopes": token.scopes,
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        "last_used_at": token.last_used_at.isoformat() if token.last_used_at else None,
    }
