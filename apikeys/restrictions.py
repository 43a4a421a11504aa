"""An API's own rules of when and from where a key may be used.

A dialect lists them as ``restrictions``. They are asked on every request, after the library's own
rules, and only of a key that is proven and could be used otherwise::

    class OfficeHours:
        def objection(self, token, facts):
            if 8 <= timezone.localtime().hour < 18:
                return None
            return Face(403, "hours.closed", "This API key works from 8 to 18 o'clock.")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from apikeys.refusals import Face

__all__ = ["Face", "Facts", "Restriction"]


@dataclass(slots=True)
class Facts:
    """What is known about a request besides its credential.

    Attributes:
        address: the client's address; None when it can't be known.
        secure: it came over TLS.
        foreign_origin: a browser page of another site sent it.
        method: the HTTP method.
        meta: the headers by their CGI names, without the secret. What a client can send proves
            nothing; what a proxy sets, such as the result of a client certificate, only where
            nothing reaches the server past that proxy.
    """

    address: str | None
    secure: bool
    foreign_origin: bool
    method: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Restriction(Protocol):
    """A rule. Its instance serves every request of the process, so it keeps nothing of one."""

    def objection(self, token: Any, facts: Facts) -> Face | None:
        """Return why a key may not be used by this request, or None.

        What it raises is a fault: the request is answered with 500, and not let in.

        Args:
            token: the proven ``AccessToken``.
            facts: the request.

        Returns:
            A status of 400 to 499 other than 401, a stable code of the API's own and a sentence
            that says what to do. The caller gets it in the words of the dialect.
        """
