"""Names and functions for the tools of others, without those tools: reports as they send them."""

from __future__ import annotations

import base64
import copy
import json
import os
import subprocess
import sys
import types
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from django.urls import include, path

from apikeys import scrubbing
from apikeys.api import urls as api_urls
from apikeys.credentials.carriers import Header
from apikeys.credentials.keys import HEX, KeyShape, api_key
from apikeys.dialects import DefaultDialect, Dialect, EnvNames
from tests.support.apis import say

SHAPE = KeyShape()
SHORT = KeyShape(8, 32, HEX, checksum=False)
TOKEN_ID = SHAPE.new_id()
SECRET = SHAPE.new_secret(TOKEN_ID)
KEY = api_key("ak_prod", TOKEN_ID, SECRET)
SHOWN = f"ak_prod_{TOKEN_ID}"
OTHER_ID, OTHER_SECRET = SHORT.new_id(), SHORT.new_secret("")
OTHER_KEY = api_key("door", OTHER_ID, OTHER_SECRET)
BASIC = base64.b64encode(f"{TOKEN_ID}:{SECRET}".encode()).decode()
TRACE_ID = "4c79f60c11214eb38604f4ae0781bfb2"


class Door(Dialect):
    """A header that no tool's own list knows, and a short shape."""

    carriers = (Header("X-Door"),)
    prefixes = {"development": "door"}
    key_shape = SHORT
    env_names = EnvNames("DOOR_ID", "", "DOOR_PASS")


class NeedsSettings(DefaultDialect):
    """Made only when settings are there."""

    carriers = (Header("X-Late"),)


DIALECTS = {
    "door": "tests.credentials.test_scrubbing.Door",
    "late": "tests.credentials.test_scrubbing.NeedsSettings",
}


@pytest.fixture(autouse=True)
def dialects_of_a_host(settings: Any) -> None:
    say(settings, DIALECTS=DIALECTS)


def assert_clean(value: Any) -> None:
    text = f"{value!r} {value}"
    secrets = {SECRET, SECRET[:17], OTHER_SECRET, BASIC, BASIC[24:60]}
    assert not [each for each in secrets if each in text]


def test_names_come_from_every_dialect() -> None:
    headers = ["X-Api-Key", "Authorization", "X-Door", "X-Late"]
    fields = ["secret", "api_key", "ACCESS_TOKEN_SECRET", "API_KEY", "DOOR_PASS"]
    assert scrubbing.header_names() == headers
    assert scrubbing.field_names() == fields
    assert scrubbing.denylist() == [
        *("x-api-key", "x_api_key", "http_x_api_key", "authorization", "http_authorization"),
        *("x-door", "x_door", "http_x_door", "x-late", "x_late", "http_x_late"),
        *("secret", "api_key", "access_token_secret", "door_pass"),
    ]
    assert scrubbing.header_names({"DIALECTS": DIALECTS}) == headers
    assert scrubbing.field_names({"DIALECTS": DIALECTS}) == fields
    assert scrubbing.header_names({}) == ["X-Api-Key", "Authorization"]


SENTRY = {
    "event_id": TRACE_ID,
    "message": f"no note for {KEY}",
    "contexts": {"trace": {"trace_id": TRACE_ID, "data": {"http.request.header.x_door": "b"}}},
    "request": {
        "url": "https://shop.example/notes",
        "query_string": f"page=2&key={KEY}",
        "cookies": {"sessionid": "abc"},
        "headers": {
            "X-Api-Key": KEY,
            "Authorization": f"Basic {BASIC}",
            "X-Door": OTHER_KEY,
            "Accept": "*/*",
        },
        "env": {"SERVER_NAME": "shop", "HTTP_X_DOOR": OTHER_KEY},
        "data": {"name": "One", "secret": SECRET, "note": f"uses {OTHER_KEY} now"},
    },
    "breadcrumbs": {
        "values": [
            {"message": f"GET /x?key={KEY}", "data": {"http.query": f"key={KEY}", "n": 1}},
            {"message": json.dumps({"secret": SECRET, "name": "One"}), "data": None},
        ]
    },
    "exception": {
        "values": [
            {
                "type": "ValueError",
                "value": f"bad key {KEY}",
                "stacktrace": {
                    "frames": [
                        {
                            "function": "get",
                            "vars": {
                                "raw": f"'{SECRET}'",
                                "key": f"b'{KEY}'",
                                "meta": {"'HTTP_X_DOOR'": f"'{OTHER_KEY}'", "HTTP_HOST": "'x'"},
                                "headers": [["x-door", OTHER_KEY], ["host", "x"]],
                                "count": "3",
                            },
                        }
                    ]
                },
            }
        ]
    },
    "spans": [{"data": {"http.request.header.x-api-key": [KEY], "db.rows": 3}}],
    "extra": {"pair": (KEY, 1), "raw": KEY.encode(), "repr": f"{{'api_key': '{KEY}'}}"},
    "user": {"id": "1", "username": None},
}


