"""What a list of tokens can be narrowed to and sorted by, for the dashboard and the REST API.

Every parameter is declared: an unknown field can be neither filtered nor sorted by. Knows no page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import django_filters
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apikeys import dialects
from apikeys.keyset import Order
from apikeys.models import AccessToken
from apikeys.models.tokens import AccessTokenQuerySet, Status

LIVE: Final = "live"
ALL: Final = "all"
DEFAULT_ORDER: Final = "-created"

# "name_lower" is an annotation: see ``sortable``.
ORDERS: Final[Mapping[str, Order]] = {
    "name": Order(("name_lower", "id")),
    "-name": Order(("name_lower", "id"), descending=True),
    "last_used": Order(("last_used_at", "created_at", "id"), nullable=True),
    "-last_used": Order(("last_used_at", "created_at", "id"), descending=True, nullable=True),
    "expires": Order(("expires_at", "id"), nullable=True),
    "-expires": Order(("expires_at", "id"), descending=True, nullable=True),
    "created": Order(("created_at", "id")),
    "-created": Order(("created_at", "id"), descending=True),
}
_ORDER_CHOICES: Final = (
    ("-created", _("Newest first")),
    ("created", _("Oldest first")),
    ("name", _("Name, A to Z")),
    ("-name", _("Name, Z to A")),
    ("-last_used", _("Last used, latest first")),
    ("last_used", _("Last used, longest ago first")),
    ("expires", _("Expires, soonest first")),
    ("-expires", _("Expires, latest first")),
)


def sortable(tokens: AccessTokenQuerySet) -> Any:
    """Return the tokens with what ``ORDERS`` sorts by."""
    return tokens.annotate(name_lower=Lower("name"))


class TokenFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped library
    """Filters of a list of tokens; without ``status`` those neither revoked nor expired.

    ``q`` finds a part of the name or the beginning of the token id, with or without the prefix
    of the API key. ``ordering`` is a name in ``ORDERS``.
    """

    q = django_filters.CharFilter(label=_("Search"), method="search", max_length=100)
    workspace = django_filters.CharFilter(
        label=_("Workspace"), field_name="workspace__slug", max_length=64
    )
    status = django_filters.ChoiceFilter(
        label=_("Status"),
        method="of_status",
        choices=((LIVE, _("Live")), *Status.choices, (ALL, _("All"))),
        empty_label=None,
    )
    unused = django_filters.BooleanFilter(label=_("Unused for 90 days"), method="only_unused")
    ordering = django_filters.ChoiceFilter(
        label=_("Sort"), method="sort", choices=_ORDER_CHOICES, empty_label=None
    )

    class Meta:
        model = AccessToken
        fields: tuple[str, ...] = ()

    @property
    def order(self) -> Order:
        """How the list is sorted; a bad choice is no choice."""
        return ORDERS[self.choice("ordering") or DEFAULT_ORDER]

    def choice(self, name: str) -> str:
        """Return the valid value of a parameter, empty when there is none."""
        self.is_valid()
        return str(self.form.cleaned_data.get(name) or "")

    def filter_queryset(self, queryset: Any) -> Any:
        queryset = super().filter_queryset(sortable(queryset))
        return queryset if self.choice("status") else queryset.live()

    def search(self, queryset: Any, name: str, value: str) -> Any:
        """Find a part of the name or the beginning of the id."""
        prefixes = {
            p for dialect in dialects.all_dialects().values() for p in dialect.accepted_prefixes
        }
        start = next(
            (value.removeprefix(f"{p}_") for p in prefixes if p and value.startswith(f"{p}_")),
            value,
        )
        return queryset.filter(
            Q(name__icontains=value) | Q(token_id__startswith=start.partition("_")[0])
        )

    def of_status(self, queryset: Any, name: str, value: str) -> Any:
        """Keep the tokens of that computed status."""
        if value == ALL:
            return queryset
        return queryset.live() if value == LIVE else queryset.with_status(value)

    def only_unused(self, queryset: Any, name: str, value: bool) -> Any:
        """Keep live tokens that nobody has used for 90 days."""
        return queryset.unused() if value else queryset

    def sort(self, queryset: QuerySet[AccessToken], name: str, value: str) -> Any:
        """Sort the whole list; pages of a long one are better read by ``keyset.page``."""
        return queryset.order_by(*ORDERS[value].sorting())
