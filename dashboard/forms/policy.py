"""The form for what holds for all tokens of an organization."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apikeys.networks import contains

from .networks import NetworksField
from .password import PasswordIfWideningMixin

_OFF_LIST: Final = _(
    "Your address now, %(address)s, is not on this list: tokens used from it would be refused. "
    "Add it, or tick this box."
)
_UNKNOWN: Final = _(
    "Your address now, which can't be told, is not on this list: tokens used from it would be "
    "refused. Add it, or tick this box."
)


class PolicyForm(PasswordIfWideningMixin):
    """Longest lifetime and networks.

    A list that leaves out the admin's own address is taken only with ``off_list`` ticked: it is
    more often a slip than a wish. ``address`` is that address, ``stored`` the list in force,
    ``site_days`` the longest lifetime that the site allows.
    """

    max_lifetime_days = forms.IntegerField(
        label=_("Longest lifetime of new tokens, in days"),
        required=False,
        min_value=1,
        max_value=36_500,
        widget=forms.NumberInput(attrs={"class": "days"}),
    )
    allowed_networks = NetworksField(
        label=_("Allowed networks for all tokens"),
        help_text=_(
            "One address or CIDR range a line, such as 203.0.113.0/24. Requests from elsewhere "
            "are refused, whatever a token's own list says. Empty: no restriction."
        ),
    )
    off_list = forms.BooleanField(
        label=_("Save it although my address is not on the list"), required=False
    )

    def __init__(
        self,
        *args: Any,
        address: str | None,
        stored: list[str],
        site_days: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        help_text = str(_("Tokens made before keep their expiry."))
        if site_days is not None:
            site = ngettext(
                "This site allows at most %d day; the shorter rule holds.",
                "This site allows at most %d days; the shorter rule holds.",
                site_days,
            )
            site %= site_days
            help_text = f"{site} {help_text}"
        self.fields["max_lifetime_days"].help_text = help_text
        self.address = address
        self.stored = stored
        self.asks = False

    def clean(self) -> dict[str, Any]:
        """Ask once more for a new list that leaves out the admin's own address."""
        cleaned = super().clean() or {}
        networks = cleaned.get("allowed_networks")
        if networks and networks != self.stored and not contains(networks, self.address):
            self.asks = True
            if not cleaned.get("off_list"):
                self.add_error(
                    "off_list",
                    forms.ValidationError(
                        _OFF_LIST if self.address else _UNKNOWN,
                        code="network.own_address",
                        params={"address": self.address},
                    ),
                )
        return cleaned
