"""Log-in by password, with a limit on attempts before the costly hash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from apikeys import conf
from apikeys.limits import Charge, Limit, limiter
from apikeys.networks import address_bucket, client_address

if TYPE_CHECKING:
    from project.accounts.models import User


class LimitedBackend(ModelBackend):
    """Django's own backend, behind `APIKEYS["LIMITS"]["log_in"]` attempts per address.

    Every attempt counts, right or wrong, so that guesses made at the same moment count too.
    Counting by address alone lets no stranger lock anybody else out. A refused attempt hashes
    nothing and leaves the seconds to wait on the request as `log_in_wait`.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if username is None:
            username = kwargs.get(get_user_model().USERNAME_FIELD)
        if username is None or password is None:
            return None
        if request is not None and (wait := wait_for_attempt(request)):
            request.log_in_wait = wait  # type: ignore[attr-defined]
            return None
        return super().authenticate(request, username=username, password=password)


def wait_for_attempt(request: HttpRequest) -> int:
    """Charge one attempt of the address; return the seconds to wait, 0 when it may go on."""
    settings = conf.get()
    limit = Limit(settings.limits["log_in"], per="address", name="log-in")
    address = client_address(request.META, settings.trusted_proxies)
    charge = Charge(limit, f"log-in:{address_bucket(address)}")
    verdict = limiter(settings.limits_storage).hit([charge])
    return verdict.refused_by.retry_after if verdict.refused_by else 0
