"""What every host shows: the README's view and its errors, the pages, the documents.

Plain functions of a ``visit.Visit``, run in the host's own process; a host names those it makes.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from tests.hosts import forms
from tests.hosts.visit import Visit, same, wrong

PROBLEM = "application/problem+json"
CHALLENGE = 'ApiKey realm="api", Bearer realm="api", Basic realm="api", charset="UTF-8"'


def view(visit: Visit) -> None:
    """The README's view answers a key, however it travels, and counts it."""
    from apikeys.activity import usage
    from apikeys.models import AccessToken, UsageCounter

    pair = b64encode(f"{visit.token.token_id}:{visit.secret}".encode()).decode()
    for headers in (
        {"X-API-Key": visit.key},
        {"Authorization": f"Bearer {visit.key}"},
        {"Authorization": f"Basic {pair}"},
    ):
        response = visit.get("/notes", headers=headers)
        same(response.status_code, 200, f"{list(headers)}: {response.content[:500]!r}")
        same(response.json(), {"notes": [], "workspace": "development"}, "the answer")
        assert "RateLimit" in response.headers, "the limit is not told"
        assert "private" in response.headers["Cache-Control"], response.headers["Cache-Control"]
        vary = {name.strip().lower() for name in response.headers["Vary"].split(",")}
        assert {"x-api-key", "authorization"} <= vary, vary
    usage.flush()
    counted = UsageCounter.objects.filter(token=visit.token)
    same(sum(row.count for row in counted), 3, "requests counted")
    assert AccessToken.objects.get(pk=visit.token.pk).last_used_at is not None


def errors(visit: Visit) -> None:
    """What is refused is refused in the library's words, with status, code and challenge."""
    _problem(visit.get("/notes"), 401, "api_key.missing", challenge=True)
    invalid = "api_key.invalid_or_ip_not_allowed"
    _problem(visit.get("/notes", wrong(visit.key)), 401, invalid, challenge=True)
    response = visit.get("/notes", visit.key, method="post")
    _problem(response, 403, "scope.insufficient")
    same(response.json()["required_scope"], "notes:write", "the scope that is missing")
    two = visit.get("/notes", visit.key, headers={"Authorization": f"Bearer {visit.key}"})
    _problem(two, 400, "api_key.ambiguous")
    writes = visit.issue("notes:write")
    response = visit.get("/notes", writes.api_key, method="post")
    same((response.status_code, response.json()), (201, {"made_by": writes.token.name}), "a POST")
    _revoke(visit, writes.token)
    _problem(visit.get("/notes", writes.api_key, method="post"), 401, "api_key.revoked")


def _problem(response: Any, status: int, code: str, *, challenge: bool = False) -> None:
    same(response.status_code, status, repr(response.content[:500]))
    same(response.headers["Content-Type"], PROBLEM, "content type")
    same((response.json()["status"], response.json()["error"]), (status, code), "problem")
    same(response.headers["Cache-Control"], "no-store", "Cache-Control")
    if challenge:
        same(response.headers.get("WWW-Authenticate"), CHALLENGE, "challenge")


def _revoke(visit: Visit, token: Any) -> None:
    from apikeys.services.actors import Actor
    from apikeys.services.tokens import revoke_token

    revoke_token(actor=Actor.person(visit.alice), token=token)


def pages(visit: Visit) -> None:
    """An admin manages tokens on the pages; a member and a stranger see none of them."""
    home = "/dashboard/acme"
    alice = visit.client(visit.alice)
    sections = ("tokens", "tokens/new", f"tokens/{visit.token.token_id}", "usage", "audit")
    for section in (*sections, "members", "settings"):
        response = alice.get(f"{home}/{section}")
        same(response.status_code, 200, f"{section}: {response.content[-800:]!r}")
    same(visit.client(visit.bob).get(f"{home}/tokens").status_code, 403, "bob's look at tokens")
    same(visit.client(visit.charlie).get(f"{home}/tokens").status_code, 404, "charlie's")
    same(visit.client().get(f"{home}/tokens").status_code, 302, "nobody's")
    key = _generate(alice, f"{home}/tokens/new")
    same(visit.get("/notes", key).status_code, 200, "a key that a page has made")


def _generate(client: Any, address: str) -> str:
    """Make a key on the pages, and read it off the one that shows it once."""
    page = client.get(address).content.decode()
    made = client.post(address, forms.generate(page, "Made on a page"))
    same(made.status_code, 200, repr(made.content[-2000:]))
    return forms.key(made.content.decode())


def docs(visit: Visit) -> None:
    """Where drf-spectacular is installed, its documents name the view and how a key travels."""
    from django.conf import settings

    if "drf_spectacular" not in settings.INSTALLED_APPS:
        return
    alice = visit.client(visit.alice)
    for page in ("docs", "postman/default.json"):
        response = alice.get(f"/access/v1/{page}")
        same(response.status_code, 200, f"{page}: {response.content[-800:]!r}")
    document = alice.get("/access/v1/schema/default?format=json").json()
    same(
        document["paths"]["/notes"]["get"]["x-required-scopes"], {"allOf": ["notes:read"]}, "scopes"
    )
    schemes = document["components"]["securitySchemes"]
    same(sorted(each["type"] for each in schemes.values()), ["apiKey", "http", "http"], "schemes")
