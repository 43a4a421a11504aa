"""What a host may import: the modules at the top of the package, models and services.

A change of this list is a change of the interface, and belongs into the CHANGELOG.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from django.apps import apps

import apikeys

# What lies in these is ours, or is for Django to find.
ROOMS: Final = {
    "activity",
    "api",
    "credentials",
    "drf",
    "lookup",
    "openapi",
    "queries",
    "services",
    "verification",
    "apps",
    "checks",
    "management",
    "migrations",
}
OF_ROOMS: Final = {
    "openapi.operations",
    "openapi.schema",
    *(
        f"services.{name}"
        for name in (
            "actors",
            "audit",
            "credits",
            "errors",
            "exports",
            "invitations",
            "members",
            "organizations",
            "tokens",
            "workspaces",
        )
    ),
}

PUBLIC: Final[dict[str, list[str]]] = {
    "access": [
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
    ],
    "addresses": [
        "guarded",
        "hide",
        "lead_search",
        "lead_to",
        "search_by_post",
        "without_keys",
        "without_secrets",
    ],
    "admin": ["DeletesPeople"],
    "admin_search": ["SearchMixin"],
    "asgi": ["AccessTokenRequired", "with_lifespan"],
    "authentication": ["AccessTokenAuthentication", "LeavesAccessTokens"],
    "backends": ["SlowedMixin", "SlowedModelBackend"],
    "conf": ["Settings", "TrustedProxy", "UNIX", "UnixSocket", "get"],
    "credits": ["ChargesCredits", "charges_credits", "price"],
    "decorators": ["access_token_required", "note", "refusal_of"],
    "dialects": [
        "BASE62",
        "BY_PAGE",
        "Basic",
        "Bearer",
        "Carrier",
        "DefaultDialect",
        "Dialect",
        "EnvNames",
        "HEX",
        "Header",
        "JSON",
        "KeyShape",
        "PROBLEM_JSON",
        "Problem",
        "all_dialects",
        "get",
    ],
    "emails": ["canonical", "forms", "same", "with_domain_in_letters"],
    "endpoints": [
        "DeclaredLimit",
        "TokenEndpoint",
        "declared_limits",
        "drf_classes",
        "has_price",
        "token_endpoints",
    ],
    "exceptions": [
        "InsufficientCredits",
        "RETRY_WHEN_UNAVAILABLE",
        "Refused",
        "dialect_of",
        "exception_handler",
        "is_outage",
        "log_outage",
        "problem_for",
        "respond",
        "respond_outside",
        "retry_sentence",
        "unavailable",
    ],
    "guessing": ["account_digest", "ended", "proven", "wait_for_account", "wait_for_address"],
    "hiding": ["hide_keys_asgi", "hide_keys_wsgi"],
    "idempotency": ["idempotency_key"],
    "languages": ["speaking", "spoken", "status_phrase", "undeclared"],
    "limits": ["Charge", "Limit", "Limiter", "Per", "Verdict", "Window", "limiter"],
    "log_ins": [
        "changes_password",
        "confirmed",
        "confirming",
        "connect",
        "flush",
        "logged_in",
        "slowed",
    ],
    "logs": ["FewOfAKind", "NoTraceOfStrangers", "printable"],
    "middleware": ["AccessTokenMiddleware", "TrustedProxyMiddleware"],
    "models": [
        "AccessToken",
        "AuditEvent",
        "EpochPlace",
        "Invitation",
        "Membership",
        "Organization",
        "RefusalCounter",
        "SecretIssue",
        "UsageCounter",
        "Workspace",
    ],
    "networks": [
        "ParsedNetwork",
        "address_of",
        "client_address",
        "contains",
        "is_first_party",
        "is_foreign",
        "is_proxy",
        "is_secure",
        "is_unix",
        "is_within",
        "normalise_origin",
        "parse_network",
        "parse_networks",
    ],
    "ninja": ["AccessRefused", "AccessTokenAuth", "AsyncAccessTokenAuth", "install"],
    "openapi.operations": ["Operation", "RequestHeader", "listed", "nullable", "record"],
    "openapi.schema": ["AccessTokenSchema"],
    "parsers": ["BoundedJSONParser"],
    "pasted": ["Cut", "NoSecrets", "cut", "id_start", "is_token_id", "without_secrets"],
    "permissions": [
        "HasScope",
        "Undeclared",
        "WorkspaceScopedMixin",
        "anonymous_access",
        "any_of",
        "declaration",
        "declares",
        "requires_scopes",
    ],
    "postgresql": [],
    "principals": [
        "AccessTokenPrincipal",
        "anonymous",
        "service_account",
        "token",
        "token_of",
        "user_of",
    ],
    "pytest_plugin": [
        "apikeys_async_client",
        "apikeys_client",
        "apikeys_isolated",
        "apikeys_token",
    ],
    "reauthentication": [
        "TooManyAttemptsError",
        "WrongPasswordError",
        "confirm",
        "confirmed_at",
        "is_recent",
        "page_url",
        "stamp",
        "stamp_log_in",
    ],
    "recognition": ["may_be_key"],
    "refusals": ["Face", "Reason", "Refusal", "retry_sentence"],
    "restrictions": ["Face", "Facts", "Restriction"],
    "scopes": [
        "AnyOf",
        "any_of",
        "as_requirement",
        "expand",
        "is_narrower",
        "missing",
        "normalise",
        "validate_name",
    ],
    "seeding": ["LastUse", "RefusalKey", "UsageKey", "add_refusals", "add_uses", "write_last_use"],
    "scrubbing": [
        "before_send",
        "denylist",
        "elastic_apm_processor",
        "field_names",
        "header_names",
        "makes_no_secret",
        "scrub",
        "structlog_processor",
    ],
    "serializers": ["StrictSerializer"],
    "services.actors": ["Actor"],
    "services.audit": ["Action", "action_label", "record", "record_in_each"],
    "services.credits": ["balance", "give_back_credits", "grant_credits", "take_credits"],
    "services.errors": [
        "AlreadyIssued",
        "Conflict",
        "Invalid",
        "LostRace",
        "NotAllowed",
        "ServiceError",
    ],
    "services.exports": ["record_export"],
    "services.invitations": [
        "accept_invitation",
        "invite",
        "link_of",
        "read_link",
        "resend_invitation",
        "sign_up_and_accept",
        "withdraw_invitation",
    ],
    "services.members": [
        "add_member",
        "change_role",
        "end_with_its_row",
        "is_last_admin",
        "join",
        "known_people",
        "known_user",
        "leave_organization",
        "personal_tokens",
        "remove_from_all",
        "remove_member",
        "sent_invitations",
        "withdraw_unchecked",
    ],
    "services.organizations": [
        "create_organization",
        "rename_organization",
        "resume_organization",
        "suspend_organization",
        "update_policy",
    ],
    "services.tokens": [
        "IssuedToken",
        "JUST_ROTATED",
        "create_token",
        "disable_token",
        "enable_token",
        "end_overlap",
        "revoke_all",
        "revoke_own",
        "revoke_token",
        "revoke_tokens",
        "rotate_token",
        "update_token",
    ],
    "services.workspaces": [
        "archive_workspace",
        "create_workspace",
        "insert_workspace",
        "rename_workspace",
    ],
    "testing": [
        "APITokenClient",
        "AsyncTokenClient",
        "IsolatedMixin",
        "MadeToken",
        "State",
        "TokenClient",
        "isolated",
        "make_token",
        "rate_limited",
        "recorded_uses",
        "reset_limits",
        "token_client",
    ],
    "throttling": ["AccessTokenThrottle"],
    "typing": [
        "Access",
        "Face",
        "Facts",
        "OpenDRFRequest",
        "OpenRequest",
        "Requirement",
        "Restriction",
        "TokenDRFRequest",
        "TokenRequest",
    ],
    "urlconfs": [
        "INVITATION",
        "Included",
        "Place",
        "address_of",
        "address_of_path",
        "included",
        "link_to",
        "places",
        "script_prefix",
        "unreadable",
    ],
    "visible": ["compared", "has_something_visible", "normalized", "without_ignorable"],
}


def modules() -> list[str]:
    """Return the names of the public modules."""
    return sorted(
        ({found.name for found in pkgutil.iter_modules(apikeys.__path__)} - ROOMS) | OF_ROOMS
    )


def importable(names: Iterable[str]) -> list[str]:
    """Leave out what only a project with Django's admin can import."""
    has_admin = apps.is_installed("django.contrib.admin")
    return [name for name in names if name != "admin" or has_admin]


def names(module: str) -> list[str]:
    """Return what a module says is public, else what it defines without an underscore."""
    found = importlib.import_module(f"apikeys.{module}")
    if hasattr(found, "__all__"):
        return sorted(found.__all__)
    return sorted(
        name
        for name, value in vars(found).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == found.__name__
    )


def test_the_public_surface_is_this() -> None:
    assert modules() == sorted(PUBLIC)
    found = importable(PUBLIC)
    assert {module: names(module) for module in found} == {each: PUBLIC[each] for each in found}


def test_the_page_lists_the_same_modules() -> None:
    text = (Path(__file__).parents[2] / "docs" / "public-api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `apikeys\.([a-z_.]+)` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted(PUBLIC)


@pytest.mark.parametrize("module", importable(m for m in PUBLIC if m != "models"))
def test_every_public_module_says_what_it_is(module: str) -> None:
    found = importlib.import_module(f"apikeys.{module}")
    assert found.__doc__
    for name in PUBLIC[module]:
        value = getattr(found, name)
        if inspect.isfunction(value):
            assert value.__doc__, f"{module}.{name}"
