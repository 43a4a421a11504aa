"""The password, asked again: on a page of its own, and inside a form whose check has lapsed."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django import forms
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from apikeys import reauthentication
from apikeys.reauthentication import TooManyAttemptsError, WrongPasswordError

REQUIRED: Final = _("Enter your password once more: it was last checked some time ago.")


class PasswordField(forms.CharField):
    """The present password of the person who sent the request; never shows what was typed.

    A right one is noted in the session at once, and cleans to nothing: nobody needs it from there
    on. ``retry_after`` is the seconds to wait when attempts have run out, else 0.
    """

    retry_after = 0

    def __init__(self, request: HttpRequest, *, required: Any = REQUIRED) -> None:
        super().__init__(
            label=_("Your password"),
            strip=False,
            max_length=4096,
            widget=forms.PasswordInput(
                render_value=False, attrs={"autocomplete": "current-password"}
            ),
            error_messages={"required": required},
        )
        self.request = request

    def clean(self, value: Any) -> str:
        """Check the password."""
        password = super().clean(value)
        try:
            reauthentication.confirm(self.request, password)
        except TooManyAttemptsError as error:
            self.retry_after = error.retry_after
            raise forms.ValidationError(str(error), code="limited") from None
        except WrongPasswordError:
            raise forms.ValidationError(_("This is not your password."), code="wrong") from None
        return ""


class ElsewhereField(forms.CharField):
    """Nothing to fill in: the host confirms people on a page of its own, which opens beside."""

    def __init__(self, page: str) -> None:
        super().__init__(required=False, widget=forms.HiddenInput())
        self.page = page

    def clean(self, value: Any) -> str:
        """Refuse; once the host has confirmed the person, the form has no such field."""
        link = format_html('<a href="{}" target="_blank">{}</a>', self.page, _("Confirm it's you"))
        said = _("It was last confirmed some time ago that it is you.")
        again = _("Then press the button once more.")
        raise forms.ValidationError(format_html("{} {}. {}", said, link, again), code="elsewhere")


class PasswordAgainMixin(forms.Form):
    """A form that asks for the password too when its last check is too old.

    Pass ``request`` to the form. A POST after the check has lapsed comes back with everything
    that was typed, and a field for the password; nothing is valid until it is right. Where the host
    confirms people on a page of its own, it comes back with a link to that.

    Attributes:
        password_name: the field's key in ``fields``; the page's control is always ``password``.
        retry_after: seconds to wait when attempts have run out, else 0.
    """

    password_name: ClassVar[str] = "password"  # noqa: S105

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self._password: PasswordField | None = None
        if self.is_bound and self._asks() and not reauthentication.is_recent(request):
            self.ask()

    @property
    def retry_after(self) -> int:
        """Seconds to wait when attempts have run out, else 0."""
        return self._password.retry_after if self._password is not None else 0

    def ask(self, *, required: Any = REQUIRED) -> None:
        """Add the field."""
        if page := reauthentication.page_url():
            self.fields[self.password_name] = ElsewhereField(page)
            return
        self._password = PasswordField(self.request, required=required)
        self.fields[self.password_name] = self._password

    def add_prefix(self, field_name: str) -> str:
        """Name the control of the password the same in every form: Django hides it by that name."""
        return "password" if field_name == self.password_name else super().add_prefix(field_name)

    def full_clean(self) -> None:
        """Validate; once the password was right, a form with other errors asks no more for it."""
        super().full_clean()
        if self.password_name in self.fields and reauthentication.is_recent(self.request):
            del self.fields[self.password_name]
            self.cleaned_data.pop(self.password_name, None)

    def _asks(self) -> bool:
        return True


class PasswordIfWideningMixin(PasswordAgainMixin):
    """A form that asks for the password only once its service has refused to widen without it.

    The service decides by what the change does; ``form_pages.submit`` then calls ``ask_again``.
    """

    @property
    def asks_for_password(self) -> bool:
        """Whether the page shows the field."""
        return self.password_name in self.fields

    def ask_again(self) -> None:
        """Come back filled, with the field and what to do about it."""
        self.ask()
        field = self.fields[self.password_name]
        if isinstance(field, PasswordField):
            self.add_error(self.password_name, forms.ValidationError(REQUIRED, code="required"))
            return
        try:
            field.clean("")
        except forms.ValidationError as error:
            self.add_error(self.password_name, error)

    def _asks(self) -> bool:
        return "password" in self.data


class ActForm(PasswordIfWideningMixin):
    """A button: nothing to fill in, and the password when what it does widens."""


class AskedActForm(ActForm):
    """A button that asks for the password whatever it does, when its last check is too old."""

    def _asks(self) -> bool:
        return True


class ConfirmForm(PasswordAgainMixin):
    """Nothing but the password."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, request=request, **kwargs)
        self.ask(required=_("Enter your password."))
