"""``manage.py bump_epoch``: makes every process forget what its cached mode remembers."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apikeys.verification import epochs, places


class Command(BaseCommand):
    help = "After bulk updates or SQL: forget what the cached mode remembers."

    def handle(self, *args: Any, **options: Any) -> None:
        epoch = epochs.current()
        if epoch is None:
            self.stdout.write("The cached mode is off; nothing is remembered.")
            return
        try:
            for told in places.to_tell(epoch):
                told.bump()
        except epochs.EpochUnavailableError as error:
            raise CommandError(f"The epoch can't be written: {error}") from None
        self.stdout.write("Every process reads its rows anew.")
