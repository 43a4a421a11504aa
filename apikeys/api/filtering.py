"""Filters of the management API: declared fields only, and a mistyped one is a 400 that says so."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from apikeys.api.pagination import KeysetPagination
from apikeys.filters import TokenFilter

PAGING = {KeysetPagination.cursor_parameter, KeysetPagination.size_parameter}


class TokenListFilter(TokenFilter):
    """The dashboard's filters without its sorting: pages by cursor are always newest first."""

    ordering = None

    def filter_queryset(self, queryset: Any) -> Any:
        # A program sees every token unless it asks for some; a person's list begins with live ones.
        return super().filter_queryset(queryset) if self.choice("status") else self._all(queryset)

    def _all(self, queryset: Any) -> Any:
        for name, value in self.form.cleaned_data.items():
            queryset = self.filters[name].filter(queryset, value)
        return queryset


def refuse_repeated(request: Request) -> None:
    """Refuse a query parameter that is there twice: which one is meant?

    Raises:
        ValidationError: one is.
    """
    if repeated := sorted(n for n, values in request.query_params.lists() if len(values) > 1):
        raise ValidationError(dict.fromkeys(repeated, "Give this once."))


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc]  # untyped library
    """Refuse query parameters that no filter of the view declares, and repeated ones."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        declared = set(filterset_class.base_filters) if filterset_class else set()
        if unknown := sorted(set(request.query_params) - declared - PAGING):
            known = ", ".join(sorted(declared | PAGING))
            raise ValidationError(dict.fromkeys(unknown, f"Unknown filter. Known: {known}."))
        refuse_repeated(request)
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered
