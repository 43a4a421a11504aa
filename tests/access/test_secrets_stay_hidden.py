"""A canary: making, using and breaking leave no secret in a log, e-mail, page or table."""

from __future__ import annotations

import base64
import logging
import pickle
import re
import traceback

import django
import pytest
from django.apps import apps
from django.core import mail
from django.db import OperationalError, connections
from django.utils.log import AdminEmailHandler
from rest_framework.views import APIView

from apikeys import authentication, conf, exceptions, networks, principals
from apikeys.access import steps
from apikeys.activity import usage
from apikeys.credentials import carriers
from apikeys.credentials.carriers import Basic, Bearer, Header
from apikeys.credentials.digests import text_of
from apikeys.credentials.keys import KeyShape
from apikeys.dialects import DefaultDialect
from apikeys.limits import limiter
from apikeys.models import AccessToken
from apikeys.services.tokens import rotate_token
from apikeys.testing.headers import headers_of
from apikeys.verification import verify
from tests.support.apis import Protected, say

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.support.apis"),
    pytest.mark.usefixtures("limits_in_memory"),
]


DIGEST = "[0-9a-f]{32}"


class Discreet(DefaultDialect):
    """Its header has a name that Django's own cleaning of error pages does not know."""

    carriers = (Header("X-Door"), Bearer(), Basic())


@pytest.fixture(autouse=True)
def discreet(settings):
    say(settings, DIALECTS={"default": "tests.access.test_secrets_stay_hidden.Discreet"})


