"""Pages by keyset: newest first, a bounded size, a cursor that names the last row seen.

A page costs the same wherever it lies, and rows that come in meanwhile shift nothing. The cursor
holds a time and a public name, never a primary key.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any, Final

from django.core.exceptions import ValidationError as FieldError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

LARGEST_PAGE: Final = 100
PAGE: Final = 25


class KeysetPagination(BasePagination):
    """``?cursor=`` and ``?page_size=``; answers ``{"next": url or null, "results": [...]}``.

    A view may set ``keyset_tie`` to the unique public field that orders rows of the same moment.
    """

    cursor_parameter = "cursor"
    size_parameter = "page_size"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.tie = getattr(view, "keyset_tie", "public_id")
        size = self._size(request)
        cursor = request.query_params.get(self.cursor_parameter)
        if cursor is not None:
            queryset = self._after(queryset, cursor)
        rows = list(queryset.order_by("-created_at", f"-{self.tie}")[: size + 1])
        self.last = rows[size - 1] if len(rows) > size else None
        return rows[:size]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next_link(), "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        from apikeys.openapi.versions import in_version  # needs an extra, which alone asks for it

        following = {
            "type": ["string", "null"],
            "format": "uri",
            "description": "The next page; null on the last one.",
        }
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": in_version(following), "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": self.cursor_parameter,
                "in": "query",
                "required": False,
                "description": "Where to go on; taken from `next`.",
                "schema": {"type": "string"},
            },
            {
                "name": self.size_parameter,
                "in": "query",
                "required": False,
                "description": "Rows on a page.",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": LARGEST_PAGE,
                    "default": PAGE,
                },
            },
        ]

    def _size(self, request: Request) -> int:
        text = request.query_params.get(self.size_parameter)
        if text is None:
            return PAGE
        if not (
            text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= LARGEST_PAGE
        ):
            message = _("Give a whole number from 1 to %(largest)d.") % {"largest": LARGEST_PAGE}
            raise ValidationError({self.size_parameter: message})
        return int(text)

    def _after(self, queryset: QuerySet[Any], cursor: str) -> QuerySet[Any]:
        try:
            text = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii")
            moment, _blank, name = text.partition(" ")
            created_at = datetime.fromisoformat(moment)
            if created_at.tzinfo is None or not name.isprintable():
                raise ValueError
            created_at = created_at.astimezone(UTC)
            name = queryset.model._meta.get_field(self.tie).to_python(name)
            if not name:
                raise ValueError
        except (ValueError, binascii.Error, UnicodeError, OverflowError, FieldError):
            raise ValidationError(
                {self.cursor_parameter: _("This is no cursor; take it from `next`.")}
            ) from None
        older = Q(created_at__lt=created_at)
        return queryset.filter(older | Q(created_at=created_at, **{f"{self.tie}__lt": name}))

    def _next_link(self) -> str | None:
        if self.last is None:
            return None
        text = f"{self.last.created_at.isoformat()} {getattr(self.last, self.tie)}"
        cursor = base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii")
        return replace_query_param(self.request.build_absolute_uri(), self.cursor_parameter, cursor)
