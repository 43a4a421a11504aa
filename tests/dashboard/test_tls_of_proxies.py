"""What Django itself is told of TLS that a proxy has ended: the scheme, forms, links in mails."""

from __future__ import annotations

import re
from typing import Any

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.core import mail
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, AsyncRequestFactory, Client, RequestFactory
from django.urls import include, path

from apikeys.middleware import TrustedProxyMiddleware
from tests.support import apis

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

PROXY = "apikeys.middleware.TrustedProxyMiddleware"
LOG_IN = "/dashboard/log-in"
INVITE = "/dashboard/acme/members/invite"
PASSWORD = "correct horse battery staple"
FROM_PROXY = {"REMOTE_ADDR": "10.0.0.5", "HTTP_X_FORWARDED_PROTO": "https"}


def scheme(request: HttpRequest) -> HttpResponse:
    """What Django takes the request for."""
    address = request.META.get("REMOTE_ADDR")
    return HttpResponse(f"{request.scheme} {request.is_secure()} {address}")


urlpatterns = [
    path("scheme", scheme),
    path("dashboard/", include("dashboard.urls")),
    path("access/v1/", include("apikeys.api.urls")),
]


@pytest.fixture(autouse=True)
def behind_a_proxy(settings: Any) -> None:
    others = [name for name in settings.MIDDLEWARE if name.startswith(("django", "apikeys"))]
    settings.MIDDLEWARE = [PROXY, *(name for name in others if name != PROXY)]
    settings.SECURE_PROXY_SSL_HEADER = None
    settings.SECURE_SSL_REDIRECT = False
    settings.LOGIN_URL = "apikeys_dashboard:log-in"
    apis.say(settings, TRUSTED_PROXIES=["10.0.0.0/8"])


def seen(kind: str, meta: dict[str, str | None]) -> tuple[bool, str]:
    """Return what the view sees by each kind of server."""
    if kind == "wsgi":
        request = RequestFactory().get("/scheme")
        for name, value in meta.items():
            if value is None:
                del request.META[name]
            else:
                request.META[name] = value
        response = TrustedProxyMiddleware(scheme)(request)
    else:

        async def view(request: HttpRequest) -> HttpResponse:
            return scheme(request)

        request = AsyncRequestFactory().get("/scheme")
        server = request.scope
        request.META.update({name: value for name, value in meta.items() if value is not None})
        for name in [name for name, value in meta.items() if value is None]:
            del request.META[name]
        response = async_to_sync(TrustedProxyMiddleware(view))(request)
        assert server["scheme"] == "http"  # the server's own is left alone
    word, secure, _address = response.content.decode().split(" ")
    return secure == "True", word


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
@pytest.mark.parametrize(
    ("trusted", "meta", "secure"),
    [
        (["10.0.0.0/8"], FROM_PROXY, True),
        (["10.0.0.0/8"], {**FROM_PROXY, "HTTP_X_FORWARDED_PROTO": "http, https"}, True),
        (["10.0.0.0/8"], {**FROM_PROXY, "HTTP_X_FORWARDED_PROTO": "https, http"}, False),
        (["10.0.0.0/8"], {**FROM_PROXY, "HTTP_X_FORWARDED_PROTO": "HTTPS"}, False),
        (["10.0.0.0/8"], {**FROM_PROXY, "HTTP_X_FORWARDED_PROTO": ""}, False),
        (["10.0.0.0/8"], {"REMOTE_ADDR": "10.0.0.5"}, False),
        (["10.0.0.0/8"], {**FROM_PROXY, "REMOTE_ADDR": "203.0.113.9"}, False),
        (["10.0.0.0/8"], {**FROM_PROXY, "REMOTE_ADDR": "junk"}, False),
        (["10.0.0.0/8"], {**FROM_PROXY, "REMOTE_ADDR": ""}, False),
        (["10.0.0.0/8"], {"REMOTE_ADDR": "10.0.0.5", "HTTP_X_FORWARDED_SSL": "on"}, False),
        (["10.0.0.0/8"], {"REMOTE_ADDR": "10.0.0.5", "HTTP_FORWARDED": "proto=https"}, False),
        ([], FROM_PROXY, False),
        (["unix"], {**FROM_PROXY, "REMOTE_ADDR": ""}, True),
        (["unix"], {**FROM_PROXY, "REMOTE_ADDR": None, "SERVER_PORT": "None"}, True),
        (["unix"], {**FROM_PROXY, "REMOTE_ADDR": None, "SERVER_PORT": "80"}, False),
        (["unix"], FROM_PROXY, False),
    ],
)
def test_only_a_trusted_proxy_makes_a_request_secure(
    settings: Any, kind: str, trusted: list[str], meta: dict[str, str | None], secure: bool
) -> None:
    apis.say(settings, TRUSTED_PROXIES=trusted)
    assert seen(kind, meta) == (secure, "https" if secure else "http")


