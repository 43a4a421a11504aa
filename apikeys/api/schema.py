"""The OpenAPI face of views that take access tokens, on drf-spectacular (an extra).

What a view declares for itself (scopes, cost, limits, carriers of its dialect) is read from the
view, so the documentation can't say anything else. Errors are described by letting the dialect
render one of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from apikeys import dialects, permissions
from apikeys.api.operations import Operation
from apikeys.carriers import Basic, Bearer, Header
from apikeys.dialects import Dialect, Problem
from apikeys.scopes import AnyOf, Requirement

EVERY_VIEW: Final = (400, 401, 403, 429, 500, 503)
_DETAILS: Final = {
    400: ("request.invalid", "name: This field is required."),
    401: ("api_key.missing", "An API key is required."),
    402: ("entitlements.insufficient_credits", "Insufficient credits. Required: 5, Available: 2"),
    403: ("scope.insufficient", "This API key does not have the required scope: notes:write."),
    404: ("not_found", "There is nothing here that you can see."),
    406: ("not_acceptable", "Could not satisfy the request Accept header."),
    409: ("token.revoked", "This token is revoked, for ever."),
    413: ("request.too_large", "The request is too large."),
    415: ("unsupported_media_type", "Unsupported media type in request."),
    422: ("request.invalid", "name: This field is required."),
    429: ("rate_limit.exceeded", "Too many requests. Retry after 12 seconds."),
    500: ("server.error", "Something went wrong on our side."),
    503: ("service.unavailable", "Try again in a moment."),
}


def dialect_of(view: Any) -> Dialect | None:
    """Return the dialect of a view; None when its first authenticator is not ours."""
    authenticators = view.get_authenticators()
    name = getattr(authenticators[0], "dialect", None) if authenticators else None
    return dialects.get(name) if isinstance(name, str) else None


class AccessTokenScheme(OpenApiAuthenticationExtension):
    """One security scheme for each carrier of the view's dialect; any one of them will do."""

    target_class = "apikeys.authentication.AccessTokenAuthentication"
    match_subclasses = True

    @property
    def name(self) -> list[str]:  # type: ignore[override]
        return [f"{self._dialect().name}{carrier.label}" for carrier in self._dialect().carriers]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return [_security(carrier) for carrier in self._dialect().carriers]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        requirements: list[dict[str, list[Any]]] = [{name: []} for name in self.name]
        if getattr(auto_schema.view, "anonymous_access", None):
            requirements.append({})
        return requirements

    def _dialect(self) -> Dialect:
        authenticator: Any = self.target
        return dialects.get(authenticator.dialect)


def _security(carrier: Any) -> dict[str, Any]:
    match carrier:
        case Header():
            return {"type": "apiKey", "in": "header", "name": carrier.name}
        case Bearer():
            return {"type": "http", "scheme": "bearer"}
        case Basic():
            description = "Token id as user name, secret as password."
            return {"type": "http", "scheme": "basic", "description": description}
    return {"type": "apiKey", "in": "header", "name": carrier.label}


