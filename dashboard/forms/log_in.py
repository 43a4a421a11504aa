"""The form to log in with, where the host has no page of its own."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_backends
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from apikeys import guessing, log_ins
from apikeys.backends import SlowedMixin
from apikeys.models import people
from apikeys.reauthentication import TooManyAttemptsError


class LogInForm(AuthenticationForm):
    """Django's form, which slows guessing down also where no backend does."""

    @property
    def retry_after(self) -> int:
        """Seconds until another attempt is possible; 0 when nothing was refused."""
        return getattr(self.request, "log_in_wait", 0)

    def clean(self) -> dict[str, Any]:
        """Look at name and password, unless attempts have run out."""
        name = self.cleaned_data.get("username")
        slows = any(isinstance(one, SlowedMixin) for one in get_backends())
        if slows or name is None or "password" not in self.cleaned_data:
            return super().clean()
        account = people.called(name)
        wait = guessing.wait_for_address(self.request) or guessing.wait_for_account(
            self.request, name, account and account.pk
        )
        if wait:
            self.request.log_in_wait = wait  # type: ignore[union-attr]
            log_ins.slowed(self.request, name, wait)
            raise self.get_invalid_login_error()
        cleaned = super().clean()
        guessing.proven(self.request, name, self.get_user().pk)
        return cleaned

    def get_invalid_login_error(self) -> ValidationError:
        """Say when attempts have run out and for how long; else that something is wrong."""
        if self.retry_after:
            return ValidationError(str(TooManyAttemptsError(self.retry_after)), code="limited")
        return super().get_invalid_login_error()
