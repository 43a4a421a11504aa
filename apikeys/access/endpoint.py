"""What an endpoint asks of those who call it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypedDict, Unpack, cast

from django.utils.translation import gettext as _

from apikeys.limits import Limit
from apikeys.scopes import Requirement, as_requirement

Anonymous = Literal["first_party", "everyone"]
"""Whom an endpoint answers without a credential.

``first_party``: requests that say a page of our own made them. That proves nothing, since any
program can say so: it is a tier for everyone behind a limit per address
(``Limit(..., per="address", on="anonymous")``). ``everyone``: all.
"""


class Asking(TypedDict, total=False):
    """What an endpoint may say besides its scopes; see ``Endpoint``."""

    limits: Sequence[Limit]
    kind: str
    anonymous: Anonymous | None
    dialect: str
    any_dialect: bool


class Undeclared(Exception):  # noqa: N818 - a verdict about an endpoint
    """The endpoint does not say which scopes it needs, or does not make them mandatory.

    Args:
        verdict: what is wrong.
        hint: what to write, where that is not just what is missing.
    """

    def __init__(self, verdict: str, hint: str = "") -> None:
        super().__init__(verdict)
        self.hint = hint


class Unforeseen(Undeclared):
    """What the endpoint asks depends on the request, and there is none."""


class MethodNotAllowed(Exception):  # noqa: N818 - an answer
    """The endpoint says its scopes by method, and not for this one.

    Args:
        method: of the request.
        allowed: those that it answers to.
    """

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(_('Method "%(method)s" not allowed.') % {"method": method})
        self.allowed = allowed


class Asked(Protocol):
    """What the steps of access ask an endpoint; a DRF view answers from what it declares."""

    @property
    def limits(self) -> Sequence[Limit]:
        """The limits that a request may be counted on."""

    def scopes_for(self, method: str) -> Requirement | None:
        """Return the scopes that a method needs; None for a token and no scope.

        Raises:
            Undeclared: that is not said.
            MethodNotAllowed: the endpoint does not answer to it.
        """

    def anonymous_for(self, method: str) -> str | None:
        """Return whom a method answers without a credential, see ``Anonymous``."""

    def kind_for(self, method: str) -> str:
        """Return the kind of request, for the limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What an endpoint says for itself.

    Attributes:
        scopes: the scopes that a token needs: a name, a set of names that are all needed, an
            ``any_of(...)``, or one of these for each HTTP method. None: a token, and no scope.
        anonymous: whom it answers without a credential; None for nobody.
        limits: the limits that its requests are counted on.
        kind: the kind of its requests, for the limits; by default ``read`` or ``write`` by method.
        dialect: the dialect whose carriers are read and whose words are spoken.
        any_dialect: accept tokens of every dialect, on the carriers of this one.

    Raises:
        ValueError: a scope is misspelt, or none is named where one must be.
    """

    scopes: Any = None
    anonymous: Anonymous | None = None
    limits: Sequence[Limit] = ()
    kind: str = ""
    dialect: str = "default"
    any_dialect: bool = False

    @classmethod
    def of(cls, *scopes: Any, **asked: Unpack[Asking]) -> Endpoint:
        """Return the endpoint that says this.

        Args:
            scopes: names that are all needed, or one ``any_of(...)``, or one mapping of HTTP
                method to either. None at all: a token, and no scope.
            asked: limits, kind, anonymous, dialect and any_dialect, as the attributes.

        Raises:
            ValueError: a scope is misspelt, or something else can't be meant.
        """
        if any(callable(each) for each in scopes):
            raise ValueError("Write @access_token_required() with parentheses.")
        if None in scopes:
            raise ValueError("None is no scope: leave it out where any token will do.")
        wanted: Any = frozenset(map(str, scopes)) or None
        return cls(scopes=scopes[0] if len(scopes) == 1 else wanted, **asked)

    def __post_init__(self) -> None:
        scopes: Any = self.scopes
        if isinstance(scopes, Mapping):
            if not scopes:
                raise ValueError("scopes={}: name at least one method with its scopes.")
            scopes = {method.upper(): as_requirement(each) for method, each in scopes.items()}
        elif scopes is not None:
            scopes = as_requirement(scopes)
        if self.anonymous not in (None, "first_party", "everyone"):
            raise ValueError(
                f"anonymous={self.anonymous!r}: write 'first_party' or 'everyone', or leave it out."
            )
        if isinstance(self.limits, Limit) or not all(isinstance(x, Limit) for x in self.limits):
            raise ValueError(f"limits={self.limits!r}: write a list of Limit('1000/hour').")
        object.__setattr__(self, "scopes", scopes)
        object.__setattr__(self, "limits", tuple(self.limits))

    def scopes_for(self, method: str) -> Requirement | None:
        """Return the scopes that a method needs; None for a token and no scope.

        ``OPTIONS`` is a method like others: a function may do anything in answer to it.
        """
        if self.scopes is None:
            return None
        if not isinstance(self.scopes, Mapping):
            return cast(Requirement, self.scopes)
        wanted: Requirement | None = self.scopes.get(method)
        if wanted is None and method == "HEAD":
            wanted = self.scopes.get("GET")
        if wanted is None:
            raise MethodNotAllowed(method, tuple(self.scopes))
        return wanted

    def anonymous_for(self, method: str) -> str | None:
        """Return whom a method answers without a credential."""
        return self.anonymous

    def kind_for(self, method: str) -> str:
        """Return the kind of request, for the limits."""
        return self.kind or ("read" if method in ("GET", "HEAD") else "write")
