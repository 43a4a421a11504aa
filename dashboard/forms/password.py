"""The password, asked again: on a page of its own, and inside a form whose check has lapsed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apikeys import reauthentication
from apikeys.reauthentication import TooManyAttemptsError, WrongPasswordError


def password_field(required_message: Any) -> forms.CharField:
    """Return a field for the present password; it never shows what was typed."""
    return forms.CharField(
        label=_("Your password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "current-password"}),
        error_messages={"required": required_message},
    )


class PasswordAgainMixin(forms.Form):
    """A form that asks for the password too when its last check is too old.

    Pass ``request`` to the form. A POST after the check has lapsed comes back with everything
    that was typed, and a field for the password; nothing is valid until it is right.

    Attributes:
        retry_after: seconds to wait when attempts have run out, else 0.
    """

    retry_after = 0

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        if self.is_bound and not reauthentication.is_recent(request):
            self.fields["password"] = password_field(
                _("Enter your password once more: it was last checked some time ago.")
            )

    def clean_password(self) -> str:
        """Check the password; a right one is noted at once."""
        try:
            reauthentication.confirm(self.request, self.cleaned_data["password"])
        except TooManyAttemptsError as error:
            self.retry_after = error.retry_after
            raise forms.ValidationError(str(error), code="limited") from None
        except WrongPasswordError:
            raise forms.ValidationError(_("This is not your password."), code="wrong") from None
        # Nobody needs it from here on.
        return ""

    def full_clean(self) -> None:
        """Validate; once the password was right, a form with other errors asks no more for it."""
        super().full_clean()
        if "password" in self.fields and reauthentication.is_recent(self.request):
            del self.fields["password"]


class ConfirmForm(PasswordAgainMixin):
    """Nothing but the password."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, request=request, **kwargs)
        self.fields["password"] = password_field(_("Enter your password."))
