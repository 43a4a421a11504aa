"""Forms of the token pages. They read what was typed; the services decide what it may be."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apikeys.dialects import Dialect
from apikeys.models import AccessToken, Workspace
from apikeys.models.tokens import Kind
from apikeys.scopes import MANAGE, is_narrower
from apikeys.services.errors import ServiceError
from apikeys.services.tokens import JUST_ROTATED
from apikeys.services.validation import LONGEST_DESCRIPTION

from . import expiry
from .errors import add_service_error
from .moments import UTCDateTimeField
from .networks import NetworksField
from .password import PasswordAgainMixin, PasswordIfWideningMixin
from .permissions import PermissionForm

LONGEST_NAME: Final = 64
_ROTATED_MEANWHILE: Final = _(
    "This token was rotated meanwhile, and nothing was made now. Rotate again only if you mean to: "
    "the secret made meanwhile stops."
)
EDITABLE: Final = ("name", "description", "scopes", "expires_at", "allowed_networks")


def _name(longest: int = LONGEST_NAME) -> forms.CharField:
    return forms.CharField(
        label=_("Name"),
        max_length=longest,
        help_text=_("Say where it is used, such as “CI deploy”."),
        error_messages={
            "required": _("Give the token a name."),
            "max_length": _("Use at most %(limit_value)d characters."),
        },
    )


def _description() -> forms.CharField:
    return forms.CharField(
        label=_("Description"),
        required=False,
        max_length=LONGEST_DESCRIPTION,
        error_messages={"max_length": _("Use at most %(limit_value)d characters.")},
    )


def _networks() -> NetworksField:
    return NetworksField(
        help_text=_(
            "One address or CIDR range a line, IPv4 or IPv6. Empty: the token works from anywhere."
        )
    )


class SecretForm(PasswordAgainMixin):
    """A form that makes a secret, once: ``creation_id`` tells a repeat from another request."""

    creation_id = forms.CharField(
        widget=forms.HiddenInput,
        initial=lambda: str(uuid.uuid4()),
        max_length=255,
        error_messages={"required": _("This form is incomplete. Open the page again.")},
    )


class GenerateForm(SecretForm):
    """What a new token shall be.

    Args:
        workspaces: the organization's workspaces that are open.
        workspace: the one that is chosen already.
        longest: the longest lifetime that the policies allow.
    """

    name = _name()
    description = _description()
    workspace = forms.ChoiceField(
        label=_("Workspace"),
        widget=forms.RadioSelect,
        help_text=_("A token works in one workspace only."),
        error_messages={
            "required": _("Choose a workspace."),
            "invalid_choice": _("Choose one of these workspaces."),
        },
    )
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=(
            (Kind.AUTOMATION, _("Automation: belongs to the workspace and survives people")),
            (Kind.PERSONAL, _("Personal: belongs to you and ends when you leave")),
        ),
        initial=Kind.AUTOMATION,
        widget=forms.RadioSelect,
    )
    expires_at = UTCDateTimeField(label=_("Expires (UTC)"), required=False)
    allowed_networks = _networks()

    def __init__(
        self,
        data: Any = None,
        *,
        workspaces: Sequence[Workspace],
        workspace: Workspace | None,
        longest: timedelta | None,
        request: HttpRequest,
    ) -> None:
        super().__init__(data, request=request)
        self.by_slug = {each.slug: each for each in workspaces}
        choice: Any = self.fields["workspace"]
        choice.choices = [(slug, each.name) for slug, each in self.by_slug.items()]
        only = workspaces[0] if len(workspaces) == 1 else workspace
        choice.initial = only.slug if only else None
        self.fields["expiry"] = expiry.ExpiryField(longest=longest)
        dialects = {each.dialect: each.speaks for each in workspaces}
        self.pickers = {name: PermissionForm(dialect, data) for name, dialect in dialects.items()}

    @property
    def production(self) -> list[str]:
        """The slugs of the production workspaces."""
        return [slug for slug, each in self.by_slug.items() if each.is_production]

    def groups(self) -> list[tuple[PermissionForm, list[Workspace]]]:
        """Return each dialect's permissions with the workspaces that speak it."""
        return [
            (picker, [each for each in self.by_slug.values() if each.dialect == name])
            for name, picker in self.pickers.items()
        ]

    def clean(self) -> dict[str, Any]:
        """Judge the permissions of the chosen workspace's dialect and nobody else's."""
        cleaned = super().clean() or {}
        if cleaned.get("expiry") == expiry.CUSTOM and not (
            cleaned.get("expires_at") or "expires_at" in self.errors
        ):
            self.add_error(
                "expires_at", forms.ValidationError(_("Give date and time."), code="required")
            )
        chosen = self.by_slug.get(cleaned.get("workspace", ""))
        if chosen is not None:
            picker = self.pickers[chosen.dialect]
            for messages in picker.errors.values():
                self.add_error(None, messages)
        return cleaned

    def values(self) -> dict[str, Any]:
        """Return what ``create_token`` takes of it."""
        cleaned = self.cleaned_data
        workspace = self.by_slug[cleaned["workspace"]]
        names = ("name", "description", "kind", "allowed_networks", "creation_id")
        return {
            **{name: cleaned[name] for name in names},
            "workspace": workspace,
            "scopes": self.pickers[workspace.dialect].cleaned_data["chosen"],
            "expires_at": expiry.moment(cleaned["expiry"], cleaned.get("expires_at")),
        }

    def refuse(self, error: ServiceError) -> None:
        """Take over what the service says, on its field."""
        preset = self.cleaned_data.get("expiry") != expiry.CUSTOM
        if error.field == "expires_at" and preset:
            error.field = "expiry"
        add_service_error(self, error)


