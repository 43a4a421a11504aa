"""``manage.py revoke_token TOKEN_ID``: ends a token for ever. A whole key names its token too."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apikeys import pasted
from apikeys.management import arguments
from apikeys.models import AccessToken
from apikeys.services.actors import Actor
from apikeys.services.tokens import revoke_token


class Command(arguments.SpeakingCommand):
    about = gettext_lazy("Revoke a token. The next request with it is refused.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("token_id", help=_("or a whole key: its id is taken out of it"))
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        # A whole key is cut to its id here: the secret reaches neither the database nor the screen.
        typed = options["token_id"]
        token_id = pasted.cut(typed).token_id or pasted.id_start(typed)
        token = AccessToken.objects.filter(token_id=token_id).first()
        if token is None:
            raise arguments.wrong(
                _("There is no token with this token id; list_tokens shows them.")
            )
        if token.revoked_at is not None:
            self.stdout.write(_("%(token)s was revoked already.") % {"token": token.token_id})
            return
        actor = Actor.system("revoke_token")
        with arguments.refusals_in_one_line():
            revoke_token(actor=actor, token=token, reason=options["reason"])
        self.stdout.write(_("%(token)s is revoked.") % {"token": token.token_id})
