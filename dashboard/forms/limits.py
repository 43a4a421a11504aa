"""The form for the rates that an organization has in place of the views' own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apikeys.endpoints import DeclaredLimit
from apikeys.limits import Limit

from .password import PasswordIfWideningMixin

LONGEST_RATE: Final = 64
KINDS: Final = {
    "any": gettext_lazy("All requests"),
    "read": gettext_lazy("Reads"),
    "write": gettext_lazy("Writes"),
}
WHOSE: Final = {
    "token": gettext_lazy("of a token"),
    "user": gettext_lazy("of a person's tokens"),
    "principal": gettext_lazy("of a token, or of a person's tokens together"),
    "organization": gettext_lazy("of the organization"),
    "address": gettext_lazy("from an address"),
}


def counts(declared: DeclaredLimit) -> str:
    """Return which requests are counted together, for people: "Reads of a token"."""
    limit = declared.limits[0]
    kind = KINDS.get(limit.on) or _("Requests of the class %s") % limit.on
    return f"{kind} {WHOSE[limit.per]}"


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
                "rates": _(" or ").join(limit.rates),
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