class RotateForm(SecretForm):
    """How long the present secret keeps working.

    ``seen`` says when the token was last rotated as the page showed it, so that of two pages
    opened at the same time one rotates; empty for never.

    Args:
        token: the token as the page shows it.
    """

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    overlap = forms.TypedChoiceField(
        label=_("The present secret stops"),
        coerce=lambda seconds: timedelta(seconds=int(seconds)),
        choices=(
            ("0", _("Now: requests that still use it fail at once")),
            ("3600", _("In 1 hour")),
            ("86400", _("In 24 hours")),
            ("604800", _("In 7 days")),
        ),
        initial="86400",
        widget=forms.RadioSelect,
    )

    def __init__(self, data: Any = None, *, token: AccessToken, request: HttpRequest) -> None:
        super().__init__(data, request=request)
        self.fields["seen"].initial = _version(token)

    def clean_seen(self) -> dict[str, Any]:
        """Return what ``rotate_token`` takes of it; nobody is taken to have seen what is not sent.

        Raises:
            ValidationError: it is no moment.
        """
        if "seen" not in self.data:
            return {"unless_rotated_within": JUST_ROTATED}
        text = self.cleaned_data["seen"]
        try:
            moment = datetime.fromisoformat(text) if text else None
        except ValueError:
            moment = None
        if text and (moment is None or moment.tzinfo is None):
            raise forms.ValidationError(_("This form is incomplete. Open the page again."))
        return {"seen_rotated_at": moment}

    def refuse(self, error: ServiceError, token: AccessToken) -> None:
        """Take over what the service says; who sends the form again has seen the token as it is."""
        if error.code == "token.rotated_meanwhile":
            self.data = {**{name: self.data[name] for name in self.data}, "seen": _version(token)}
            error.message = str(_ROTATED_MEANWHILE)
        add_service_error(self, error)


class EditForm(PasswordIfWideningMixin):
    """What may be changed of a token: scopes only taken away, expiry only brought forward.

    The page sends ``version`` back as ``seen``, which tells a token that was changed meanwhile.
    """

    name = _name()
    description = _description()
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Scopes can only be taken away. To grant more, generate a new token."),
        error_messages={
            "required": _("Keep at least one. To stop the token, disable or revoke it."),
            "invalid_choice": _("%(value)s can't be added to this token."),
        },
    )
    expires_at = UTCDateTimeField(
        label=_("Expires (UTC)"),
        required=False,
        help_text=_("Can only be brought forward."),
        error_messages={"required": _("The expiry can only be brought forward, not removed.")},
    )
    allowed_networks = _networks()

    def __init__(self, data: Any = None, *, token: AccessToken, request: HttpRequest) -> None:
        self.token = token
        self.version = token.updated_at.isoformat()
        present = {name: getattr(token, name) for name in EDITABLE}
        super().__init__(data, initial=present, request=request)
        names = _narrower(token.workspace.speaks, token.scopes)
        if names:
            choice: Any = self.fields["scopes"]
            choice.choices = [(name, name) for name in names]
        else:
            del self.fields["scopes"]
        self.fields["expires_at"].required = token.expires_at is not None
        # A name from before this limit may stay.
        self.fields["name"] = _name(max(LONGEST_NAME, len(token.name)))

    def clean(self) -> dict[str, Any]:
        """Refuse to undo what somebody else has changed since the page was shown."""
        cleaned = super().clean() or {}
        if self.data.get("seen") != self.version:
            raise forms.ValidationError(
                _("This token was changed meanwhile. Compare, then save again to overwrite."),
                code="token.changed",
            )
        return cleaned

    def changes(self) -> dict[str, Any]:
        """Return what differs from the token as the page showed it."""
        found: dict[str, Any] = {
            name: self.cleaned_data[name]
            for name in EDITABLE
            if name in self.cleaned_data and self.cleaned_data[name] != getattr(self.token, name)
        }
        # The control shows whole minutes.
        if _minute(self.cleaned_data.get("expires_at")) == _minute(self.token.expires_at):
            found.pop("expires_at", None)
        return found


def _narrower(dialect: Dialect, scopes: Sequence[str]) -> list[str]:
    """Return every scope that a token with these may be narrowed to, itself included."""
    return [
        name
        for name in [*dialect.scopes, MANAGE]
        if name in scopes or is_narrower([name], scopes, dialect.available_scopes, dialect.implies)
    ]


def _version(token: AccessToken) -> str:
    return token.rotated_at.isoformat() if token.rotated_at else ""


def _minute(moment: datetime | None) -> datetime | None:
    return moment.replace(second=0, microsecond=0) if moment else None
