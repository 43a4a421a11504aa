"""Filters of the management API: declared fields only, and a mistyped one is a 400 that says so."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from apikeys.api.pagination import KeysetPagination
from apikeys.queries.filters import TokenFilter, sortable

PAGING = {KeysetPagination.cursor_parameter, KeysetPagination.size_parameter}


class TokenListFilter(TokenFilter):
    """The dashboard's filters without its sorting: pages by cursor are always newest first."""

    ordering = None
    # Django's own field takes every text for a yes or a no.
    unused = django_filters.ChoiceFilter(
        label=gettext_lazy("Unused for 90 days"),
        method="of_use",
        choices=(("true", "true"), ("false", "false")),
    )

    def of_use(self, queryset: Any, name: str, value: str) -> Any:
        """Keep live tokens that nobody has used for 90 days, or all."""
        return self.only_unused(queryset, name, value == "true")

    def filter_queryset(self, queryset: Any) -> Any:
        # A program sees every token unless it asks for some; a person's list begins with live ones.
        return self.narrowed(sortable(queryset))


def require_plain(request: Request) -> None:
    """Refuse a query parameter that is there twice (which one is meant?) or says nothing.

    Raises:
        ValidationError: one is.
    """
    problems = {
        name: _("Give this once.") if len(values) > 1 else _("Give a value or leave this out.")
        for name, values in request.query_params.lists()
        if len(values) > 1 or not values[0]
    }
    if problems:
        raise ValidationError(problems)


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc]  # untyped library
    """Refuse query parameters that no filter of the view declares, repeated and empty ones."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        declared = set(filterset_class.base_filters) if filterset_class else set()
        if unknown := sorted(set(request.query_params) - declared - PAGING):
            known = ", ".join(sorted(declared | PAGING))
            message = _("Unknown filter. Known: %(filters)s.") % {"filters": known}
            raise ValidationError(dict.fromkeys(unknown, message))
        require_plain(request)
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered
