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
from django.core.validators import MaxLengthValidator
from django.db.models import Q, QuerySet
from django.db.models.functions import Left, Lower
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from apikeys import pasted, visible
from apikeys.models import AccessToken, AuditEvent
from apikeys.models.tokens import AccessTokenQuerySet, Status
from apikeys.queries.keyset import Order
from apikeys.services.audit import LABELS, Action

CURRENT: Final = "current"
LIVE: Final = "live"
ALL: Final = "all"
DEFAULT_ORDER: Final = "-created"
LONGEST_SEARCH: Final = 100

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


def search(tokens: AccessTokenQuerySet, text: str) -> Any:
    """Return the tokens whose name has the text in it, or whose id begins with it.

    Names are compared as ``visible.compared`` has it. A whole key counts as its id, a prefix of
    keys before an id as nothing; ``%``, ``_`` and ``\\`` are letters like any other.
    """
    if token_id := pasted.cut(text).token_id:
        return tokens.filter(token_id=token_id)
    condition = Q(pk__in=())
    if wanted := visible.compared(text):
        condition |= Q(name_key__contains=wanted) | Q(pk__in=_without_key(tokens, wanted))
    if start := pasted.id_start(text):
        # Not `startswith`: SQLite's ignores the case.
        tokens = tokens.alias(id_start=Left("token_id", len(start)))
        condition |= Q(id_start=start)
    return tokens.filter(condition)


def _without_key(tokens: AccessTokenQuerySet, wanted: str) -> list[int]:
    """Return the tokens with ``wanted`` in their name whose ``name_key`` is not known.

    These are few, if any: those that a process of an earlier release wrote beside this one.
    """
    names = tokens.filter(name_key="").values_list("pk", "name")
    return [pk for pk, name in names if wanted in visible.compared(name)]


class TokenFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped library
    """Filters of a list of tokens; without ``status`` those neither revoked nor expired, which
    ``current`` says too. ``live`` are those of them that could ever be used again.

    ``q`` finds a part of the name or the beginning of the token id, with or without the prefix
    of the API key. A whole id that exists is found in every state, whatever ``status`` and
    ``unused`` say: who looks for it wants to know what became of it. ``ordering`` is a name in
    ``ORDERS``.
    """

    q = django_filters.CharFilter(
        label=_("Search"), method="search", validators=[MaxLengthValidator(LONGEST_SEARCH)]
    )
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

    @cached_property
    def exact(self) -> str:
        """The id of the one token that ``q`` names; "" when it names none of the queryset."""
        asked = self.choice("q")
        token_id = pasted.cut(asked).token_id or pasted.id_start(asked)
        known = pasted.is_token_id(token_id) and self.queryset.filter(token_id=token_id).exists()
        return token_id if known else ""

    def choice(self, name: str) -> str:
        """Return the valid value of a parameter, empty when there is none."""
        self.is_valid()
        return str(self.form.cleaned_data.get(name) or "")

    def filter_queryset(self, queryset: Any) -> Any:
        queryset = self.narrowed(sortable(queryset))
        return queryset if self.exact or self.choice("status") else queryset.current()

    def narrowed(self, queryset: Any) -> Any:
        """Return the tokens that all given parameters let through."""
        left_out = {"q", "status", "unused"} if self.exact else set()
        if self.exact:
            queryset = queryset.filter(token_id=self.exact)
        for name, value in self.form.cleaned_data.items():
            if name not in left_out:
                queryset = self.filters[name].filter(queryset, value)
        return queryset

    def search(self, queryset: Any, name: str, value: str) -> Any:
        """Find a part of the name or the beginning of the id."""
        return search(queryset, value)

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
        validators=[MaxLengthValidator(255)],
        widget=forms.TextInput(attrs={"list": "people", "autocomplete": "off"}),
    )
    action = django_filters.ChoiceFilter(
        label=_("Action"),
        choices=[(action.value, LABELS[action]) for action in Action],
        empty_label=_("All"),
    )
    token = django_filters.CharFilter(
        label=_("Token ID"), method="of_token", validators=[MaxLengthValidator(64)]
    )
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

    def of_token(self, queryset: Any, name: str, value: str) -> Any:
        """Keep the events of one token; its key counts as its id."""
        token_id = pasted.cut(value).token_id or pasted.id_start(value)
        # Events about no token have an empty one.
        return queryset.filter(token_id=token_id) if token_id else queryset.none()

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
