"""Why requests are refused. No I/O.

A ``Reason`` goes to logs and counters; the caller sees only its public answer. Five reasons share
one answer, byte for byte, so that a stranger can't tell an unknown id from a wrong secret:
unknown, wrong, malformed, of another dialect, from an address off the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext


class Reason(StrEnum):
    """Why, as written to logs and counters."""

    MISSING = "credential.missing"
    AMBIGUOUS = "credential.ambiguous"
    MALFORMED = "credential.malformed"
    UNKNOWN = "credential.unknown"
    WRONG_SECRET = "credential.wrong_secret"  # noqa: S105
    OTHER_DIALECT = "credential.other_dialect"
    ADDRESS_NOT_ALLOWED = "address.not_allowed"
    TOO_MANY_FAILURES = "credential.too_many_failures"
    EXPIRED = "token.expired"
    DISABLED = "token.disabled"
    REVOKED = "token.revoked"
    WORKSPACE_ARCHIVED = "workspace.archived"
    ORGANIZATION_SUSPENDED = "organization.suspended"
    OWNER_INACTIVE = "owner.inactive"
    OWNER_GONE = "owner.gone"
    PLAIN_HTTP = "https.required"
    FOREIGN_ORIGIN = "origin.not_allowed"
    RESTRICTED = "restriction.refused"
    SCOPE_INSUFFICIENT = "scope.insufficient"
    SCOPE_UNDECLARED = "scope.undeclared"
    RATE_LIMITED = "rate_limit.exceeded"


class Face(NamedTuple):
    """What the caller is told: HTTP status, stable machine code, a sentence, which may be lazy."""

    status: int
    code: str
    detail: str | Promise


_INVALID: Final = Face(
    401,
    "api_key.invalid_or_ip_not_allowed",
    _("The API key is invalid for this request, or your address is not on its list."),
)
_DISABLED: Final = Face(401, "api_key.disabled", _("This API key is disabled."))
_REVOKED: Final = Face(401, "api_key.revoked", _("This API key has been revoked."))

FACES: Final[dict[Reason, Face]] = {
    Reason.MISSING: Face(401, "api_key.missing", _("An API key is required.")),
    Reason.AMBIGUOUS: Face(
        400, "api_key.ambiguous", _("Send one credential only; this request carries more than one.")
    ),
    Reason.MALFORMED: _INVALID,
    Reason.UNKNOWN: _INVALID,
    Reason.WRONG_SECRET: _INVALID,
    Reason.OTHER_DIALECT: _INVALID,
    Reason.ADDRESS_NOT_ALLOWED: _INVALID,
    Reason.TOO_MANY_FAILURES: Face(
        429, "rate_limit.exceeded", _("Too many requests with an invalid API key.")
    ),
    Reason.EXPIRED: Face(401, "api_key.expired", _("This API key has expired.")),
    Reason.DISABLED: _DISABLED,
    Reason.REVOKED: _REVOKED,
    Reason.WORKSPACE_ARCHIVED: _REVOKED,
    Reason.ORGANIZATION_SUSPENDED: _DISABLED,
    Reason.OWNER_INACTIVE: _DISABLED,
    Reason.OWNER_GONE: _REVOKED,
    Reason.PLAIN_HTTP: Face(403, "https_required", _("Send API keys over HTTPS only.")),
    Reason.FOREIGN_ORIGIN: Face(
        403, "origin.not_allowed", _("This API can't be called from a browser on another site.")
    ),
    Reason.RESTRICTED: Face(
        403, "restriction.refused", _("This API key may not be used by this request.")
    ),
    Reason.SCOPE_INSUFFICIENT: Face(
        403, "scope.insufficient", _("This API key does not have the required scope.")
    ),
    Reason.SCOPE_UNDECLARED: Face(
        403, "scope.undeclared", _("This endpoint does not accept API keys yet.")
    ),
    Reason.RATE_LIMITED: Face(429, "rate_limit.exceeded", _("Too many requests.")),
}


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """A request may not have what it asks for now.

    Args:
        reason: the true reason, for logs and counters.
        token_id: the public id that was presented, when a token of that id exists.
        token_pk: the row's primary key, only when the secret was proven.
        face: what the caller is told, where it is not what ``FACES`` says of the reason.
        detail: replaces the sentence of the face.
        extra: further members of the error body, such as ``required_scope``.
    """

    def __init__(
        self,
        reason: Reason,
        *,
        token_id: str = "",
        token_pk: int | None = None,
        face: Face | None = None,
        detail: str | Promise = "",
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.token_id = token_id
        self.token_pk = token_pk
        self.face = face or FACES[reason]
        self.detail = detail or self.face.detail
        self.extra = extra or {}


def retry_sentence(seconds: int) -> str:
    """Say when to try again."""
    sentence = ngettext(
        "Retry after %(seconds)d second.", "Retry after %(seconds)d seconds.", seconds
    )
    return sentence % {"seconds": seconds}
