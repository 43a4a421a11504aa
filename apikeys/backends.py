"""Log-in by password that slows guessing down, for ``AUTHENTICATION_BACKENDS``.

The limits come before the costly hash; see ``guessing``. Knows no page.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from apikeys import guessing
from apikeys.models import people


class SlowedMixin:
    """Put it before a backend whose ``authenticate`` takes a name and a password.

    A refused attempt hashes nothing and leaves the seconds to wait on the request as
    ``log_in_wait``; a form or view answers 429 with it. Without a request nothing is counted.
    """

    @sensitive_variables("password")
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return the user whose name and password these are, None otherwise."""
        if username is None:
            username = kwargs.get(get_user_model().USERNAME_FIELD)
        if username is None or password is None:
            return None
        check: Any = super().authenticate  # type: ignore[misc]
        if request is None:
            return check(request, username=username, password=password)
        wait = guessing.wait_for_address(request) or guessing.wait_for_account(
            request, username, self.account_of(username)
        )
        request.log_in_wait = wait  # type: ignore[attr-defined]
        if wait:
            return None
        user = check(request, username=username, password=password)
        if user is not None:
            guessing.proven(request, username, user.pk)
        return user

    def account_of(self, username: str) -> Any:
        """Return the primary key of whoever has that name; None where nobody has it.

        A backend that finds people by something else than their log-in name says here by what.
        """
        user = people.called(username)
        return None if user is None else user.pk

    async def aauthenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """As ``authenticate``: Django's own would go round the limits."""
        return await sync_to_async(self.authenticate)(request, username, password, **kwargs)


class SlowedModelBackend(SlowedMixin, ModelBackend):
    """Django's own backend, slowed down."""
