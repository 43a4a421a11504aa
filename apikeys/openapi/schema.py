"""The OpenAPI face of views that take access tokens, on drf-spectacular (an extra).

What a view declares for itself (scopes, cost, limits, carriers of its dialect) is read from the
view, so the documentation can't say anything else. Errors are described by letting the dialect
render one of each.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from apikeys import credits, permissions
from apikeys.dialects import Dialect
from apikeys.drf.callbacks import first_spoken
from apikeys.drf.endpoints import ViewEndpoint, is_opened
from apikeys.drf.functions import adopt
from apikeys.endpoints import token_endpoints
from apikeys.limits import Limit
from apikeys.openapi import security as _security  # noqa: F401 - it registers
from apikeys.openapi.errors import EVERY_VIEW, error_response, error_schema
from apikeys.openapi.facts import limit_text, scopes_of, sentences, title_of
from apikeys.openapi.operations import Operation
from apikeys.openapi.plain import add_plain
from apikeys.openapi.versions import in_version
from apikeys.urlconfs import Place, places

__all__ = ["AccessTokenSchema"]

# What an action does, as part of its operation's id.
_WORDS: Final = {
    "retrieve": "read",
    "get": "read",
    "post": "create",
    "put": "replace",
    "update": "replace",
    "patch": "update",
    "partial_update": "update",
    "destroy": "delete",
}


def dialect_of(view: Any) -> Dialect | None:
    """Return the dialect of a view; None when its first authenticator is not ours."""
    adopt(type(view))
    return first_spoken(view.get_authenticators())


class AccessTokenSchema(AutoSchema):
    """Documents a view from what it declares; use it as ``DEFAULT_SCHEMA_CLASS``."""

    @property
    def declared(self) -> Operation | None:
        """What the view says of this operation."""
        operations = getattr(self.view, "operations", {})
        found: Operation | None = operations.get(self._action())
        return found

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        dialect = dialect_of(self.view)
        if operation is None or dialect is None:
            return operation
        facts = dict(self._facts())
        said = self._said()
        named = operation["operationId"].replace("_", " ").capitalize()
        operation["summary"] = " ".join(said.partition("\n\n")[0].split()).rstrip(".") or named
        operation["description"] = "\n\n".join(line for line in (said, *sentences(facts)) if line)
        operation.update({f"x-{name}": value for name, value in facts.items()})
        if self.declared is not None and self.declared.example is not None:
            for content in operation["requestBody"]["content"].values():
                content["example"] = self.declared.example
        self._add_errors(operation, dialect)
        return dict(in_version(operation))

    def get_operation_id(self) -> str:
        if self.declared is not None and self.declared.name:
            return self.declared.name
        filed = getattr(self.view, "documented_as", None)
        if filed is None:
            return super().get_operation_id()
        action = self._action()
        return f"{filed}_{_WORDS.get(action, action)}".replace("-", "_")

    def get_tags(self) -> list[str]:
        filed = getattr(self.view, "documented_as", None)
        return [filed] if filed is not None else super().get_tags()

    def get_request_serializer(self) -> Any:
        if self.declared is None:
            return super().get_request_serializer()
        if self.declared.body_type:
            return {self.declared.body_type: self.declared.request}
        return self.declared.request

    def get_response_serializers(self) -> Any:
        declared = self.declared
        if declared is None:
            return super().get_response_serializers()
        response: Any = declared.response
        if response is None:
            response = OpenApiResponse(description="Done; no body.")
        elif declared.many:
            response = response(many=True)
        elif declared.media_type:
            return {(declared.status, declared.media_type): dict(response)}
        return {declared.status: response}

    def get_override_parameters(self) -> list[Any]:
        if self.declared is None:
            return list(super().get_override_parameters())
        query = [self.declared.query] if self.declared.query is not None else []
        return query + [
            OpenApiParameter(
                header.name,
                dict(header.shape),
                OpenApiParameter.HEADER,
                description=header.description,
            )
            for header in self.declared.headers
        ]

    def _said(self) -> str:
        """Return the docstring of the handler itself; what it inherits is about something else."""
        handler = getattr(self.view, self._action(), None)
        if handler is None or handler.__name__ not in vars(type(self.view)):
            return ""
        return inspect.getdoc(handler) or ""

    def _action(self) -> str:
        return str(getattr(self.view, "action", None) or self.method.lower())

    def _is_list_view(self, serializer: Any = None) -> bool:
        declared = self.declared
        if declared is not None:
            return declared.many
        return bool(super()._is_list_view(serializer))

    def _add_errors(self, operation: dict[str, Any], dialect: Dialect) -> None:
        declared = self.declared
        statuses = {*EVERY_VIEW, *(declared.errors if declared else ())}
        statuses |= {404} if "{" in self.path else set()
        statuses |= {402} if credits.price(self.view, self.method) else set()
        # Views that answer in one form only ask nobody what they accept.
        statuses |= set() if getattr(self.view, "accepts_any", False) else {406}
        if operation.get("requestBody"):
            statuses |= {413, 415, dialect.validation_status}
        for status in sorted(statuses):
            response = self._shared(
                f"{title_of(dialect)}Error{status}",
                ResolvedComponent.RESPONSE,
                error_response(dialect, status, self._error_schema(dialect)),
            )
            operation["responses"].setdefault(str(status), response)

    def _error_schema(self, dialect: Dialect) -> dict[str, Any]:
        name = f"{title_of(dialect)}Error"
        return self._shared(name, ResolvedComponent.SCHEMA, error_schema(dialect))

    def _shared(self, name: str, kind: Any, content: dict[str, Any]) -> dict[str, Any]:
        component = ResolvedComponent(name=name, type=kind, object=name, schema=in_version(content))
        self.registry.register_on_missing(component)
        reference: dict[str, Any] = component.ref
        return reference

    def _facts(self) -> Iterator[tuple[str, Any]]:
        view, method = self.view, self.method
        if self.declared is not None and self.declared.sessions_only:
            yield "sessions-only", True
        else:
            try:
                requirement = permissions.declaration(view, method)
            except Exception:  # not said, or worked out from more of a request than there is here
                requirement = None
            if requirement is not None:
                yield "required-scopes", scopes_of(requirement)
        if self.declared is not None and self.declared.ends_caller:
            yield "ends-caller", True
        if cost := credits.price(view, method):
            yield "cost", cost
        kind = ViewEndpoint(view).kind_for(method)
        declared: Iterable[Limit] = getattr(view, "limits", None) or ()
        if limits := [each for each in declared if each.on == "anonymous" or each.applies_to(kind)]:
            yield "limits", [limit_text(each) for each in limits]


def _inspector(present: Any) -> AutoSchema:
    """Return ours in the place of a view's inspector; what the host's own adds to it stays."""
    if isinstance(present, AccessTokenSchema):
        return present
    own = present.__class__  # DRF hands out a proxy, which says the class of what it stands for
    if not issubclass(own, AutoSchema) or own is AutoSchema:
        return AccessTokenSchema()
    both = type(own.__name__, (AccessTokenSchema, own), {})
    made: AutoSchema = both()
    return made


class DialectSchemaGenerator(SchemaGenerator):
    """One schema for the views of one dialect.

    Args:
        dialect: its name; views whose first authenticator speaks another one are left out.
        among: the URLconfs to look into; all that the project has by default.
        management: the path below which those of the management API are shown, and no others; with
            None they alone are left out.
        language: that of paths which begin with one; the present one by default.
    """

    def __init__(
        self,
        *args: Any,
        dialect: str,
        among: Iterable[Place] | None = None,
        management: str | None = None,
        language: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.language = language or translation.get_language()
        self.dialect, self.management = dialect, management
        self.among = places() if among is None else tuple(among)
        self.bases: dict[str, str] = {}

    def parse(self, input_request: Any, public: bool) -> dict[str, Any]:
        """Return the paths of all URLconfs; those of the first win where two are the same."""
        found: dict[str, Any] = {}
        for place in self.among:
            self.endpoints, self.urlconf = None, place.urlconf
            for path, item in super().parse(input_request, public).items():
                self.bases.setdefault(path, place.base)
                found[path] = {**item, **found.get(path, {})}
        return found

    def _initialise_endpoints(self) -> None:
        with translation.override(self.language):
            super()._initialise_endpoints()

    def _get_paths_and_endpoints(self) -> list[Any]:
        found = []
        for path, path_regex, method, view in super()._get_paths_and_endpoints():
            speaks = dialect_of(view)
            if speaks is None or speaks.name != self.dialect or not self._shows(path, view):
                continue
            if not is_opened(view, method):
                continue
            view.schema = _inspector(view.schema)
            found.append((path, path_regex, method, view))
        return found

    def get_schema(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the document, with the endpoints that are no DRF view."""
        document: dict[str, Any] = super().get_schema(*args, **kwargs)
        for path, item in document["paths"].items():
            if base := self.bases.get(path):
                item["servers"] = [{"url": base}]
        if self.management is None:
            with translation.override(self.language):
                endpoints = list(token_endpoints())
            add_plain(document, self.dialect, endpoints)
        return document

    def _shows(self, path: str, view: Any) -> bool:
        is_ours = type(view).__module__.startswith("apikeys.api.")
        if self.management is None:
            return not is_ours
        return is_ours and path.startswith(self.management)
