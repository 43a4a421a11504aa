"""Whether a request brings a key, or only a Bearer text of another scheme.

``Bearer`` belongs to nobody (RFC 6750): a JWT comes by it as a key does. Whatever may be a key of
any dialect (``apikeys.recognition``) is taken for one, so that its secret is hidden and its failure
counted. No I/O; changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apikeys import dialects
from apikeys.credentials import carriers
from apikeys.credentials.carriers import Bearer
from apikeys.recognition import may_be_key


def carries_key(meta: Mapping[str, Any], dialect: str = "default") -> bool:
    """Whether a request brings what may be a key, good or bad.

    Args:
        meta: the headers by their CGI names.
        dialect: the dialect whose carriers are looked for.
    """
    found = carriers.peek(dialects.get(dialect).carriers_by_header, meta)
    if len(found) != 1:
        return bool(found)
    [(carrier, raw)] = found
    # An empty one is nobody's.
    return not isinstance(carrier, Bearer) or not raw or may_be_key(carrier, raw)
