"""How documentation names the log-in of FastCMS; needs drf-spectacular."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class LoginScheme(OpenApiAuthenticationExtension):
    """The JWT of ``POST /api/v1/auth/login``."""

    target_class = "project.demo.fastcms.authentication.JWTAuthentication"
    name = "fastcmsLogin"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class NoScheme(OpenApiAuthenticationExtension):
    """The log-in itself asks for nothing."""

    target_class = "project.demo.fastcms.authentication.NobodyYet"
    name: list[str] = []

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return []

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, Any]]:
        return []
