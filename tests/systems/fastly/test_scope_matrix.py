"""S4-03: scopes are enforced, on all endpoints, each scope alone, by the one carrier."""

from __future__ import annotations

import json

import pytest

from project.demo.fastly.models import CachedObject, Service
from project.demo.fastly.urls import urlpatterns
from project.demo.fastly.views import FastlyView
from tests.systems import matrix

pytestmark = [pytest.mark.django_db, pytest.mark.project]

PASSWORD = "correct horse battery staple"
MANAGE = "tokens:manage"
ALL = {"global", "global:read", "purge_all", "purge_select", MANAGE}
TABLE = {
    ("GET", "service"): {"global", "global:read"},
    ("POST", "service"): {"global"},
    ("GET", "service/<str:service_id>"): {"global", "global:read"},
    ("PUT", "service/<str:service_id>"): {"global"},
    ("DELETE", "service/<str:service_id>"): {"global"},
    ("GET", "service/<str:service_id>/object/<path:name>"): {"global", "global:read"},
    ("PUT", "service/<str:service_id>/object/<path:name>"): {"global"},
    ("POST", "service/<str:service_id>/purge/<path:key>"): {"global", "purge_select"},
    ("POST", "service/<str:service_id>/purge_all"): {"global", "purge_all"},
    ("POST", "purge/<path:url>"): {"global", "purge_select"},
    ("GET", "tokens"): {"global", "global:read", MANAGE},
    ("POST", "tokens"): ALL,
    ("DELETE", "tokens"): {"global", MANAGE},
    ("GET", "tokens/self"): {"any"},
    ("DELETE", "tokens/self"): {"any"},
    ("GET", "tokens/<str:token_id>"): {"global", "global:read", MANAGE},
    ("DELETE", "tokens/<str:token_id>"): {"global", MANAGE},
    ("GET", "public-ip-list"): {"any"},
}


def test_s4_03_the_table_has_every_endpoint():
    assert set(TABLE) == matrix.endpoints(urlpatterns, "fastly")


def test_s4_03_each_scope_opens_exactly_what_the_table_says(
    in_process, api, issue, production, bob, monkeypatch, settings
):
    monkeypatch.setattr(FastlyView, "limits", ())
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in": "1000/minute"}}

    def send(endpoint: matrix.Endpoint, headers: dict[str, str]) -> int:
        method, route = endpoint
        service = Service.objects.create(workspace=production, name="www")
        CachedObject.objects.create(service=service, name="a", content=b"a", content_type="a/b")
        token_id = headers["Fastly-Key"].partition("_")[0]
        path = (
            route.replace("<str:service_id>", str(service.public_id))
            .replace("<str:token_id>", token_id)
            .replace("<path:name>", "a")
            .replace("<path:key>", "k")
            .replace("<path:url>", "www.example.com/")
        )
        sent = {"data": {"name": "x"}, "format": "json"} if method != "GET" else {}
        if endpoint == ("POST", "tokens"):
            sent["data"] = {"username": "bob@example.org", "password": PASSWORD}
        if endpoint == ("DELETE", "tokens"):
            sent = {
                "data": json.dumps({"data": [{"id": token_id, "type": "token"}]}),
                "content_type": "application/vnd.api+json; ext=bulk",
            }
        return getattr(api, method.lower())(f"/{path}", headers=headers, **sent).status_code

    assert matrix.mismatches(TABLE, "fastly", issue=issue, send=send) == []
