"""Forms that revoke: why, and the name typed where a mistake hurts."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from .password import PasswordAgainMixin

REASONS: Final = (
    gettext_noop("Leaked"),
    gettext_noop("Rotated"),
    gettext_noop("No longer needed"),
    gettext_noop("Other"),
)


class RevokeForm(forms.Form):
    """Why a token is revoked.

    Args:
        confirm: what has to be typed, exactly; empty when nothing has to.
    """

    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=[(reason, _(reason)) for reason in REASONS],
        widget=forms.RadioSelect,
        error_messages={"required": _("Say why, for those who read the audit log.")},
    )
    note = forms.CharField(label=_("Note"), required=False, max_length=200)

    def __init__(self, *args: Any, confirm: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.confirm = confirm
        if confirm:
            self.fields["confirm"] = forms.CharField(
                label=_("Type “%s” to confirm") % confirm,
                widget=forms.TextInput(
                    attrs={"data-confirm": confirm, "autocomplete": "off", "spellcheck": "false"}
                ),
                error_messages={"required": _("Type “%s”.") % confirm},
            )

    def clean_confirm(self) -> str:
        """Compare what was typed."""
        typed: str = self.cleaned_data["confirm"]
        if typed != self.confirm.strip():
            raise forms.ValidationError(_("Type “%s” exactly.") % self.confirm, code="confirm")
        return typed

    @property
    def why(self) -> str:
        """The reason as it is kept."""
        cleaned = self.cleaned_data
        return f"{cleaned['reason']}: {cleaned['note']}" if cleaned["note"] else cleaned["reason"]


class BulkRevokeForm(PasswordAgainMixin, RevokeForm):
    """Why several tokens are revoked; always with something typed and a recent password."""

    def __init__(self, *args: Any, confirm: str, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, confirm=confirm, request=request, **kwargs)
