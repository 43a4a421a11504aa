"""What drf-spectacular (an extra) has to know of our classes, whoever inspects the view.

Loaded where that app is installed, so that a host's own document names our carriers, with the
stock inspector too and without our URLs. Imports no view: it is loaded while the project starts.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
)

from apikeys import dialects, permissions
from apikeys.authentication import AccessTokenAuthentication, LeavesAccessTokens
from apikeys.credentials.carriers import security_of
from apikeys.dialects import Dialect
from apikeys.drf.endpoints import is_opened
from apikeys.drf.functions import adopt

# A scheme belongs to a dialect and a carrier, and many classes may read it.
set_override(AccessTokenAuthentication, "suppress_collision_warning", True)
set_override(LeavesAccessTokens, "suppress_collision_warning", True)


class AccessTokenScheme(OpenApiAuthenticationExtension):
    """One security scheme for each carrier of the view's dialect; any one of them will do."""

    target_class = "apikeys.authentication.AccessTokenAuthentication"
    match_subclasses = True

    @property
    def name(self) -> list[str]:  # type: ignore[override]
        return [f"{self._dialect().name}{carrier.label}" for carrier in self._dialect().carriers]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        """Return the definition of each scheme."""
        return [security_of(carrier) for carrier in self._dialect().carriers]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """Return the schemes by which an operation is reached; none where no token gets in."""
        view, method = auto_schema.view, auto_schema.method
        adopt(type(view))
        declared = getattr(auto_schema, "declared", None)
        if declared is not None and declared.sessions_only:
            return []
        if not is_opened(view, method) or self._is_repeated(view):
            return []
        requirements: list[dict[str, list[Any]]] = [{name: []} for name in self.name]
        if permissions.anonymous_access(view, method):
            requirements.append({})
        return requirements

    def _is_repeated(self, view: Any) -> bool:
        """Whether another class of the same dialect has said so already."""
        ours = [each for each in view.get_authenticators() if _speaks(each, self._dialect())]
        return bool(ours) and type(ours[0]) is not type(self.target)

    def _dialect(self) -> Dialect:
        authenticator: Any = self.target
        return dialects.get(authenticator.dialect)


def _speaks(authenticator: Any, dialect: Dialect) -> bool:
    ours = isinstance(authenticator, AccessTokenAuthentication)
    return ours and dialects.get(authenticator.dialect) is dialect


class OtherScheme(OpenApiAuthenticationExtension):
    """A class that leaves keys to ours is documented as the class that it is made of."""

    target_class = "apikeys.authentication.LeavesAccessTokens"
    match_subclasses = True

    @property
    def name(self) -> Any:  # type: ignore[override]
        return _other(self.target).name

    def get_security_definition(self, auto_schema: Any) -> Any:
        """Return the definition of the other class."""
        return _other(self.target).get_security_definition(auto_schema)

    def get_security_requirement(self, auto_schema: Any) -> Any:
        """Return the requirement of the other class."""
        return _other(self.target).get_security_requirement(auto_schema)

    @classmethod
    def _matches(cls, target: Any) -> bool:
        # Where nothing is known of the other class, spectacular warns of that, as of any.
        return super()._matches(target) and _other(target) is not None


def _other(authenticator: Any) -> Any:
    """Return what spectacular knows of the class beside ``LeavesAccessTokens``, or None."""
    for base in type(authenticator).__mro__:
        if not issubclass(base, LeavesAccessTokens) and hasattr(base, "authenticate"):
            found: Any = OpenApiAuthenticationExtension.get_match(base)
            if found is not None:
                return found
    return None


class StrictInput(OpenApiSerializerExtension):
    """Input that refuses fields it does not know says so."""

    target_class = "apikeys.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the schema of the serializer."""
        mapped = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**mapped, "additionalProperties": False}