def test_a_report_of_sentry_keeps_everything_but_secrets() -> None:
    before = copy.deepcopy(SENTRY)
    event = scrubbing.before_send(SENTRY, {"exc_info": ()})
    assert before == SENTRY, "what was given is not changed"
    assert_clean(event)
    assert event["event_id"] == event["contexts"]["trace"]["trace_id"] == TRACE_ID
    assert event["message"] == f"no note for {SHOWN}"
    request = event["request"]
    assert request["headers"] == {
        "X-Api-Key": "***",
        "Authorization": "***",
        "X-Door": "***",
        "Accept": "*/*",
    }
    assert request["cookies"] == {"sessionid": "abc"}
    assert request["query_string"] == f"page=2&key={SHOWN}"
    assert request["env"] == {"SERVER_NAME": "shop", "HTTP_X_DOOR": "***"}
    assert request["data"] == {"name": "One", "secret": "***", "note": f"uses door_{OTHER_ID} now"}
    first, second = event["breadcrumbs"]["values"]
    assert first["data"] == {"http.query": f"key={SHOWN}", "n": 1}
    assert json.loads(second["message"]) == {"secret": "***", "name": "One"}
    [frame] = event["exception"]["values"][0]["stacktrace"]["frames"]
    assert frame["vars"] == {
        "raw": "'***'",
        "key": f"b'{SHOWN}'",
        "meta": {"'HTTP_X_DOOR'": "***", "HTTP_HOST": "'x'"},
        "headers": [["x-door", "***"], ["host", "x"]],
        "count": "3",
    }
    assert event["spans"][0]["data"]["db.rows"] == 3
    assert event["extra"]["pair"] == (SHOWN, 1)
    assert event["extra"]["raw"] == SHOWN.encode()
    assert event["user"] == {"id": "1", "username": None}


def test_the_hooks_of_other_tools_do_the_same() -> None:
    headers = {"x-door": OTHER_KEY, "accept": "*/*"}
    expected = {"x-door": "***", "accept": "*/*"}
    event = {"context": {"request": {"headers": headers}}}
    found = scrubbing.elastic_apm_processor(object(), event)
    assert found == {"context": {"request": {"headers": expected}}}
    line = {"event": f"made {KEY}", "headers": headers}
    found = scrubbing.structlog_processor(object(), "info", line)
    assert found == {"event": f"made {SHOWN}", "headers": expected}


@pytest.mark.parametrize(
    "text",
    [
        f'{{"secret": "{SECRET}"}}',
        f'"{{\\"secret\\": \\"{SECRET}\\"}}"',
        f"{{'secret': '{SECRET}'}}",
        f"name=One&secret={SECRET}&x=1",
        f"ACCESS_TOKEN_SECRET={SECRET}\n",
        f"DOOR_PASS = {OTHER_SECRET}",
        f"data:text/plain,ID%3D1%0AACCESS_TOKEN_SECRET%3D{SECRET}%0A",
        f"%7B%22secret%22%3A%20%22{SECRET}%22%7D",
        f"Authorization: Basic {BASIC}",
    ],
    ids=range(9),  # the texts differ from one process of pytest to the next
)
def test_a_secret_in_a_text_is_found_by_its_name(text: str) -> None:
    assert_clean(scrubbing.scrub(text))
    assert_clean(scrubbing.scrub(text.encode()))


@pytest.mark.parametrize("value", ["", None, 3, 2.5, True, "a secret: nobody knows", "µ é 中"])
def test_what_holds_no_secret_stays(value: Any) -> None:
    assert scrubbing.scrub(value) == value
    assert scrubbing.scrub({"secret": None, "api_key": ""}) == {"secret": None, "api_key": ""}


def test_what_is_nested_without_end_is_left_out() -> None:
    value: Any = KEY
    for _ in range(200):
        value = [value]
    assert_clean(scrubbing.scrub(value))


def test_where_a_dialect_can_not_be_loaded_a_report_keeps_no_values(settings: Any) -> None:
    say(settings, DIALECTS={"door": "nowhere.Door"})
    with pytest.raises(ImproperlyConfigured, match="nowhere"):
        scrubbing.scrub(SENTRY)
    event = scrubbing.before_send({**SENTRY, "message": "nowhere can't be imported"}, {})
    assert event["message"] == "nowhere can't be imported"
    assert event["exception"]["values"][0]["type"] == "ValueError"
    del event["exception"]["values"][0]["value"]
    assert_clean(event)
    assert not {"request", "breadcrumbs", "spans", "extra"} & set(event)


