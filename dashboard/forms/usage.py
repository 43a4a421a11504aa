"""What the usage page may be asked for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from apikeys import pasted
from apikeys.models import AccessToken, Organization, Workspace
from apikeys.queries.reports import RANGES, Range

from .choices import RowChoiceField

DEFAULT_RANGE = "30d"


class UsageForm(forms.Form):
    """Range, workspace and token, from the query string."""

    range = forms.ChoiceField(
        choices=[(name, name) for name in RANGES], required=False, widget=forms.HiddenInput
    )
    workspace = RowChoiceField(
        label=_("Workspace"),
        queryset=Workspace.objects.none(),
        to_field_name="slug",
        empty_label=_("All workspaces"),
        required=False,
    )
    token = forms.CharField(label=_("Token ID"), required=False)

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        self.fields["workspace"].queryset = organization.workspaces.all()  # type: ignore[attr-defined]
        self.fields["token"].widget.attrs.update(list="busiest", autocomplete="off")

    def clean_token(self) -> AccessToken | None:
        # No longest length: a key that the browser cuts off is harder to tell from other text.
        token_id = pasted.cut(self.cleaned_data["token"].strip()).token_id or pasted.id_start(
            self.cleaned_data["token"]
        )
        if not self.cleaned_data["token"].strip():
            return None
        tokens = AccessToken.objects.in_organization(self.organization)
        token = tokens.select_related("workspace__organization").filter(token_id=token_id).first()
        if token is None:
            raise ValidationError(_("No token has this ID."))
        return token

    @property
    def asked(self) -> dict[str, Any]:
        """Workspace and token of a valid form, as the reports take them."""
        return {name: self.cleaned_data[name] for name in ("workspace", "token")}

    @property
    def chosen_range(self) -> Range:
        """The range, the default one when none or an unknown one was asked for."""
        return RANGES[self.cleaned_data.get("range") or DEFAULT_RANGE]
