"""Secrets on their way through a host, and whether any of them is in what a tool has kept.

Requests go through the application of a server, WSGI or ASGI, since tools wrap that one.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.hosts import forms
from tests.hosts.texts import ROUTES, urls
from tests.hosts.visit import wrong

DIALECT = '''
"""How the API of doors speaks: a header that no tool's own list knows."""

from apikeys.dialects import DefaultDialect, EnvNames, Header


class Doors(DefaultDialect):
    carriers = (Header("X-Door"),)
    prefixes = {"production": ""}
    env_names = EnvNames("DOOR_ID", "", "DOOR_PASS")
'''
VIEWS = '''
import json

from apikeys.authentication import AccessTokenAuthentication
from mysite.notes import NotesView


class DoorsAuthentication(AccessTokenAuthentication):
    dialect = "doors"


class DoorsView(NotesView):
    authentication_classes = [DoorsAuthentication]


class Fails:
    def get(self, request):
        headers, environ = dict(request.headers), dict(request.META)
        raise RuntimeError("this view fails")


class FailingView(Fails, NotesView):
    """Takes keys of the default dialect."""


class FailingDoorsView(Fails, DoorsView):
    """Takes keys of the doors."""


def elsewhere(request):
    """Takes no keys at all, whatever is sent."""
    headers = dict(request.headers)
    raise RuntimeError("this view fails, too")
'''
URLS = urls(
    *ROUTES,
    'path("doors", views.DoorsView.as_view())',
    'path("notes/failing", views.FailingView.as_view())',
    'path("doors/failing", views.FailingDoorsView.as_view())',
    'path("elsewhere", views.elsewhere)',
    before="from mysite import views\n",
)
FILES = {"mysite/dialect.py": DIALECT, "mysite/views.py": VIEWS, "mysite/urls.py": URLS}
SETTINGS = """
ALLOWED_HOSTS = ["testserver"]
APIKEYS["DIALECTS"] = {"doors": "mysite.dialect.Doors"}
APIKEYS["REQUIRE_HTTPS"] = False
DEBUG = False
"""

Environ = dict[str, Any]


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


Application = Callable[[str, str, dict[str, str], bytes], Answer]


class Secrets:
    """Keys of a host, new ones too, in every form in which they could be read."""

    def __init__(self, visit: Any) -> None:
        from apikeys.models import Workspace

        self.visit = visit
        self.seen: set[str] = set()
        doors = Workspace.objects.create(
            organization=visit.acme, slug="doors", name="Doors", dialect="doors"
        )
        self.notes = self._known(visit.issue("notes:read"))
        self.doors = self._known(visit.issue("notes:read", workspace=doors))
        self.manager = self._known(visit.issue("tokens:manage", "notes:read"))

    def _known(self, issued: Any) -> Any:
        self.know(issued.token.token_id, issued.secret)
        return issued

    def know(self, token_id: str, secret: str) -> None:
        """Look for this secret from now on."""
        pair = base64.b64encode(f"{token_id}:{secret}".encode()).decode()
        self.seen |= {secret[:20], pair[30:60], base64.b64encode(secret.encode()).decode()[:40]}

    def in_(self, text: str) -> set[str]:
        """Return which of them are in a text, and digests of what is stored."""
        return {each for each in self.seen if each in text}

    def digests(self) -> set[str]:
        """Return the digests in the table, without what they begin with."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT digest, previous_digest FROM apikeys_accesstoken")
            return {d.rpartition("$")[2] for row in cursor.fetchall() for d in row if d}

    def travel(self, ask: Application) -> None:
        """Send them every way: let in, refused, forbidden, failing, to a view and an address that
        take no keys; and make new ones."""
        for path, headers in self._ways():
            name, value = next(iter(headers.items()))
            for status, method, address, sent in (
                (200, "GET", path, headers),
                (401, "GET", path, {name: wrong(value)}),
                (403, "POST", path, headers),
                (500, "GET", f"{path}/failing", headers),
            ):
                answer = ask(method, address, sent, b"")
                assert answer.status == status, (address, answer)
            assert ask("GET", "/elsewhere", headers, b"").status == 500
            assert ask("GET", "/nowhere", headers, b"").status == 404
        self._make_by_the_api(ask)
        self._make_on_a_page(ask)

    def _ways(self) -> list[tuple[str, dict[str, str]]]:
        token = self.notes
        pair = base64.b64encode(f"{token.token.token_id}:{token.secret}".encode()).decode()
        return [
            ("/notes", {"X-API-Key": token.api_key}),
            ("/notes", {"Authorization": f"Bearer {token.api_key}"}),
            ("/notes", {"Authorization": f"Basic {pair}"}),
            ("/doors", {"X-Door": self.doors.api_key}),
        ]

    def _make_by_the_api(self, ask: Application) -> None:
        body = {"workspace": "development", "name": "By the API", "scopes": ["notes:read"]}
        headers = {"X-API-Key": self.manager.api_key, "Content-Type": "application/json"}
        address = "/access/v1/organizations/acme/tokens"
        made = ask("POST", address, headers, json.dumps(body).encode())
        assert made.status == 201, made
        told = json.loads(made.body)
        self.know(told["token_id"], told["secret"])
        rotated = ask("POST", f"{address}/{told['token_id']}/rotate", headers, b"{}")
        assert rotated.status == 200, rotated
        self.know(told["token_id"], json.loads(rotated.body)["secret"])

    def _make_on_a_page(self, ask: Application) -> None:
        client = self.visit.client(self.visit.alice)
        session = f"sessionid={client.cookies['sessionid'].value}"
        address = "/dashboard/acme/tokens/new"
        page = ask("GET", address, {"Cookie": session}, b"")
        [csrf] = [v for n, v in page.headers if n.lower() == "set-cookie" and "csrftoken" in v]
        text = page.body.decode()
        form = forms.generate(text, "On a page")
        form["csrfmiddlewaretoken"] = forms.hidden(text, "csrfmiddlewaretoken")
        headers = {
            "Cookie": f"{session}; {csrf.partition(';')[0]}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        made = ask("POST", address, headers, urlencode(form).encode())
        self.know(*forms.key(made.body.decode()).split("_")[-2:])


def wsgi(application: Any) -> Application:
    """Return what asks a WSGI application as a server would."""
    from django.test import RequestFactory

    def ask(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        kind = headers.get("Content-Type", "text/plain")
        request = RequestFactory().generic(method, path, body, kind, headers=headers)
        told: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            told[:] = [int(status.split()[0]), headers]

        result = application(request.environ, start)
        content = b"".join(result)
        result.close()
        return Answer(told[0], told[1], content)

    return ask


def asgi(application: Any) -> Application:
    """Return what asks an ASGI application as a server would."""

    def ask(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        return asyncio.run(_ask(application, method, path, headers, body))

    return ask


async def _ask(
    application: Any, method: str, path: str, headers: dict[str, str], body: bytes
) -> Answer:
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"testserver"),
            (b"content-length", str(len(body)).encode()),
            *pairs,
        ],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    sent: list[dict[str, Any]] = []
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    start = next(one for one in sent if one["type"] == "http.response.start")
    told = [(name.decode(), value.decode()) for name, value in start["headers"]]
    return Answer(start["status"], told, b"".join(one.get("body", b"") for one in sent))
