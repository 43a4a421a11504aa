"""Fixtures for pytest, registered by the distribution's entry point.

pytest loads it in every run of its environment, in projects without Django too: nothing of Django,
nor of this library, may be imported before a fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from apikeys.testing import APITokenClient, AsyncTokenClient, MadeToken

__all__ = ["apikeys_async_client", "apikeys_client", "apikeys_isolated", "apikeys_token"]


@pytest.fixture
def apikeys_isolated() -> Iterator[None]:
    """Keep tokens without rows, limits and use of this test from the others.

    For all tests of a project: ``usefixtures = apikeys_isolated`` in pytest's configuration.
    """
    _require_django()
    from apikeys.testing import isolated

    with isolated():
        yield


@pytest.fixture
def apikeys_token(apikeys_isolated: None) -> Callable[..., MadeToken]:
    """``apikeys.testing.make_token``."""
    from apikeys.testing import make_token

    return make_token


@pytest.fixture
def apikeys_client(apikeys_isolated: None) -> Callable[..., APITokenClient]:
    """``apikeys.testing.token_client``: makes a token and a client that sends its key."""
    from apikeys.testing import token_client

    return token_client


@pytest.fixture
def apikeys_async_client(apikeys_isolated: None) -> Callable[..., AsyncTokenClient]:
    """The same for ``async def`` tests."""
    from apikeys.testing import AsyncTokenClient, token_client

    def make(*scopes: str, **about: Any) -> AsyncTokenClient:
        return token_client(*scopes, client_class=AsyncTokenClient, **about)

    return make


def _require_django() -> None:
    from django.apps import apps

    if not (apps.ready and apps.is_installed("apikeys")):
        pytest.fail(
            "Django is not set up with 'apikeys' among its INSTALLED_APPS: install pytest-django "
            "and name DJANGO_SETTINGS_MODULE, or call django.setup() and "
            "django.test.utils.setup_test_environment(debug=False) in conftest.py.",
            pytrace=False,
        )
