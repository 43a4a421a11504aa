"""Who calls Fastly: a token in `Fastly-Key`, and a person's password only to make a token."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.request import Request

from apikeys.authentication import AccessTokenAuthentication
from project.demo.bodies import is_storable
from project.demo.fastly.serializers import DIALECT

_LONGEST = 8192


class FastlyAuthentication(AccessTokenAuthentication):
    """Tokens of Fastly."""

    dialect = DIALECT


class Password(NamedTuple):
    """A person's user name and password."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Password(***)"


def password_of(request: Request, *, username: str = "", password: str = "") -> Password:
    """Return user name and password from the form or from HTTP Basic (RFC 7617).

    Fastly's own client sends an empty Basic header when it has only a token; that counts as none.

    Args:
        request: the request.
        username: what the form says.
        password: what the form says.

    Raises:
        AuthenticationFailed: there are none, or they can't be read.
        ParseError: both places have some.
    """
    basic = _basic(request.META.get("HTTP_AUTHORIZATION", ""))
    form = Password(username, password)
    if any(basic) and any(form):
        raise ParseError("Send user name and password once: in the form or over HTTP Basic.")
    found = basic if any(basic) else form
    if not all(found):
        raise AuthenticationFailed
    return found


def _basic(header: str) -> Password:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return Password("", "")
    try:
        if len(value) > _LONGEST:
            raise ValueError
        text = base64.b64decode(value.strip(" "), validate=True).decode()
        if not is_storable(text):
            raise ValueError
    except (binascii.Error, ValueError):
        raise AuthenticationFailed from None
    username, _, password = text.partition(":")
    return Password(username, password)
