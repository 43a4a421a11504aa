"""``manage.py revoke_token TOKEN_ID``: ends a token for ever."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apikeys.management import parsing
from apikeys.models import AccessToken
from apikeys.services.actors import Actor
from apikeys.services.tokens import revoke_token


class Command(BaseCommand):
    help = "Revoke a token. The next request with it is refused."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("token_id")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        token = AccessToken.objects.filter(token_id=options["token_id"]).first()
        if token is None:
            # What was typed may be a whole key: it is not repeated.
            raise parsing.wrong("There is no token with this token id; list_tokens shows them.")
        if token.revoked_at is not None:
            self.stdout.write(f"{token.token_id} was revoked already.")
            return
        actor = Actor.system("revoke_token")
        with parsing.refusals_in_one_line():
            revoke_token(actor=actor, token=token, reason=options["reason"])
        self.stdout.write(f"{token.token_id} is revoked.")
