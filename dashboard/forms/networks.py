"""Allowed networks as a text field, one a line. Knows values only: no models, no requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from apikeys.networks import parse_network, parse_networks

MOST_ERRORS: Final = 5


class NetworksField(forms.CharField):
    """Addresses or CIDR networks, one a line; cleans to the list of their canonical texts."""

    def __init__(self, **kwargs: Any) -> None:
        attributes = {"rows": 4, "class": "mono", "spellcheck": "false", "autocomplete": "off"}
        kwargs.setdefault("label", _("Allowed networks"))
        kwargs.setdefault("required", False)
        kwargs.setdefault("max_length", 10_000)
        super().__init__(widget=forms.Textarea(attrs=attributes), **kwargs)

    def clean(self, value: Any) -> list[str]:
        """Return the networks, each once.

        Raises:
            ValidationError: a message for each line that is no network.
        """
        written = lines(super().clean(value))
        errors = []
        for line in written:
            try:
                parse_network(line)
            except ValueError as error:
                errors.append(str(error))
        if not errors:
            try:
                return list(parse_networks(written))
            except ValueError as error:
                errors.append(str(error))
        raise forms.ValidationError(
            [forms.ValidationError(text, code="network.invalid") for text in errors[:MOST_ERRORS]]
        )

    def prepare_value(self, value: Any) -> Any:
        """Return the text to show: what was typed, or the stored list a line each."""
        return value if value is None or isinstance(value, str) else "\n".join(value)


def lines(text: str) -> list[str]:
    """Return the lines that hold something, without the space around it."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def rewritten(written: Iterable[str]) -> list[tuple[str, str]]:
    """Return each line with host bits next to the network that it is stored as."""
    parsed = ((line, parse_network(line)) for line in written)
    return [(line, network.text) for line, network in parsed if network.normalised]