class AccessTokenSchema(AutoSchema):
    """Documents a view from what it declares; use it as ``DEFAULT_SCHEMA_CLASS``."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        dialect = dialect_of(self.view)
        if operation is None or dialect is None:
            return operation
        facts = dict(_facts(self.view, self.method))
        lines = [operation.get("description", ""), *_sentences(facts)]
        operation["description"] = "\n\n".join(line for line in lines if line)
        operation.update({f"x-{name}": value for name, value in facts.items()})
        self._add_errors(operation, dialect)
        return operation

    def get_request_serializer(self) -> Any:
        declared = self._declared()
        return super().get_request_serializer() if declared is None else declared.request

    def get_response_serializers(self) -> Any:
        declared = self._declared()
        if declared is None:
            return super().get_response_serializers()
        response: Any = declared.response
        if response is None:
            response = OpenApiResponse(description="Done; no body.")
        elif declared.many:
            response = response(many=True)
        elif declared.media_type:
            return {(declared.status, declared.media_type): response}
        return {declared.status: response}

    def get_override_parameters(self) -> list[Any]:
        declared = self._declared()
        headers = declared.headers if declared else ()
        return [
            OpenApiParameter(name, str, OpenApiParameter.HEADER, description=text)
            for name, text in headers
        ]

    def _declared(self) -> Operation | None:
        operations = getattr(self.view, "operations", {})
        key = getattr(self.view, "action", None) or self.method.lower()
        found: Operation | None = operations.get(key)
        return found

    def _add_errors(self, operation: dict[str, Any], dialect: Dialect) -> None:
        declared = self._declared()
        statuses = {*EVERY_VIEW, 406, *(declared.errors if declared else ())}
        statuses |= {404} if "{" in self.path else set()
        statuses |= {402} if getattr(self.view, "cost", None) else set()
        if operation.get("requestBody"):
            statuses |= {413, 415, dialect.validation_status}
        component = ResolvedComponent(
            name=f"{dialect.name.title().replace('-', '').replace('_', '')}Error",
            type=ResolvedComponent.SCHEMA,
            object=type(dialect),
            schema=_error_schema(dialect),
        )
        self.registry.register_on_missing(component)
        for status in sorted(statuses):
            operation["responses"].setdefault(str(status), _error(dialect, status, component))


def _facts(view: Any, method: str) -> Iterator[tuple[str, Any]]:
    try:
        requirement = permissions.declaration(view, method)
    except permissions.Undeclared:
        requirement = None
    if requirement is not None:
        yield "required-scopes", _scopes(requirement)
    if cost := getattr(view, "cost", None):
        yield "cost", cost
    if limits := getattr(view, "limits", None):
        yield "limits", [f"{limit.rate} per {limit.per} ({limit.on})" for limit in limits]


def _scopes(requirement: Requirement) -> dict[str, list[str]]:
    if isinstance(requirement, AnyOf):
        return {"anyOf": sorted(requirement.names)}
    return {"allOf": sorted(requirement)}


def _sentences(facts: dict[str, Any]) -> Iterator[str]:
    if (scopes := facts.get("required-scopes")) is not None:
        word = " or " if "anyOf" in scopes else ", "
        names = word.join(f"`{name}`" for names in scopes.values() for name in names)
        yield f"Scopes: {names}."
    if (cost := facts.get("cost")) is not None:
        yield f"Costs {cost} credits."
    if limits := facts.get("limits"):
        yield f"Limits: {', '.join(limits)}."


def _example(dialect: Dialect, status: int) -> tuple[Any, str]:
    code, detail = _DETAILS[status]
    extra = {"retry_after": 12} if status == 429 else {}
    return dialect.render(Problem(status=status, code=code, detail=detail, extra=extra))


def _error(dialect: Dialect, status: int, component: ResolvedComponent) -> dict[str, Any]:
    example, media_type = _example(dialect, status)
    content = {media_type: {"schema": component.ref, "example": example}}
    response: dict[str, Any] = {
        "description": Problem(status=status, code="", detail="").title,
        "content": content,
    }
    if status == 401:
        response["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    elif status in (429, 503):
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return response


def _error_schema(dialect: Dialect) -> dict[str, Any]:
    """Describe the dialect's errors from one of each status."""
    examples = [_example(dialect, status)[0] for status in _DETAILS]
    properties: dict[str, Any] = {}
    for example in examples:
        for name, value in example.items():
            properties.setdefault(name, _described(value))
    required = [name for name in properties if all(name in example for example in examples)]
    return {"type": "object", "properties": properties, "required": required}


def _described(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case str():
            return {"type": "string"}
        case dict():
            described = {name: _described(item) for name, item in value.items()}
            return {"type": "object", **({"properties": described} if described else {})}
    return {}


class DialectSchemaGenerator(SchemaGenerator):
    """One schema for the views of one dialect.

    Args:
        dialect: its name; views whose first authenticator speaks another one are left out.
        prefix: only paths below this one.
        without: no paths below this one.
    """

    def __init__(
        self, *args: Any, dialect: str, prefix: str = "/", without: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.dialect, self.prefix, self.without = dialect, prefix, without

    def _get_paths_and_endpoints(self) -> list[Any]:
        found = []
        for path, path_regex, method, view in super()._get_paths_and_endpoints():
            speaks = dialect_of(view)
            if speaks is None or speaks.name != self.dialect or not path.startswith(self.prefix):
                continue
            if self.without and path.startswith(self.without):
                continue
            found.append((path, path_regex, method, view))
        return found
