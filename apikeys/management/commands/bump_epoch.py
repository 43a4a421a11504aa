"""``manage.py bump_epoch``: makes every process forget what its cached mode remembers."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apikeys.management import arguments
from apikeys.verification import epochs, places


class Command(arguments.SpeakingCommand):
    about = gettext_lazy("After bulk updates or SQL: forget what the cached mode remembers.")

    def handle(self, *args: Any, **options: Any) -> None:
        epoch = epochs.current()
        if epoch is None:
            self.stdout.write(_("The cached mode is off; nothing is remembered."))
            return
        try:
            for told in places.to_tell(epoch):
                told.bump()
        except epochs.EpochUnavailableError as error:
            raise CommandError(
                _("The epoch can't be written: %(error)s") % {"error": error}
            ) from None
        self.stdout.write(_("Every process reads its rows anew."))
