"""The header ``Idempotency-Key`` (draft-ietf-httpapi-idempotency-key-header). Knows no view."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from apikeys.services.idempotency import LONGEST_CREATION_ID

HEADER: Final = "Idempotency-Key"
# A string of a structured field (RFC 9651, section 3.3.3).
_QUOTED: Final = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')


def idempotency_key(request: Request) -> str | None:
    """Return the key of the request; None when it has none.

    The draft quotes it (``"abc"``), and many clients don't: both are the same key.

    Raises:
        ValidationError: it is no quoted string, or not 1 to 255 printable ASCII characters.
    """
    text = request.headers.get(HEADER)
    if text is None:
        return None
    key = text.strip(" \t")
    if key.startswith('"'):
        quoted = _QUOTED.fullmatch(key)
        if quoted is None:
            raise ValidationError({HEADER: _("A key in quotes ends with its quote.")})
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    if not 1 <= len(key) <= LONGEST_CREATION_ID or not (key.isascii() and key.isprintable()):
        message = _("Use 1 to %(longest)d printable ASCII characters.")
        raise ValidationError({HEADER: message % {"longest": LONGEST_CREATION_ID}})
    return key
