"""What a value must be before it is written: names, scopes, networks, expiry.

Each function returns the value in its stored form or raises ``Invalid`` with its field.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Q, Value
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apikeys import conf, pasted, visible
from apikeys import networks as net
from apikeys import scopes as scope_names
from apikeys.dialects import Dialect
from apikeys.models import AccessToken, Organization, Workspace
from apikeys.models.tokens import AccessTokenQuerySet, Kind
from apikeys.services.errors import Invalid

LONGEST_NAME = 255
LONGEST_DESCRIPTION = 500
# A letter with its marks apart, or a key in the place of its id: texts shrink before they are kept.
_LONGEST_DECOMPOSED = 4
# A hundred years. Near year 9999 a moment can't be shown in every time zone.
LONGEST_LIFE = timedelta(days=36_500)
# The form computed "90 days" a moment before the rule is asked.
_GRACE = timedelta(minutes=1)
# They turn the text around them: a name would read differently from what it is.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def text(value: str, *, field: str, longest: int, required: bool) -> str:
    """Return the text in the form in which it is kept: NFC, without surrounding space.

    A key in it is cut to its token id: what is written here is shown to many and kept for long.

    Raises:
        Invalid: it is no text, too long, holds line breaks or control characters, or there is
            nothing to be seen where something is required.
    """
    if not isinstance(value, str):
        raise Invalid(f"{field}.invalid", _("This must be text."), field=field)
    if len(value) > _LONGEST_DECOMPOSED * longest:
        raise _too_long(field, longest)
    value = visible.normalized("NFC", value).strip()
    value = pasted.cut(value, sure=True).text
    if required and not value:
        raise Invalid(f"{field}.required", _("This can't be empty."), field=field)
    if len(value) > longest:
        raise _too_long(field, longest)
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _TURNING for c in value):
        raise Invalid(
            f"{field}.control_character",
            _("Line breaks and control characters can't be used."),
            field=field,
        )
    if value and not visible.has_something_visible(value):
        raise Invalid(
            f"{field}.invisible", _("Use at least one character that can be seen."), field=field
        )
    return value


def _too_long(field: str, longest: int) -> Invalid:
    sentence = ngettext(
        "Use at most %(longest)d character.", "Use at most %(longest)d characters.", longest
    )
    return Invalid(f"{field}.too_long", sentence % {"longest": longest}, field=field)


def reason(value: str) -> str:
    """Return why a token is revoked, as it is kept: a key in it is cut to its token id."""
    value = value[: _LONGEST_DECOMPOSED * LONGEST_NAME]
    return pasted.cut(value, sure=True).text[:LONGEST_NAME]


def name(value: str) -> str:
    """Return the name as it is stored.

    Raises:
        Invalid: it is empty, too long, has nothing to be seen in it or control characters.
    """
    return text(value, field="name", longest=LONGEST_NAME, required=True)


def token_name(
    value: str, *, workspace: Workspace, kind: str, excluding: AccessToken | None = None
) -> str:
    """Return the name; automation tokens of a workspace that are not revoked differ in it.

    Names are the same when ``visible.compared`` makes the same of them.
    """
    wanted = name(value)
    others = AccessToken.objects.filter(
        workspace=workspace, kind=Kind.AUTOMATION, revoked_at__isnull=True
    )
    if excluding is not None:
        others = others.exclude(pk=excluding.pk)
    if kind == Kind.AUTOMATION and _is_taken(wanted, others):
        raise Invalid(
            "token.name_taken", _("Another token of this workspace has this name."), field="name"
        )
    return wanted


def _is_taken(wanted: str, others: AccessTokenQuerySet) -> bool:
    key = others.name_key_of(wanted)
    # The database's own constraint is on LOWER, which tells some letters apart and others not.
    same = Q(name_key=key) | Q(lowered=Lower(Value(wanted)))
    if others.alias(lowered=Lower("name")).filter(same).exists():
        return True
    # An empty key is not known: a process of an earlier release wrote that row.
    unknown = others.filter(name_key="").values_list("name", flat=True)
    return any(others.name_key_of(each) == key for each in unknown)


def description(value: str) -> str:
    """Return the description."""
    return text(value, field="description", longest=LONGEST_DESCRIPTION, required=False)


def scopes(values: Sequence[str], dialect: Dialect) -> list[str]:
    """Return the scopes sorted, each one of the dialect's closed set."""
    try:
        return list(scope_names.normalise(values, dialect.available_scopes))
    except ValueError as error:
        raise Invalid("scope.unknown", str(error), field="scopes") from None


def networks(values: Iterable[object]) -> list[str]:
    """Return the networks in canonical text."""
    try:
        return list(net.parse_networks(values))
    except ValueError as error:
        raise Invalid("network.invalid", str(error), field="allowed_networks") from None


def longest_lifetime(organization: Organization) -> timedelta | None:
    """Return the longest life of a new token: the shorter of the site's and the organization's."""
    days = organization.max_lifetime_days
    limits = [conf.get().max_lifetime, timedelta(days=days) if days is not None else None]
    shortest = min((limit for limit in limits if limit is not None), default=None)
    return None if shortest is None else min(shortest, LONGEST_LIFE)


def expiry(value: datetime | timedelta | None, *, organization: Organization) -> datetime | None:
    """Return the expiry, a moment or a time from now; it lies ahead and within the longest one.

    Raises:
        Invalid: it is naive, past, missing where a policy wants one, beyond that policy, or more
            than ``LONGEST_LIFE`` ahead (``expiry.range``).
    """
    now = timezone.now()
    longest = longest_lifetime(organization)
    if isinstance(value, timedelta):
        try:
            value = now + value
        except OverflowError:
            raise _too_far() from None
    if value is None:
        if longest is not None:
            raise Invalid("expiry.required", _live_at_most(longest), field="expires_at")
        return None
    if timezone.is_naive(value):
        raise Invalid("expiry.naive", _("Give the time zone of the expiry."), field="expires_at")
    if value <= now:
        raise Invalid("expiry.past", _("Choose a time in the future."), field="expires_at")
    if longest is not None and value > now + longest + _GRACE:
        raise Invalid("expiry.too_late", _live_at_most(longest), field="expires_at")
    if value > now + LONGEST_LIFE + _GRACE:
        raise _too_far()
    return value


def _too_far() -> Invalid:
    sentence = ngettext(
        "Choose a time within the next %(days)d day, or none.",
        "Choose a time within the next %(days)d days, or none.",
        LONGEST_LIFE.days,
    )
    return Invalid("expiry.range", sentence % {"days": LONGEST_LIFE.days}, field="expires_at")


def _live_at_most(length: timedelta) -> str:
    """Say it in days, or in hours where it is no number of days."""
    if length % timedelta(days=1):
        hours = length / timedelta(hours=1)
        sentence = ngettext(
            "Tokens of this organization live at most %(hours)g hour.",
            "Tokens of this organization live at most %(hours)g hours.",
            math.ceil(hours),
        )
        return sentence % {"hours": hours}
    sentence = ngettext(
        "Tokens of this organization live at most %(days)d day.",
        "Tokens of this organization live at most %(days)d days.",
        length.days,
    )
    return sentence % {"days": length.days}
