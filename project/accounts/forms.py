"""The log-in form."""

from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError


class LogInForm(AuthenticationForm):
    """Django's form, which also says when attempts have run out and for how long."""

    @property
    def wait(self) -> int:
        """Seconds until another attempt is possible; 0 when nothing was refused."""
        return getattr(self.request, "log_in_wait", 0)

    def get_invalid_login_error(self) -> ValidationError:
        if self.wait:
            return ValidationError(
                f"Too many attempts. Try again in {self.wait} seconds.", code="limited"
            )
        return super().get_invalid_login_error()
