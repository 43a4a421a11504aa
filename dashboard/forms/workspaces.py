"""Forms for workspaces: create, rename, archive."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from apikeys import dialects
from apikeys.models import Workspace
from apikeys.models.organizations import Environment

from .password import PasswordAgainMixin


class NameForm(forms.Form):
    """A name that people read."""

    name = forms.CharField(label=_("Name"), max_length=255)


class WorkspaceForm(PasswordAgainMixin, NameForm):
    """A new workspace; which API it is for is asked where there are several."""

    environment = forms.ChoiceField(
        label=_("Environment"),
        choices=[(value, capfirst(label)) for value, label in Environment.choices],
        initial=Environment.DEVELOPMENT,
        widget=forms.RadioSelect,
        help_text=_("Production marks its tokens and asks twice before they are revoked."),
    )
    dialect = forms.ChoiceField(label=_("API"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = dialects.all_dialects()
        field = self.fields["dialect"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = [(name, dialect.title) for name, dialect in known.items()]
        if len(known) == 1:
            field.widget = forms.HiddenInput()
        field.initial = next(iter(known))


class ArchiveForm(PasswordAgainMixin):
    """The workspace's name, typed to confirm."""

    name = forms.CharField(
        label=_("Type the workspace's name to confirm"), max_length=255, strip=True
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workspace = workspace
        self.fields["name"].widget.attrs.update(
            {"autocomplete": "off", "data-confirm": workspace.name}
        )

    def clean_name(self) -> str:
        """Refuse anything but the exact name."""
        name: str = self.cleaned_data["name"]
        if name != self.workspace.name:
            raise forms.ValidationError(
                _("This is not the name of the workspace."), code="mismatch"
            )
        return name
