"""``manage.py prune_activity``: keeps activity as long as ``APIKEYS["RETENTION"]`` says."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apikeys.activity.retention import prune_activity
from apikeys.management import arguments


class Command(arguments.SpeakingCommand):
    about = gettext_lazy(
        "Roll hours of usage up into days, and drop usage, refusals and audit events that are "
        'older than APIKEYS["RETENTION"] says. Run it once a day.'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help=_("count, and change nothing"))

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        pruned = prune_activity(dry_run=dry_run)
        for line, count in (
            (_("hours of usage rolled up: %(count)d"), pruned.hours),
            (_("usage counters dropped: %(count)d"), pruned.usage),
            (_("refusal counters dropped: %(count)d"), pruned.refusals),
            (_("audit events dropped: %(count)d"), pruned.audit_events),
        ):
            self.stdout.write(line % {"count": count})
        if dry_run:
            self.stdout.write(_("Nothing was changed."))
