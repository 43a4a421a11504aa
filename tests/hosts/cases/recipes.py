"""The blocks of docs/drf.md, as somebody pastes them after the README's."""

from __future__ import annotations

from tests.hosts.host import Host
from tests.hosts.texts import ROUTES, SIGNED, SPECTACULAR, blocks, urls
from tests.hosts.visit import PASSWORD, Visit, same

BLOCKS = blocks("docs/drf.md")
SETTINGS = "mysite/settings.py"
HANDLED = 'REST_FRAMEWORK["EXCEPTION_HANDLER"] = "mysite.handlers.handler"\n'
URLS = urls(
    *ROUTES,
    'path("function", functions.notes)',
    'path("summary", functions.summary)',
    'path("either", either.EitherView.as_view())',
    'path("keys-first", jwt.KeysFirstView.as_view())',
    'path("jwt-first", jwt.JWTFirstView.as_view())',
    'path("obtain", token_obtain_pair)',
    'path("schema", SpectacularAPIView.as_view())',
    before="""
from drf_spectacular.views import SpectacularAPIView
from rest_framework_simplejwt.views import token_obtain_pair

from mysite import either, functions, jwt
""",
)


def _every_recipe(visit: Visit) -> None:
    from apikeys.services import credits

    same(visit.check(), [], f"checks: {visit.messages}")
    lacking = visit.issue("notes:write").api_key
    for path in ("/function", "/summary", "/either", "/keys-first", "/jwt-first"):
        same(visit.get(path).status_code, 401, path)
        same(visit.get(path, visit.key).status_code, 200, path)
        same(visit.get(path, lacking).status_code, 403, path)
        bearer = {"Authorization": f"Bearer {visit.key}"}
        same(visit.get(path, headers=bearer).status_code, 200, path)
    same(visit.get("/function", lacking, method="post").status_code, 200, "POST")
    same(credits.balance(visit.acme), 490, "two calls of 5 credits")
    bob = visit.client(visit.bob)
    same(bob.get("/either").json(), {"key": False}, "a person")
    same(bob.get("/function").status_code, 401, "a person where keys are asked for")
    _other_schemes(visit)
    _schema(visit)


def _other_schemes(visit: Visit) -> None:
    person = {"username": "bob", "password": PASSWORD}
    text = visit.client().post("/obtain", person, "application/json").json()["access"]
    for path in ("/keys-first", "/jwt-first"):
        response = visit.get(path, headers={"Authorization": f"Bearer {text}"})
        same((response.status_code, response.json()), (200, {"user": "bob"}), path)
    handled = visit.get("/notes", headers={"X-Request-Id": "7"})
    same((handled.status_code, handled.headers["X-Request-Id"]), (401, "7"), "wrapped")


def _schema(visit: Visit) -> None:
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.settings import patched_settings
    from drf_spectacular.validation import validate_schema

    response = visit.get("/schema?format=json")
    same(response.status_code, 200, "the host's own document")
    document = response.json()
    for path in ("/notes", "/function", "/either"):
        named = [name for each in document["paths"][path]["get"]["security"] for name in each]
        assert "defaultX-API-Key" in named, f"{path}: {named}"
    for path in ("/keys-first", "/jwt-first"):
        named = [name for each in document["paths"][path]["get"]["security"] for name in each]
        assert {"jwtAuth", "defaultX-API-Key"} <= set(named), f"{path}: {named}"
    for version in ("3.0.3", "3.1.0"):
        with patched_settings({"OAS_VERSION": version}):
            validate_schema(SchemaGenerator().get_schema(request=None, public=True))
    same(visit.get("/schema?format=json", visit.key).status_code, 403, "not opened to keys")
    page = visit.get("/access/v1/docs").content.decode()
    for path in ("/function", "/summary", "/either"):
        assert path in page, f"{path} is not documented"


HOSTS = [
    Host(
        name="The recipes of docs/drf.md",
        settings="".join(text for name, text in BLOCKS if name == SETTINGS) + HANDLED + SIGNED,
        files={
            "mysite/urls.py": URLS,
            **{name: text for name, text in BLOCKS if name != SETTINGS},
        },
        packages=("djangorestframework-simplejwt", *SPECTACULAR),
        tour=("view", "errors", "pages"),
        steps=_every_recipe,
    )
]