def test_the_word_of_the_server_stands_and_the_peer_stays_the_proxy(client: Any) -> None:
    assert client.get("/scheme", secure=True).content == b"https True 127.0.0.1"
    downgraded = {**FROM_PROXY, "HTTP_X_FORWARDED_PROTO": "http"}
    assert client.get("/scheme", secure=True, **downgraded).content == b"https True 10.0.0.5"
    assert client.get("/scheme", secure=False, **FROM_PROXY).content == b"https True 10.0.0.5"


def test_it_is_what_its_next_one_is() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    assert not iscoroutinefunction(TrustedProxyMiddleware(scheme))
    assert iscoroutinefunction(TrustedProxyMiddleware(view))


def form(client: Any, proto: str = "https", **extra: str) -> int:
    """Log alice in by the pages' own form, as a browser on https://testserver does."""
    get, post = client.get, client.post
    headers = {"X-Forwarded-Proto": proto, "X-Forwarded-For": "203.0.113.9"}
    if isinstance(client, AsyncClient):  # which names the host by itself
        get, post = async_to_sync(get), async_to_sync(post)
    else:
        headers["Host"] = "testserver"
    page = get(LOG_IN, headers=headers, **extra)
    fields = {
        "username": "alice@example.org",
        "password": PASSWORD,
        "csrfmiddlewaretoken": token_in(page),
    }
    headers["Origin"] = "https://testserver"
    return int(post(LOG_IN, fields, headers=headers, **extra).status_code)


def token_in(page: Any) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    assert found is not None
    return found[1]


@pytest.fixture
def with_password(alice: Any) -> None:
    alice.set_password(PASSWORD)
    alice.save()


@pytest.mark.usefixtures("with_password")
def test_people_log_in_through_a_proxy_that_ends_tls() -> None:
    assert form(Client(enforce_csrf_checks=True), REMOTE_ADDR="10.0.0.5") == 302


@pytest.mark.usefixtures("with_password")
def test_people_log_in_through_a_proxy_that_ends_tls_under_asgi(settings: Any) -> None:
    assert form(AsyncClient(enforce_csrf_checks=True)) == 403
    apis.say(settings, TRUSTED_PROXIES=["127.0.0.0/8"])  # where an AsyncClient is
    assert form(AsyncClient(enforce_csrf_checks=True)) == 302


@pytest.mark.usefixtures("with_password")
@pytest.mark.parametrize("without", ["middleware", "network", "header"])
def test_without_each_of_its_parts_the_form_is_foreign(settings: Any, without: str) -> None:
    if without == "middleware":
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != PROXY]
    client = Client(enforce_csrf_checks=True)
    peer = "192.0.2.5" if without == "network" else "10.0.0.5"
    assert form(client, "http" if without == "header" else "https", REMOTE_ADDR=peer) == 403


def test_links_of_invitations_are_https(
    client: Any, alice: Any, acme: Any, django_capture_on_commit_callbacks: Any
) -> None:
    client.force_login(alice)
    fields = {"email": "dave@example.org", "role": "member"}
    with django_capture_on_commit_callbacks(execute=True):
        sent = client.post(INVITE, fields, secure=False, HTTP_HOST="testserver", **FROM_PROXY)
    assert sent.status_code == 302
    assert "https://testserver/dashboard/invitations/" in mail.outbox[-1].body
    assert "http://" not in mail.outbox[-1].body
