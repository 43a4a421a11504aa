"""What tokens and audit events can be narrowed to and sorted by, in dashboard and REST API.

Every parameter is declared: an unknown field can be neither filtered nor sorted by. Knows no page.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apikeys import dialects
from apikeys.keyset import Order
from apikeys.models import AccessToken, AuditEvent
from apikeys.models.tokens import AccessTokenQuerySet, Status
from apikeys.services.audit import Action, action_label

CURRENT: Final = "current"
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
    """Filters of a list of tokens; without ``status`` those neither revoked nor expired, which
    ``current`` says too. ``live`` are those of them that could ever be used again.

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
        choices=(
            (CURRENT, _("Not revoked or expired")),
            (LIVE, _("Live")),
            *Status.choices,
            (ALL, _("All")),
        ),
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
        return queryset if self.choice("status") else queryset.current()

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
        """Keep the tokens of that computed status, or of that group of them."""
        groups = {ALL: queryset.all, CURRENT: queryset.current, LIVE: queryset.live}
        return groups[value]() if value in groups else queryset.with_status(value)

    def only_unused(self, queryset: Any, name: str, value: bool) -> Any:
        """Keep live tokens that nobody has used for 90 days."""
        return queryset.unused() if value else queryset

    def sort(self, queryset: QuerySet[AccessToken], name: str, value: str) -> Any:
        """Sort the whole list; pages of a long one are better read by ``keyset.page``."""
        return queryset.order_by(*ORDERS[value].sorting())


class _AuditForm(forms.Form):
    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if found.get("from") and found.get("to") and found["from"] > found["to"]:
            raise ValidationError(_("“From” is after “To”: no event can be between them."))
        return found


class AuditEventFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped library
    """Filters of an audit log; all compare whole values, so that an index finds the events.

    ``actor`` is the label without regard to case, ``from`` and ``to`` are UTC days, both included.
    """

    actor = django_filters.CharFilter(
        label=_("Actor"),
        method="by_actor",
        max_length=255,
        widget=forms.TextInput(attrs={"list": "people", "autocomplete": "off"}),
    )
    action = django_filters.ChoiceFilter(
        label=_("Action"),
        choices=[(action.value, action_label(action)) for action in Action],
        empty_label=_("All"),
    )
    token = django_filters.CharFilter(label=_("Token ID"), field_name="token_id", max_length=64)
    workspace = django_filters.CharFilter(
        label=_("Workspace"), field_name="workspace_slug", max_length=64
    )

    class Meta:
        model = AuditEvent
        fields: tuple[str, ...] = ()
        form = _AuditForm

    @classmethod
    def get_filters(cls) -> Any:
        filters = super().get_filters()
        day = forms.DateInput(attrs={"type": "date"})
        # Named here because ``from`` is a word of the language.
        filters["from"] = django_filters.DateFilter(
            label=_("From"), method="since", widget=day, field_name="created_at"
        )
        filters["to"] = django_filters.DateFilter(
            label=_("To"), method="until", widget=day, field_name="created_at"
        )
        return filters

    def by_actor(self, queryset: Any, name: str, value: str) -> Any:
        """Keep the events of one actor."""
        return queryset.alias(actor_lower=Lower("actor_label")).filter(actor_lower=value.lower())

    def since(self, queryset: Any, name: str, value: date) -> Any:
        """Keep the events of that UTC day and later."""
        return queryset.filter(created_at__gte=_midnight(value))

    def until(self, queryset: Any, name: str, value: date) -> Any:
        """Keep the events of that UTC day and earlier."""
        if value == date.max:
            return queryset
        return queryset.filter(created_at__lt=_midnight(value + timedelta(days=1)))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
