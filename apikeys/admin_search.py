"""Searches of the Django admin: as everywhere, and with no key in an address.

Knows no model and no page; ``apikeys.admin`` mixes it in.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from apikeys.addresses import guarded, lead_search
from apikeys.models import AccessToken
from apikeys.queries import filters
from apikeys.visible import compared, normalized


class SearchMixin:
    """The search form is sent by POST, and keys in addresses are cut before anything else.

    The form is the template ``admin/apikeys/search_form.html``, which another app's
    ``admin/<app>/search_form.html`` includes.
    """

    def get_urls(self) -> list[Any]:
        return [guarded(pattern) for pattern in super().get_urls()]  # type: ignore[misc]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead a search to its address; show the list."""
        if request.method == "POST" and SEARCH_VAR in request.POST:
            return lead_search(request)
        response: HttpResponse = super().changelist_view(request, extra_context)  # type: ignore[misc]
        return response

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search tokens as the dashboard does, other models for the text and its folded form."""
        if queryset.model is AccessToken and search_term.strip():
            return filters.search(queryset, search_term), False  # type: ignore[arg-type]
        # As it was typed, too: what is kept may have capitals that the database can't fold.
        search = super().get_search_results  # type: ignore[misc]
        typed, twice = search(request, queryset, normalized("NFC", search_term))
        folded, also_twice = search(request, queryset, compared(search_term))
        return typed | folded, twice or also_twice
