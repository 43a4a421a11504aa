"""The form for the rates that an organization has in place of the views' own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from apikeys.endpoints import DeclaredLimit
from apikeys.limits import Limit

from .password import PasswordIfWideningMixin

LONGEST_RATE: Final = 64
# What a limit is on, and whose requests it counts together.
COUNTS: Final = {
    ("any", "token"): gettext_lazy("All requests of a token"),
    ("any", "user"): gettext_lazy("All requests of a person's tokens"),
    ("any", "principal"): gettext_lazy("All requests of a token, or of a person's tokens together"),
    ("any", "organization"): gettext_lazy("All requests of the organization"),
    ("any", "address"): gettext_lazy("All requests from an address"),
    ("read", "token"): gettext_lazy("Reads of a token"),
    ("read", "user"): gettext_lazy("Reads of a person's tokens"),
    ("read", "principal"): gettext_lazy("Reads of a token, or of a person's tokens together"),
    ("read", "organization"): gettext_lazy("Reads of the organization"),
    ("read", "address"): gettext_lazy("Reads from an address"),
    ("write", "token"): gettext_lazy("Writes of a token"),
    ("write", "user"): gettext_lazy("Writes of a person's tokens"),
    ("write", "principal"): gettext_lazy("Writes of a token, or of a person's tokens together"),
    ("write", "organization"): gettext_lazy("Writes of the organization"),
    ("write", "address"): gettext_lazy("Writes from an address"),
}
COUNTS_OF_A_CLASS: Final = {
    "token": gettext_lazy("Requests of the class %s of a token"),
    "user": gettext_lazy("Requests of the class %s of a person's tokens"),
    "principal": gettext_lazy(
        "Requests of the class %s of a token, or of a person's tokens together"
    ),
    "organization": gettext_lazy("Requests of the class %s of the organization"),
    "address": gettext_lazy("Requests of the class %s from an address"),
}


def counts(declared: DeclaredLimit) -> str:
    """Return which requests are counted together, for people: "Reads of a token"."""
    limit = declared.limits[0]
    known = COUNTS.get((limit.on, limit.per))
    return str(known or COUNTS_OF_A_CLASS[limit.per] % limit.on)


class RateField(forms.CharField):
    """A rate such as "1000/hour"; empty for none."""

    def __init__(self, *, limit: str, **kwargs: Any) -> None:
        super().__init__(max_length=LONGEST_RATE, required=False, **kwargs)
        self.limit = limit
        self.widget.attrs.update({"class": "rate", "autocomplete": "off", "spellcheck": "false"})

    def clean(self, value: Any) -> str:
        """Refuse what can't be read as a rate."""
        rate: str = super().clean(value)
        if rate:
            try:
                Limit(rate, name=self.limit)
            except ValueError as error:
                raise forms.ValidationError(str(error), code="limit.invalid") from None
        return rate


class LimitsForm(PasswordIfWideningMixin):
    """One field for each limit that the views declare, and for each rate that is stored.

    A stored rate whose limit is gone can only be taken away: by emptying it.
    """

    prefix = "rate"
    # The name of no limit: those have no slash.
    password_name = "/password"  # noqa: S105

    def __init__(
        self,
        *args: Any,
        declared: Sequence[DeclaredLimit],
        stored: Mapping[str, str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for limit in declared:
            usual = _("%(counts)s. Usual rate: %(rates)s.") % {
                "counts": counts(limit),
                "rates": get_text_list(list(limit.rates), pgettext("between rates", "or")),
            }
            self._add(limit.name, stored, usual, limit.rates[0])
        for name in sorted(set(stored) - {limit.name for limit in declared}):
            self._add(name, stored, _("No API of this organization has this limit any more."), "")
        if self.asks_for_password:
            self.order_fields([name for name in self.fields if name != self.password_name])

    @property
    def rates(self) -> dict[str, str]:
        """What was entered, without what was left empty."""
        return {name: rate for name, rate in self.cleaned_data.items() if rate}

    def _add(self, name: str, stored: Mapping[str, str], help_text: str, usual: str) -> None:
        field = RateField(limit=name, label=name, help_text=help_text, initial=stored.get(name, ""))
        field.widget.attrs["placeholder"] = usual
        self.fields[name] = field
