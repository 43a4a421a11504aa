"""What DRF says of a request that it can't take, in the language of our texts. No I/O.

Its sentences are made before we see them, in the active language: they are said anew. Some are
English whatever the language. What a host has written itself stays as it is.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy
from rest_framework.exceptions import APIException

from apikeys.languages import speaking, undeclared

# What DRF never translates.
_ENGLISH: Final = (
    ("JSON parse error - ", gettext_lazy("JSON parse error - %(reason)s")),
    ("Multipart form parse error - ", gettext_lazy("Multipart form parse error - %(reason)s")),
    ("CSRF Failed: ", gettext_lazy("CSRF Failed: %(reason)s")),
)


def in_our_language(exc: APIException) -> str:
    """Return the sentence of an exception of DRF's own.

    Args:
        exc: one whose class is DRF's and whose detail is one sentence.
    """
    said = str(exc.detail)
    for beginning, sentence in _ENGLISH:
        if said.startswith(beginning):
            return str(sentence) % {"reason": said.removeprefix(beginning)}
    if not undeclared():
        return said
    # Such as `Method "{method}" not allowed.`, with at most one place for a value.
    before, _brace, rest = str(exc.default_detail).partition("{")
    name, _brace, after = rest.partition("}")
    if not (said.startswith(before) and said.endswith(after)):
        return said
    value = said[len(before) : len(said) - len(after)]
    if value and not name:
        return said
    with speaking():
        return str(exc.default_detail).replace(f"{{{name}}}", value)
