"""Access control for one request: headers in, a token or a refusal out. Knows no framework.

For code that none of the faces (DRF, Django views, ninja, ASGI) fits::

    access = check(Incoming.from_django(request), Endpoint(scopes="notes:read"))
    if not access.allowed:
        status, headers, body = answer(access)
    ...
    headers = finish(access, status)
"""

from apikeys.access.checking import acheck, check
from apikeys.access.endpoint import Endpoint, Undeclared
from apikeys.access.finishing import finish
from apikeys.access.incoming import Incoming
from apikeys.access.limiting import charge
from apikeys.access.problems import Answer, answer
from apikeys.access.state import Access
from apikeys.access.steps import authenticate, authorize, begin, refuse

__all__ = [
    "Access",
    "Answer",
    "Endpoint",
    "Incoming",
    "Undeclared",
    "acheck",
    "answer",
    "authenticate",
    "authorize",
    "begin",
    "charge",
    "check",
    "finish",
    "refuse",
]
