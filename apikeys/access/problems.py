"""Refusals, service errors, outages and Django's own exceptions as problems, and as answers.

A ``Problem`` is what went wrong, before the dialect puts it into its words. What a framework adds
of its own (DRF's exceptions) stands in its face.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.serializers.json import DjangoJSONEncoder
from django.http import Http404, UnreadablePostError
from django.utils.translation import gettext as _

from apikeys import pasted
from apikeys.access.caching import NO_STORE
from apikeys.access.outages import is_outage, log_outage
from apikeys.access.state import Access
from apikeys.dialects import Dialect, Problem
from apikeys.languages import undeclared
from apikeys.refusals import FACES, Reason, Refusal
from apikeys.services.errors import Conflict, Invalid, NotAllowed, ServiceError

logger = logging.getLogger("apikeys.requests")

RETRY_WHEN_UNAVAILABLE: Final = 5
_LONGEST_REPEATED: Final = 500
_LONGEST_DETAIL: Final = 2_000
_MOST_FIELDS: Final = 100


class Answer(NamedTuple):
    """An HTTP answer, before a framework has made its own of it."""

    status: int
    headers: dict[str, str]
    body: bytes


def problem_of(exc: BaseException, dialect: Dialect) -> Problem | None:
    """Return the problem an exception stands for; None when it is a fault of the code."""
    match exc:
        case Refusal(reason=Reason.MISSING):
            return missing(dialect)
        case Refusal():
            return problem(exc.face.status, exc.face.code, str(exc.detail), exc.extra)
        case Invalid():
            fields = {exc.field: exc.message} if exc.field else {}
            return problem(dialect.validation_status, exc.code, exc.message, exc.extra, fields)
        case NotAllowed():
            return problem(403, exc.code, exc.message, exc.extra)
        case Conflict() | ServiceError():
            return problem(409, exc.code, exc.message, exc.extra)
        case Http404():
            return not_found()
        case RequestDataTooBig():
            return problem(413, "request.too_large", _("The request is too large."))
        case PermissionDenied():
            return problem(403, "permission.denied", _("You may not do this."))
        case SuspiciousOperation() | BadRequest() | UnreadablePostError():
            logger.warning("bad request: %s", type(exc).__name__)
            return problem(400, "request.invalid", _("The request can't be understood."))
        case Exception() if is_outage(exc):
            log_outage(exc)
            extra = {"retry_after": RETRY_WHEN_UNAVAILABLE}
            return problem(503, "service.unavailable", _("Try again in a moment."), extra)
    return None


def problem(
    status: int,
    code: str,
    detail: str,
    extra: Mapping[str, Any] | None = None,
    fields: Mapping[str, str] | None = None,
) -> Problem:
    """Return a problem; the arguments are those of ``Problem``."""
    return Problem(status=status, code=code, detail=detail, extra=extra or {}, fields=fields or {})


def missing(dialect: Dialect) -> Problem:
    """Return the problem of a request without a key, which says which headers can bring one.

    Often there is a key, behind a word (``Token``, ``Api-Key``) that is another library's.
    """
    face = FACES[Reason.MISSING]
    return problem(face.status, face.code, str(face.detail), {"headers": list(dialect.key_headers)})


def not_found() -> Problem:
    """Return the problem of what is not there, or not for this caller."""
    return problem(404, "not_found", _("There is nothing here that you can see."))


def make_sendable(found: Problem) -> None:
    """Change a problem so that it can be sent: it may repeat what came in.

    That may be half a character, a key in the place of another value, or text without an end.
    """

    def whole(text: str, longest: int = _LONGEST_REPEATED) -> str:
        text = text[:longest].encode("utf-8", "backslashreplace").decode("utf-8")
        return pasted.without_secrets(text)

    if found.fields or not found.detail.isascii():
        found.detail = whole(found.detail, _LONGEST_DETAIL)
    if found.fields:
        few = islice(found.fields.items(), _MOST_FIELDS)
        found.fields = {whole(name): whole(text) for name, text in few}


def headers_of(
    found: Problem, dialect: Dialect, *, browser: bool, ours: bool = True
) -> dict[str, str]:
    """Return the headers that a problem's status asks for.

    Args:
        found: the problem.
        dialect: whose challenge it is.
        browser: a browser page sent the request, which gets no challenge that opens a password box.
        ours: its words are ours, and maybe in another language than the active one.
    """
    headers = {"Cache-Control": NO_STORE}
    if found.status == 401:
        headers["WWW-Authenticate"] = dialect.www_authenticate[browser]
    if found.allowed:
        headers["Allow"] = ", ".join(found.allowed)
    if (seconds := found.extra.get("retry_after")) is not None:
        headers["Retry-After"] = str(seconds)
    if ours and (language := undeclared()):
        headers["Content-Language"] = language
    return headers


def complete(access: Access, status: int, headers: Any) -> None:
    """Add what a refusal has to say in its headers, where others have worded it and left it out.

    Args:
        access: of the request.
        status: of the answer.
        headers: of the answer, which are changed.
    """
    if status == 401:  # RFC 9110, section 11.6.1
        headers.setdefault("WWW-Authenticate", access.dialect.www_authenticate[access.browser])
    elif status == 429 and access.wait is not None:
        headers.setdefault("Retry-After", str(access.wait))


def answer(access: Access) -> Answer:
    """Return what the caller is told, in the words of the dialect, where ``check`` let nobody in.

    Raises:
        ValueError: the request is allowed.
    """
    found = access.problem
    if found is None:
        raise ValueError("The request is allowed.")
    make_sendable(found)
    found.asked_host = partial(_host, access)
    body, content_type = access.dialect.render(found)
    headers = headers_of(found, access.dialect, browser=access.browser)
    return Answer(found.status, {"Content-Type": content_type, **headers}, encode(body))


def encode(body: Any) -> bytes:
    """Return JSON as every face sends it."""
    text = json.dumps(body, cls=DjangoJSONEncoder, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def _host(access: Access) -> str:
    try:
        return access.incoming.host()
    except DisallowedHost:
        return ""