@pytest.fixture
def heard(caplog, monkeypatch):
    """All that is logged, SQL included, with every attribute of the records."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "django.db.backends")
    caplog.set_level(logging.DEBUG, "apikeys")
    monkeypatch.setattr(connections["default"], "force_debug_cursor", True)

    def text() -> str:
        return caplog.text + "".join(repr(vars(record)) for record in caplog.records)

    return text


@pytest.fixture
def post(settings):
    """Sends every error by e-mail, as text and as HTML with the variables of each frame."""
    # A pair until Django 5.2, an address from 6.0 on.
    pair = ("Admin", "admin@example.com")
    settings.ADMINS = [pair if django.VERSION < (6, 0) else pair[1]]
    handler = AdminEmailHandler(include_html=True)
    handler.setLevel(logging.ERROR)
    root = logging.getLogger()
    root.addHandler(handler)
    yield lambda: "".join(
        message.subject + message.body + "".join(a[0] for a in message.alternatives)
        for message in mail.outbox
    )
    root.removeHandler(handler)


def spellings(issued) -> set[str]:
    """The secret in each form in which it travels or could be read."""
    pair = f"{issued.token.token_id}:{issued.secret}".encode()
    return {
        issued.secret,
        issued.secret[:-6],
        issued.secret[:20],
        base64.b64encode(pair).decode(),
        base64.b64encode(pair).decode()[24:60],
        base64.b64encode(issued.secret.encode()).decode().rstrip("="),
        issued.secret.encode().hex(),
    }


def digests(issued) -> set[str]:
    token = AccessToken.objects.get(pk=issued.token.pk)
    stored = {text_of(d) for d in (token.digest, token.previous_digest) if d}
    return stored | {d.rpartition("$")[2] for d in stored}


def assert_hidden(text: str, issued, *, digest: bool = True) -> None:
    found = {s for s in spellings(issued) if s in text}
    if digest:
        found |= {d for d in digests(issued) if d in text}
    assert not found, "a secret was seen"


def ways(issued) -> list[dict[str, str]]:
    return [
        {"X-Door": issued.api_key},
        {"Authorization": f"Bearer {issued.api_key}"},
        headers_of(issued, "Basic"),
    ]


def test_the_canary_sees_a_secret_where_one_is(issue):
    issued = issue()
    for headers in ways(issued):
        with pytest.raises(AssertionError, match="a secret was seen"):
            assert_hidden(repr(headers), issued)
    with pytest.raises(AssertionError, match="a secret was seen"):
        assert_hidden(text_of(issued.token.digest), issued)


def test_making_and_rotating_logs_no_secret(issue, actor, heard):
    issued = issue()
    rotated = rotate_token(actor=actor, token=issued.token)
    assert "INSERT INTO" in heard()
    # Django logs what it writes: the digest is in the SQL of the row's own INSERT, the secret not.
    for made in (issued, rotated):
        assert_hidden(heard(), made, digest=False)


@pytest.mark.parametrize("debug", [True, False], ids=["DEBUG", "production"])
@pytest.mark.parametrize("way", [0, 1, 2], ids=["header", "bearer", "basic"])
def test_using_a_token_logs_neither_secret_nor_digest(
    api, issue, settings, caplog, heard, debug, way
):
    issued, other = issue(), issue()
    caplog.clear()
    settings.DEBUG = debug
    headers = ways(issued)[way]
    for path in ("/protected", "/undeclared", "/failing/missing", "/limited", "/nowhere"):
        api.get(path, headers=headers)
    api.post("/protected", headers=headers)
    api.get("/protected", headers={**ways(other)[0], **ways(issued)[1]})
    api.get("/protected", headers={"X-Door": issued.api_key[:-1]})
    api.get("/protected", headers={"X-Door": issued.api_key.replace("prod", "dev")})
    assert "SELECT" in caplog.text
    assert_hidden(heard(), issued)
    assert_hidden(heard(), other)


BROKEN = {
    "the view": None,
    "the state": (verify, "validity_of"),
    "the comparison": (verify.digests, "matches"),
    "the query": (verify, "find"),
    "the parser": (carriers, "parse_key"),
    "the pair": (carriers, "parse_pair"),
    "the declaration": (authentication, "declaration"),
    "the address": (networks, "client_address"),
    "the facts": (steps, "_facts"),
    "the principal": (principals, "AccessTokenPrincipal"),
}


@pytest.mark.parametrize("debug", [True, False], ids=["DEBUG", "production"])
@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_fault_shows_neither_secret_nor_digest(
    api, issue, settings, monkeypatch, heard, post, debug, broken, accept, caplog
):
    issued = issue()
    caplog.clear()
    settings.DEBUG = debug
    # With DEBUG, sensitive_variables does nothing: frames must not hold a secret at all.
    api.raise_request_exception = False
    if BROKEN[broken] is not None:

        def fail(*args, **kwargs):
            raise RuntimeError("broken inside")

        monkeypatch.setattr(*BROKEN[broken], fail)
    path = "/failing/fault" if broken == "the view" else "/protected"
    for headers in ways(issued):
        response = api.get(path, headers={**headers, "Accept": f"{accept}, */*"})
        if broken in ("the parser", "the pair") and response.status_code == 200:
            continue
        assert response.status_code == 500
        shown = response.content.decode()
        assert ("Traceback" in shown) == debug
        assert_hidden(shown, issued)
    assert "broken inside" in post() or "internal words" in post()
    assert_hidden(post(), issued)
    assert_hidden(heard(), issued)


@pytest.mark.parametrize("debug", [True, False], ids=["DEBUG", "production"])
def test_a_database_that_is_gone_shows_nothing(
    api, issue, settings, monkeypatch, heard, post, debug, caplog
):
    issued = issue()
    caplog.clear()
    settings.DEBUG = debug

    def fail(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr(verify, "find", fail)
    for headers in ways(issued):
        response = api.get("/protected", headers=headers)
        assert response.status_code == 503
        assert_hidden(response.content.decode(), issued)
    assert_hidden(post() + heard(), issued)


def test_after_authentication_the_request_shows_no_credential(api, issue, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "tests.support.apis.Protected.get",
        lambda self, request: seen.append(request) or self.http_method_not_allowed(request),
    )
    for headers in ways(issue()):
        api.get("/protected", headers=headers)
    shown = [(r.META.get("HTTP_X_DOOR"), r.META.get("HTTP_AUTHORIZATION")) for r in seen]
    words = [[value and re.sub(DIGEST, "", value) for value in pair] for pair in shown]
    assert words == [["***", None], [None, "Bearer ***"], [None, "Basic ***"]]
    assert [r.headers.get("Authorization") for r in seen] == [pair[1] for pair in shown]


def test_a_refused_request_shows_none_either(api, issue):
    response = api.get("/protected", headers={"X-Door": issue().api_key[:-1] + "!"})
    assert response.status_code == 401
    assert re.fullmatch(rf"\*\*\*{DIGEST}", response.wsgi_request.META["HTTP_X_DOOR"])


def test_headers_that_another_middleware_has_read_are_read_anew(rf, issue):
    issued = issue()
    http = rf.get("/", headers=ways(issued)[0], secure=True)
    assert http.headers["X-Door"] == issued.api_key
    assert Protected.as_view()(http).status_code == 200
    assert re.fullmatch(rf"\*\*\*{DIGEST}", http.headers["X-Door"])
    # A view may hand the request on to another one: the credential is still there for it.
    assert Protected.as_view()(http).status_code == 200


def test_what_is_no_carrier_of_the_dialect_is_left_to_others(rf):
    headers = {"Authorization": "Digest username=x", "X-Cms-Key": "mine"}
    http = rf.get("/", headers=headers, secure=True)
    assert Protected.as_view()(http).status_code == 401
    assert http.META["HTTP_AUTHORIZATION"] == "Digest username=x"
    assert http.META["HTTP_X_CMS_KEY"] == "mine"


def plain(row: dict) -> dict:
    """A row as the table holds it, digests too."""
    return {
        name: text_of(value) if isinstance(value, str) else value for name, value in row.items()
    }


def test_no_table_holds_a_secret(api, issue, actor):
    issued = issue()
    rotated = rotate_token(actor=actor, token=issued.token)
    for made in (issued, rotated):
        for headers in ways(made):
            api.get("/protected", headers={**headers, "User-Agent": "canary"})
    usage.flush()
    rows = {
        model: [plain(row) for row in model._default_manager.values()]
        for model in apps.get_models()
    }
    assert "canary" in repr(rows)
    for made in (issued, rotated):
        assert_hidden(repr(rows), made, digest=False)
    tokens = rows.pop(AccessToken)
    assert text_of(rotated.token.digest) in repr(tokens)
    assert_hidden(repr(rows), rotated)


def test_no_limit_is_counted_under_a_secret(api, issue):
    issued = issue()
    for headers in ways(issued):
        api.get("/limited", headers=headers)
        api.get("/protected", headers={k: v[:-1] for k, v in headers.items()})
    memory = limiter(conf.get().limits_storage)._memory
    assert memory.shelves
    assert_hidden(repr(memory.shelves), issued)


def test_neither_repr_nor_pickle_of_a_token_shows_more_than_its_public_id(api, issue):
    issued = issue()
    state = [repr(issued), repr(issued.token), str(issued.token), repr(pickle.dumps(issued.token))]
    assert issued.token.token_id in state[0]
    assert_hidden("".join(state), issued)
    request = api.get("/protected", headers=ways(issued)[0]).wsgi_request
    assert_hidden(repr(request.apikeys), issued)
    assert_hidden(repr(request.META), issued)


@pytest.mark.parametrize("path", ["/protected", "/undeclared"])
def test_no_frame_behind_a_refusal_holds_the_secret(api, issue, monkeypatch, path):
    issued, caught = issue(), []

    def keep(exc, context):
        caught.append(exc)
        return exceptions.exception_handler(exc, context)

    monkeypatch.setattr(APIView, "get_exception_handler", lambda view: keep)
    wrong = KeyShape().new_secret(issued.token.token_id)
    secret = issued.secret if path == "/undeclared" else wrong
    api.get(path, headers={"X-Door": issued.api_key.replace(issued.secret, secret)})
    link, shown = caught[0], []
    while link is not None:
        shown += [repr(frame.f_locals) for frame, _ in traceback.walk_tb(link.__traceback__)]
        link = link.__cause__ or link.__context__
    assert shown
    assert not any(secret in frame for frame in shown)
