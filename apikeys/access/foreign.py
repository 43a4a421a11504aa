"""Whether a request brings a key, or only a Bearer text of another scheme.

``Bearer`` belongs to nobody (RFC 6750): a JWT comes by it as a key does. Whatever may be a key of
any dialect, mistyped or wrapped in something, is taken for one, so that its secret is hidden and
its failure counted. No I/O; changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apikeys import dialects, pasted
from apikeys.credentials import carriers
from apikeys.credentials.carriers import Bearer
from apikeys.credentials.keys import MalformedCredentialError, parse_key


def carries_key(meta: Mapping[str, Any], dialect: str = "default") -> bool:
    """Whether a request brings what may be a key, good or bad.

    Args:
        meta: the headers by their CGI names.
        dialect: the dialect whose carriers are looked for.
    """
    found = carriers.take(dialects.get(dialect).carriers_by_header, dict(meta))
    if len(found) != 1:
        return bool(found)
    [(carrier, raw)] = found
    return not isinstance(carrier, Bearer) or _may_be_key(raw)


def _may_be_key(raw: bytes) -> bool:
    text = raw.decode("latin-1")
    folded = text.lower()
    for dialect in dialects.all_dialects().values():
        prefixes = dialect.accepted_prefixes
        if any(prefix and folded.startswith(f"{prefix}_".lower()) for prefix in prefixes):
            return True
        if "" in prefixes:
            try:
                parse_key(raw, prefixes=("",), shapes=dialect.accepted_key_shapes)
            except MalformedCredentialError:
                continue
            return True
    return not text or pasted.without_secrets(text, sure=True) != text
