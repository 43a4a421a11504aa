"""``manage.py prune_activity``: keeps activity as long as ``APIKEYS["RETENTION"]`` says."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apikeys.activity.retention import prune_activity


class Command(BaseCommand):
    help = (
        "Roll hours of usage up into days, and drop usage, refusals and audit events that are "
        'older than APIKEYS["RETENTION"] says. Run it once a day.'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count, and change nothing")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        pruned = prune_activity(dry_run=dry_run)
        for label, count in (
            ("hours of usage rolled up", pruned.hours),
            ("usage counters dropped", pruned.usage),
            ("refusal counters dropped", pruned.refusals),
            ("audit events dropped", pruned.audit_events),
        ):
            self.stdout.write(f"{label}: {count}")
        if dry_run:
            self.stdout.write("Nothing was changed.")
