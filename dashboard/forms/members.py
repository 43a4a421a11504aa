"""Forms for people: invite, add, change the role, take out."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from apikeys.models import Membership, people
from apikeys.models.organizations import Role

from .choices import RowChoiceField
from .password import PasswordAgainMixin

ROLES: Final = (
    (Role.MEMBER, _("Member: belongs to the organization, sees no access tokens")),
    (Role.ADMIN, _("Admin: manages access tokens, members, workspaces and policy")),
)


class RoleField(forms.ChoiceField):
    """Admin or member, with what it means."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label=_("Role"), choices=ROLES, widget=forms.RadioSelect, **kwargs)


class InviteForm(PasswordAgainMixin):
    """Whom to invite, and as what."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text=_(
            "They get a link that works once, for 7 days, with an account of this address."
        ),
    )
    role = RoleField(initial=Role.MEMBER)


class KnownPersonField(RowChoiceField):
    """Memberships in other organizations, shown as the people they belong to."""

    def label_from_instance(self, obj: Any) -> str:
        name = people.display_name(obj.user)
        return f"{name} <{obj.user.get_username()}> · {obj.organization}"


class AddKnownForm(PasswordAgainMixin):
    """Somebody from another organization that the admin manages too."""

    person = KnownPersonField(
        label=_("Person"), queryset=Membership.objects.none(), to_field_name="public_id"
    )
    role = RoleField(initial=Role.MEMBER)

    def __init__(self, *args: Any, known: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["person"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - for the type checker
        field.queryset = known


class RoleForm(PasswordAgainMixin):
    """The role a member is to have."""

    role = RoleField()


class EndForm(PasswordAgainMixin):
    """Nothing to fill in: taking somebody out, or leaving."""


class SignUpForm(forms.Form):
    """The password of a new account; its address is the invitation's."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("The same password again"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_again(self) -> str:
        """Refuse two passwords that differ."""
        again: str = self.cleaned_data["again"]
        if "password" in self.cleaned_data and again != self.cleaned_data["password"]:
            raise forms.ValidationError(_("The two passwords differ."), code="mismatch")
        return again
