"""Views of the management API."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.api.serializers import AccessTokenSerializer
from apikeys.authentication import AccessTokenAuthentication
from apikeys.permissions import HasScope


class AnyTokenAuthentication(AccessTokenAuthentication):
    """Tokens of every dialect, answered in the words of the default one."""

    any_dialect = True


class TokenSelfView(APIView):
    """``GET /access/v1/token``: what the presented token is. Needs no scope."""

    authentication_classes = (AnyTokenAuthentication,)
    permission_classes = (HasScope,)
    scopes_not_needed = True

    def get(self, request: Request) -> Response:
        token: Any = request.auth
        return Response(AccessTokenSerializer(token).data)