# A host's own package and namespace of a name that ours have, too.
theirs = types.ModuleType("dashboard.views")
exec("def board(request):\n    ...", theirs.__dict__)
others = types.ModuleType("tests.urls_of_others")
others.urlpatterns = [  # type: ignore[attr-defined]
    path("board/new", theirs.board),
    path("named/", include(([path("new", theirs.board, name="tokens")], "dashboard"))),
]
second = types.ModuleType("tests.urls_of_the_second_name")
second.urlpatterns = [  # type: ignore[attr-defined]
    path("pages/", include("apikeys_dashboard.urls")),
    *others.urlpatterns,
]
spoken = types.ModuleType("tests.urls_in_languages")
spoken.urlpatterns = i18n_patterns(path("pages/", include("dashboard.urls")))  # type: ignore[attr-defined]
bare = types.ModuleType("tests.urls_without_namespace")
bare.urlpatterns = [path("", include(api_urls.urlpatterns))]  # type: ignore[attr-defined]

REQUESTS = [
    ("project.urls", "get", "/access/v1/organizations/acme/tokens", True),
    ("project.urls", "post", "/access/v1/organizations/acme/tokens", False),
    ("project.urls", "post", "/access/v1/organizations/acme/tokens/A1/rotate", False),
    ("project.urls", "get", "/dashboard/acme/tokens/new", True),
    ("project.urls", "post", "/dashboard/acme/tokens/new", False),
    ("project.urls", "post", "/login", True),
    ("project.urls", "post", "/nowhere", True),
    (second, "get", "/pages/acme/tokens/new", True),
    (second, "post", "/pages/acme/tokens/new", False),
    (second, "post", "/board/new", True),
    (second, "post", "/named/new", True),
    (others, "post", "/board/new", True),
    (spoken, "post", "/en/pages/acme/tokens/new", False),
    (spoken, "post", "/de/pages/acme/tokens/new", False),
    (bare, "post", "/v1/organizations/acme/tokens", False),
]


@pytest.mark.parametrize(("urlconf", "method", "path", "expected"), REQUESTS)
def test_requests_that_may_make_a_secret_are_told(
    settings: Any, urlconf: Any, method: str, path: str, expected: bool
) -> None:
    settings.ROOT_URLCONF = urlconf
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    request = getattr(RequestFactory(), method)(path)
    assert scrubbing.makes_no_secret(request) is expected


def test_pages_in_a_urlconf_that_a_middleware_chooses_later_are_told(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, second.__name__, second)
    request = RequestFactory().post("/pages/acme/tokens/new")
    assert scrubbing.makes_no_secret(request) is True
    say(settings, DIALECTS=DIALECTS, URLCONFS={second.__name__: "https://keys.example.org"})
    assert scrubbing.makes_no_secret(request) is False
    request.urlconf = others
    assert scrubbing.makes_no_secret(request) is True


SETTINGS = """
from apikeys import scrubbing

SECRET_KEY = "x" * 60
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "apikeys"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
APIKEYS = {"DIALECTS": {"shop": "shop_dialect.Shop"}, "SCOPES": {"notes:read": "Read notes"}}
HEADERS = scrubbing.header_names(APIKEYS)
FIELDS = scrubbing.field_names(APIKEYS)
DENIED = scrubbing.denylist(APIKEYS)
BEFORE_SEND = scrubbing.before_send
"""
DIALECT = """
from django.utils.translation import gettext_lazy as _

from apikeys.dialects import DefaultDialect, Header


class Shop(DefaultDialect):
    title = _("Shop")
    carriers = (Header("Shop-Key"),)
"""
LOOK = """
import django
django.setup()
from django.conf import settings
print(settings.HEADERS, settings.FIELDS, settings.DENIED[-5:])
from apikeys.apps import ApiKeysConfig
print(settings.BEFORE_SEND({"request": {"headers": {"Shop-Key": "x"}}}, {}))
"""


def in_a_fresh_process(folder: Any, dialect: str) -> subprocess.CompletedProcess[str]:
    for name, text in {"shop_settings": SETTINGS, "shop_dialect": dialect}.items():
        (folder / f"{name}.py").write_text(text)
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, "-c", LOOK],
        env={**os.environ, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "shop_settings"},
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_a_settings_module_may_ask_for_names(tmp_path: Any) -> None:
    told = in_a_fresh_process(tmp_path, DIALECT)
    assert told.stdout.splitlines() == [
        "['X-Api-Key', 'Authorization', 'Shop-Key'] "
        "['secret', 'api_key', 'ACCESS_TOKEN_SECRET', 'API_KEY'] "
        "['shop_key', 'http_shop_key', 'secret', 'api_key', 'access_token_secret']",
        "{'request': {'headers': {'Shop-Key': '***'}}}",
    ], told.stderr


def test_a_dialect_that_needs_models_is_named_with_what_to_do(tmp_path: Any) -> None:
    told = in_a_fresh_process(tmp_path, "from apikeys.models import AccessToken\n" + DIALECT)
    assert told.returncode != 0
    assert "APIKEYS['DIALECTS']['shop']: shop_dialect.Shop can't be imported here" in told.stderr
    assert "must import no models and read no settings" in told.stderr
