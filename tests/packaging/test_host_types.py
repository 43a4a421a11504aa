"""A host's own annotations: mypy knows what a request has, and reports what it has not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from apikeys.testing import State

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
[mypy]
strict = True
follow_imports = silent
plugins = mypy_django_plugin.main, mypy_drf_plugin.main
[mypy.plugins.django-stubs]
django_settings_module = tests.settings.library
"""
RIGHT = """
from django.http import HttpRequest, HttpResponse
from django.test import SimpleTestCase
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.decorators import access_token_required
from apikeys.models import AccessToken
from apikeys.principals import token_of
from apikeys.testing import (
    AsyncTokenClient, IsolatedMixin, MadeToken, TokenClient, make_token, rate_limited,
    recorded_uses, token_client,
)
from apikeys.typing import (
    Face, Facts, OpenDRFRequest, OpenRequest, Requirement, Restriction, TokenDRFRequest,
    TokenRequest,
)


@access_token_required("notes:read")
def notes(request: TokenRequest, slug: str) -> HttpResponse:
    return HttpResponse(f"{request.auth.workspace.slug} {slug} {request.user.get_username()}")


@access_token_required("notes:read")
async def anotes(request: TokenRequest) -> HttpResponse:
    return HttpResponse(request.auth.token_id, headers={"X-Address": request.apikeys.address or ""})


@access_token_required(anonymous="everyone")
def home(request: OpenRequest) -> HttpResponse:
    return HttpResponse(request.auth.name if request.auth else "nobody")


@method_decorator(access_token_required("notes:read"), name="dispatch")
class Notes(View):
    def get(self, request: TokenRequest) -> HttpResponse:
        return HttpResponse(request.auth.name)


class Api(APIView):
    def get(self, request: TokenDRFRequest) -> Response:
        return Response({"by": request.auth.name, "allowed": request.apikeys.allowed})

    def post(self, request: OpenDRFRequest) -> Response:
        return Response({"by": request.auth.name if request.auth else None})


class Anybody(APIView):
    def get(self, request: Request) -> Response:
        token = token_of(request)
        return Response({"workspace": token.workspace.slug if token else None})


def anybody(request: HttpRequest) -> HttpResponse:
    token: AccessToken | None = token_of(request)
    return HttpResponse(token.name if token is not None else "a person")


class Weekdays:
    def objection(self, token: AccessToken, facts: Facts) -> Face | None:
        return Face(403, "closed", "Come back later.") if facts.secure else None


def test_notes() -> None:
    client = token_client("notes:read", state="expired", owner=None)
    status: int = client.get("/notes", format="json").status_code
    key: MadeToken = make_token("notes:read", saved=True)
    headers: dict[str, str] = key.headers
    slug: str = TokenClient(key).token.workspace.slug
    counted: dict[str, int] = recorded_uses(key)
    with rate_limited("any-token"):
        print(status, headers, slug, counted)


async def test_async_notes() -> None:
    client: AsyncTokenClient = token_client(client_class=AsyncTokenClient)
    print((await client.get("/notes")).status_code)


class Tests(IsolatedMixin, SimpleTestCase):
    def test_it(self) -> None:
        self.assertEqual(token_client().get("/notes").status_code, 403)


RULES: tuple[Restriction, ...] = (Weekdays(),)
NEEDED: Requirement = frozenset({"notes:read"})
urlpatterns = [
    path("notes/<slug:slug>", notes),
    path("anotes", anotes),
    path("home", home),
    path("class", Notes.as_view()),
    path("api", Api.as_view()),
]
"""
WRONG = """
from django.http import HttpRequest, HttpResponse
from rest_framework.response import Response

from apikeys.decorators import access_token_required
from apikeys.models import AccessToken
from apikeys.principals import token_of
from apikeys.testing import make_token, token_client
from apikeys.typing import (
    Facts, OpenDRFRequest, OpenRequest, Restriction, TokenDRFRequest, TokenRequest
)


@access_token_required("notes:read")
def notes(request: TokenRequest) -> HttpResponse:
    return HttpResponse(request.auth.nonsense)


@access_token_required("notes:read")
async def anotes(request: TokenRequest) -> HttpResponse:
    return HttpResponse(request.apikeys.nonsense)


def home(request: OpenRequest) -> HttpResponse:
    return HttpResponse(request.auth.name)


def api(request: TokenDRFRequest) -> Response:
    return Response(request.auth.nonsense)


def open_api(request: OpenDRFRequest) -> Response:
    return Response(request.auth.name)


def anybody(request: HttpRequest) -> HttpResponse:
    return HttpResponse(token_of(request).name)


class Rule:
    def objection(self, token: AccessToken, facts: Facts) -> str:
        return "no"


rule: Restriction = Rule()
notes("no request")
make_token("notes:read", state="gone")
token_client(scopes=["notes:read"])
"""
REPORTED = [
    ('"AccessToken" has no attribute "nonsense"', "attr-defined"),
    ('"Access" has no attribute "nonsense"', "attr-defined"),
    ('Item "None" of "AccessToken | None" has no attribute "name"', "union-attr"),
    ('"AccessToken" has no attribute "nonsense"', "attr-defined"),
    ('Item "None" of "AccessToken | None" has no attribute "name"', "union-attr"),
    ('Item "None" of "AccessToken | None" has no attribute "name"', "union-attr"),
    (
        'Incompatible types in assignment (expression has type "Rule", '
        'variable has type "Restriction")',
        "assignment",
    ),
    ('Argument 1 to "notes" has incompatible type "str"; expected "TokenRequest"', "arg-type"),
    (
        'Argument "state" to "make_token" has incompatible type "Literal[\'gone\']"; '
        f'expected "Literal{list(get_args(State))}"',
        "arg-type",
    ),
    (
        'Unexpected keyword argument "scopes" for overloaded function "token_client"',
        "call-overload",
    ),
]


@pytest.mark.slow
@pytest.mark.once
def test_mypy_lets_a_right_host_pass_and_reports_each_fault_of_a_wrong_one(tmp_path):
    (tmp_path / "mypy.ini").write_text(CONFIG)
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context"),
            *("--no-pretty", "right.py", "wrong.py"),
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "MYPYPATH": str(ROOT), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    errors = [line for line in done.stdout.splitlines() if ": note: " not in line]
    places = [line.partition(": error: ") for line in errors]
    assert [place.partition(":")[0] for place, _, _ in places] == ["wrong.py"] * len(REPORTED), (
        done.stdout + done.stderr
    )
    assert [message for _, _, message in places] == [f"{text}  [{code}]" for text, code in REPORTED]
