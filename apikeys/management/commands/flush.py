"""``manage.py flush``: Django's own, in front of the trigger that guards the audit log.

PostgreSQL refuses to truncate audit events. Django's test cases flush after each test of theirs
and are let through; a person says ``--audit-log``.
"""

from __future__ import annotations

from typing import Any, Final

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import flush
from django.db import connections, transaction
from django.utils.translation import gettext as _

from apikeys.models import AuditEvent

# Nobody can write it on a command line: Django's test cases pass it.
_OF_TEST_CASES: Final = "inhibit_post_migrate"


class Command(flush.Command):
    """Empties all tables."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--audit-log",
            action="store_true",
            help=_("Empty the audit log of API keys too, which PostgreSQL refuses otherwise."),
        )

    def handle(self, **options: Any) -> None:
        """Flush, where the audit log may go with the rest.

        Raises:
            CommandError: it may not, and nothing was emptied.
        """
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            return super().handle(**options)
        meant = options.get("audit_log") or _OF_TEST_CASES in options
        if not meant and AuditEvent._meta.db_table in connection.introspection.table_names():
            raise CommandError(
                _(
                    "The audit log of API keys is not emptied by the way. Keep a copy of it if you "
                    "may need one, then say: manage.py flush --audit-log"
                )
            )
        with transaction.atomic(using=connection.alias):
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('apikeys.flushing', 'on', true)")
            return super().handle(**options)
