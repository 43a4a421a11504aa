"""What the commands share: reading arguments, one line and exit code 2 for a wrong one, and the
language in which they speak.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from apikeys import languages, pasted
from apikeys.models import Organization, Workspace, people
from apikeys.services import accounts
from apikeys.services.errors import ServiceError
from apikeys.verification.epochs import EpochUnavailableError

WRONG_ARGUMENT: Final = 2

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class SpeakingCommand(BaseCommand):
    """A command that says all it says in our language, its help and its errors too."""

    about: ClassVar[str | Promise]
    """What it does, for its help."""

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        """Return the parser, with the help in our language: argparse takes no lazy texts."""
        with languages.speaking():
            self.help = str(self.about)
            return super().create_parser(*args, **kwargs)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command."""
        with languages.speaking():
            return super().execute(*args, **options)


def wrong(message: str) -> CommandError:
    """Return the error that ends a command with exit code 2 and one line."""
    # What was typed may be a whole key.
    return CommandError(pasted.without_secrets(message), returncode=WRONG_ARGUMENT)


@contextmanager
def refusals_in_one_line() -> Iterator[None]:
    """Turn a refusal by a service, or a change nobody could hear of, into one line and code 2."""
    try:
        yield
    except EpochUnavailableError as error:
        raise wrong(_("Nothing was changed: %(error)s.") % {"error": error}) from None
    except ServiceError as error:
        where = f"{error.field}: " if error.field else ""
        raise wrong(f"{where}{error.message}") from None


def workspace(path: str) -> Workspace:
    """Return the workspace that ``ORG/WORKSPACE`` names."""
    organization, _slash, slug = path.partition("/")
    found = Workspace.objects.filter(organization__slug=organization, slug=slug).first()
    if found is None:
        raise wrong(
            _("There is no workspace %(path)r. Write ORGANIZATION/WORKSPACE.") % {"path": path}
        )
    return found


def organization(slug: str) -> Organization:
    """Return the organization of that slug."""
    found = Organization.objects.filter(slug=slug).first()
    if found is None:
        raise wrong(_("There is no organization %(slug)r.") % {"slug": slug})
    return found


def user(name: str) -> Any:
    """Return the user of that log-in name, never one whose name only looks like it."""
    if (found := people.called(name)) is None:
        raise wrong(_("There is no user %(name)r.") % {"name": name})
    plain = f"{name}{found.get_username()}".isascii()
    if not (plain or accounts.is_called(found, name)):
        raise wrong(
            _("There is no user %(name)r, only one whose name looks like it.") % {"name": name}
        )
    return found


def expiry(*, lifetime: str | None, moment: str | None) -> datetime | None:
    """Return the moment that ``--expires-in`` or ``--expires-at`` says, None for neither."""
    if lifetime is not None:
        found = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", lifetime)
        if found is None:
            raise wrong(
                _("%(text)r is no duration. Write 30d, 12h, 90m or 2w.") % {"text": lifetime}
            )
        try:
            return timezone.now() + timedelta(**{_UNITS[found[2]]: int(found[1])})
        except OverflowError:
            raise wrong(_("%(text)r is too long.") % {"text": lifetime}) from None
    if moment is None:
        return None
    try:
        parsed = parse_datetime(moment)
    except ValueError:
        parsed = None
    if parsed is None:
        raise wrong(_("%(text)r is no moment. Write 2030-12-31T23:59:59Z.") % {"text": moment})
    if timezone.is_naive(parsed):
        raise wrong(_("%(text)r has no time zone. Write 2030-12-31T23:59:59Z.") % {"text": moment})
    return parsed
