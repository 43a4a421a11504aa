"""What a new token may do: presets, and the custom choice in the form that its scopes have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apikeys.dialects import Dialect
from apikeys.scopes import MANAGE

from .. import permissions
from ..permissions import READ, WRITE, Resource

CUSTOM: Final = "custom"


class PermissionForm(forms.Form):
    """The scopes of one dialect. A dialect without scopes has no fields and nothing to choose.

    Fields: ``preset``; in the custom choice either ``level-<resource>`` and ``also-<resource>``,
    or ``scopes``; and ``manage`` for managing tokens.
    """

    def __init__(self, dialect: Dialect, data: Any = None) -> None:
        super().__init__(data, prefix=f"may-{dialect.name}", use_required_attribute=False)
        self.dialect = dialect
        self.presets = permissions.presets(dialect)
        self.resources = permissions.table(dialect)
        scopes = permissions.offered(dialect)
        if not scopes:
            return
        if self.presets:
            self._add_presets()
        if self.resources:
            for resource in self.resources:
                self._add_row(resource)
        else:
            self.fields["scopes"] = forms.MultipleChoiceField(
                label=_("Scopes"),
                required=False,
                choices=[
                    (name, f"{name}: {text}" if text else name) for name, text in scopes.items()
                ],
                widget=forms.CheckboxSelectMultiple,
            )
        self.fields["manage"] = forms.BooleanField(
            required=False,
            label=_("Manage tokens"),
            help_text=_(
                "Lets the token make, rotate and revoke tokens of its own workspace that are "
                "never more than itself (tokens:manage)."
            ),
        )

    def _add_presets(self) -> None:
        labels = {READ: _("Read-only"), WRITE: _("Read and write")}
        said = gettext("%(preset)s: %(scopes)s")
        choices = [
            (name, said % {"preset": labels[name], "scopes": ", ".join(granted)})
            for name, granted in self.presets.items()
        ]
        self.fields["preset"] = forms.ChoiceField(
            label=_("Permissions"),
            required=False,
            choices=[*choices, (CUSTOM, _("Custom: choose below"))],
            initial=choices[0][0],
            widget=forms.RadioSelect,
        )

    def _add_row(self, resource: Resource) -> None:
        labels = {READ: _("Read"), WRITE: _("Read and write")}
        levels = [(n, label) for n, label in labels.items() if n in resource.actions]
        if levels:
            self.fields[f"level-{resource.name}"] = forms.ChoiceField(
                label=resource.name,
                required=False,
                choices=[("none", _("No access")), *levels],
                initial="none",
                widget=forms.RadioSelect,
            )
        if resource.others:
            self.fields[f"also-{resource.name}"] = forms.MultipleChoiceField(
                label=resource.name,
                required=False,
                choices=[(scope, scope.partition(":")[2]) for scope in resource.others],
                widget=forms.CheckboxSelectMultiple,
            )

    def clean(self) -> dict[str, Any]:
        """Collect the scopes as ``chosen``; at least one where the dialect has any."""
        cleaned = super().clean() or {}
        cleaned["chosen"] = self._chosen(cleaned)
        if self.fields and not self.errors and not cleaned["chosen"]:
            raise ValidationError(_("Choose at least one permission."), code="scope.required")
        return cleaned

    def _chosen(self, cleaned: dict[str, Any]) -> list[str]:
        preset = cleaned.get("preset") or (CUSTOM if not self.presets else "")
        if preset != CUSTOM:
            return list(self.presets.get(preset, ()))
        found = set(cleaned.get("scopes", ()))
        for resource in self.resources:
            found.update(resource.scopes(cleaned.get(f"level-{resource.name}", "")))
            found.update(cleaned.get(f"also-{resource.name}", ()))
        if cleaned.get("manage"):
            found.add(MANAGE)
        return sorted(found)

    @property
    def custom_name(self) -> str:
        """The condition under which the custom choice is seen, for the script."""
        return f"{self.add_prefix('preset')}={CUSTOM}"

    def rows(self) -> Iterator[tuple[Resource, BoundField | None, BoundField | None]]:
        """Yield each resource with its level and its other actions."""
        for resource in self.resources:
            level, also = f"level-{resource.name}", f"also-{resource.name}"
            yield (
                resource,
                self[level] if level in self.fields else None,
                self[also] if also in self.fields else None,
            )
