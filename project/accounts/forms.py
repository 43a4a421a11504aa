"""Forms of log-in, sign-up and password change."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordMixin
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apikeys import dialects, emails, log_ins, reauthentication
from apikeys.reauthentication import TooManyAttemptsError, WrongPasswordError
from apikeys.services import validation
from apikeys.services.errors import Invalid

TAKEN: Final = _("Somebody has this e-mail address already.")


def too_many_attempts(wait: int) -> ValidationError:
    """Return the error of an attempt that was refused for `wait` seconds."""
    return ValidationError(str(TooManyAttemptsError(wait)), code="limited")


class LogInForm(AuthenticationForm):
    """Django's form, which also says when attempts have run out and for how long."""

    @property
    def wait(self) -> int:
        """Seconds until another attempt is possible; 0 when nothing was refused."""
        return getattr(self.request, "log_in_wait", 0)

    def get_invalid_login_error(self) -> ValidationError:
        if self.wait:
            return too_many_attempts(self.wait)
        return super().get_invalid_login_error()


class AdminLogInForm(AdminAuthenticationForm, LogInForm):
    """The Django admin's form, which says the same."""


class SignUpForm(SetPasswordMixin, forms.Form):
    """A new account and its organization; the password is held against the validators."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    name = forms.CharField(
        label=_("Your name"),
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password1, password2 = SetPasswordMixin.create_password_fields()
    organization = forms.CharField(
        label=_("Organization"),
        max_length=255,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    dialect = forms.ChoiceField(label=_("Which API is it for?"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(name, dialect.title) for name, dialect in dialects.all_dialects().items()]
        choices.sort(key=lambda choice: choice[0] == "default")  # last, the others as they stand
        field = self.fields["dialect"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = choices
        if len(choices) == 1:
            field.widget = forms.HiddenInput()
            field.initial = choices[0][0]

    def clean_email(self) -> str:
        try:
            email = emails.canonical(self.cleaned_data["email"])
        except ValueError as error:
            raise ValidationError(str(error), code="lookalike") from None
        with suppress(ObjectDoesNotExist):
            get_user_model()._default_manager.get_by_natural_key(email)
            raise ValidationError(TAKEN, code="taken")
        return email

    def clean_name(self) -> str:
        try:
            return validation.text(
                self.cleaned_data["name"], field="name", longest=150, required=False
            )
        except Invalid as error:
            raise ValidationError(error.message, code=error.code) from None

    def clean(self) -> dict[str, Any]:
        self.validate_passwords()
        values = self.cleaned_data
        user = get_user_model()(email=values.get("email", ""), name=values.get("name", ""))
        self.validate_password_for_user(user)
        return values

    def save(self) -> Any:
        """Make the user.

        Raises:
            IntegrityError: somebody took the address since it was looked at.
        """
        values = self.cleaned_data
        users: Any = get_user_model()._default_manager
        return users.create_user(values["email"], values["password1"], name=values["name"])


class ChangePasswordForm(PasswordChangeForm):
    """Django's form; guesses of the old password are limited as log-ins are."""

    wait = 0

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        old: str = self.cleaned_data["old_password"]
        try:
            reauthentication.confirm(self.request, old)
        except TooManyAttemptsError as error:
            self.wait = error.retry_after
            raise too_many_attempts(self.wait) from None
        except WrongPasswordError:
            raise ValidationError(
                self.error_messages["password_incorrect"], code="password_incorrect"
            ) from None
        return old

    def save(self, commit: bool = True) -> Any:
        """Change the password; the person of the request answers for it."""
        log_ins.changes_password(self.user, self.request)
        with transaction.atomic():  # with its events, or not at all
            return super().save(commit)
