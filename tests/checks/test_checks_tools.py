"""`manage.py check` names tools that would keep secrets as they are set up, and nothing unsure."""

from __future__ import annotations

import re
import sys
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

from apikeys import checks, scrubbing
from apikeys.models import AccessToken, Workspace

SILK = "silk.middleware.SilkyMiddleware"


def ids() -> list[str]:
    return [message.id for message in checks.tools.check_tools(None)]


def test_nothing_is_said_where_none_of_them_is():
    assert ids() == []


def test_silk_keeps_new_secrets_until_it_is_told_which_requests_to_leave_out(settings):
    settings.MIDDLEWARE = [SILK, *settings.MIDDLEWARE]
    [message] = checks.tools.check_tools(None)
    assert message.id == "apikeys.W090"
    assert "SILKY_INTERCEPT_FUNC = apikeys.scrubbing.makes_no_secret" in message.hint


@pytest.mark.parametrize(
    "said",
    [
        {"SILKY_INTERCEPT_FUNC": scrubbing.makes_no_secret},
        {"SILKY_INTERCEPT_FUNC": lambda request: False},
        {"SILKY_MAX_RESPONSE_BODY_SIZE": 0},
    ],
)
def test_of_silk_with_a_rule_nothing_is_said(settings, said):
    settings.MIDDLEWARE = [SILK, *settings.MIDDLEWARE]
    for name, value in said.items():
        setattr(settings, name, value)
    assert ids() == []


AUDIT = "DJANGO_EASY_AUDIT_"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, ["apikeys.W091"]),
        ({"UNREGISTERED_CLASSES_EXTRA": ["apikeys.Workspace"]}, ["apikeys.W091"]),
        ({"UNREGISTERED_CLASSES_EXTRA": [Workspace]}, ["apikeys.W091"]),
        ({"REGISTERED_CLASSES": ["apikeys.AccessToken"]}, ["apikeys.W091"]),
        ({"UNREGISTERED_CLASSES_EXTRA": ["apikeys.AccessToken"]}, []),
        ({"UNREGISTERED_CLASSES_EXTRA": [AccessToken]}, []),
        ({"UNREGISTERED_CLASSES_DEFAULT": ["apikeys.accesstoken"]}, []),
        ({"REGISTERED_CLASSES": ["apikeys.Workspace"]}, []),
        ({"WATCH_MODEL_EVENTS": False}, []),
    ],
)
def test_easy_audit_keeps_digests_unless_tokens_are_left_out(monkeypatch, settings, said, expected):
    # Past the setting's own signal, which would load the app.
    monkeypatch.setattr(
        checks.tools,
        "settings",
        SimpleNamespace(
            MIDDLEWARE=settings.MIDDLEWARE,
            INSTALLED_APPS=[*settings.INSTALLED_APPS, "easyaudit"],
            **{f"{AUDIT}{name}": value for name, value in said.items()},
        ),
    )
    assert ids() == expected


@pytest.fixture
def sentry(monkeypatch):
    """A client as `sentry_sdk.init` leaves one."""

    def init(*, active=True, **options):
        client = SimpleNamespace(is_active=lambda: active, options=options)
        monkeypatch.setitem(sys.modules, "sentry_sdk", SimpleNamespace(get_client=lambda: client))

    return init


SCRUBBED = {"before_send": scrubbing.before_send}
STREAMED = {**SCRUBBED, "traces_sample_rate": 1.0, "trace_lifecycle": "stream"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"before_send": None}, ["apikeys.W092"]),
        ({**SCRUBBED, "traces_sample_rate": 0.1}, ["apikeys.W092"]),
        (SCRUBBED, []),
        ({"before_send": lambda event, hint: event}, []),
        ({**SCRUBBED, "traces_sample_rate": 0.1, "before_send_transaction": print}, []),
        ({**STREAMED, "before_send_transaction": print}, ["apikeys.W092"]),
        ({**STREAMED, "before_send_span": print}, []),
        (
            {**SCRUBBED, "traces_sample_rate": 1, "_experiments": {"trace_lifecycle": "stream"}},
            ["apikeys.W092"],
        ),
        ({**STREAMED, "_experiments": {"before_send_span": print}}, []),
        ({"active": False}, []),
    ],
)
def test_sentry_is_sent_keys_without_a_function_that_removes_them(sentry, options, expected):
    sentry(**options)
    assert ids() == expected


def test_the_hint_names_every_hook_that_the_page_names(sentry):
    page = (Path(__file__).parents[2] / "docs" / "secrets-in-other-tools.md").read_text()
    hooks = set(re.findall(r"(before_send\w*)=scrubbing", page))
    assert {"before_send", "before_send_transaction", "before_send_log"} < hooks
    sentry()
    [message] = checks.tools.check_tools(None)
    assert hooks <= set(re.findall(r"\bbefore_send\w*", message.hint))
    assert "hide_keys_wsgi or hide_keys_asgi" in message.hint


@pytest.fixture
def says(settings, tmp_path, monkeypatch):
    """Write a module of a package beside the one that the settings name."""
    monkeypatch.syspath_prepend(tmp_path)
    name = f"shop_{uuid.uuid4().hex}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    settings.WSGI_APPLICATION = f"{name}.wsgi.application"

    def write(module, text):
        (tmp_path / name / f"{module}.py").write_text(text)
        return f"{name}.{module}.application"

    return write


WRAPS = [
    "raise RuntimeError\napplication = hide_keys_wsgi(x)\n",
    "from apikeys import hiding\napplication = hiding.hide_keys_asgi(x)\n",
    "from apikeys.hiding import hide_keys_wsgi as wrap\napplication = wrap(outer(x))\n",
    "application = outer(hide_keys_wsgi(x))\n",
    "@hide_keys_asgi\nasync def application(scope, receive, send): ...\n",
]
WRAPS_NOT = [
    "# hide_keys_wsgi(x) breaks our proxy\napplication = x\n",
    '"""No hide_keys_wsgi(application) here."""\n',
    "from apikeys.hiding import hide_keys_wsgi\napplication = x\n",
    "from apikeys.hiding import hide_keys_wsgi as wrap\napplication = other(x)\n",
    "hide_keys = False\napplication = x\n",
    "application = = hide_keys_wsgi(x)\n",
    "\0",
    "",
]


@pytest.mark.parametrize("module", ["wsgi", "asgi"])
@pytest.mark.parametrize("text", WRAPS)
def test_where_the_application_hides_keys_sentry_is_sent_none(sentry, says, module, text):
    sentry()
    assert ids() == ["apikeys.W092"]
    says(module, text)
    assert ids() == []


@pytest.mark.parametrize("module", ["wsgi", "asgi"])
@pytest.mark.parametrize("text", WRAPS_NOT, ids=range(len(WRAPS_NOT)))
def test_the_name_alone_hides_no_keys(sentry, says, module, text):
    sentry()
    says(module, text)
    assert ids() == ["apikeys.W092"]


def test_the_asgi_application_may_be_anywhere(sentry, says, settings):
    sentry()
    settings.ASGI_APPLICATION = says("routing", WRAPS[0])
    assert ids() == []


@pytest.mark.parametrize("name", [None, "", "nowhere.wsgi.application", "application"])
def test_a_server_module_that_is_not_there_is_no_fault(sentry, settings, name):
    settings.WSGI_APPLICATION = name
    sentry()
    assert ids() == ["apikeys.W092"]


def test_an_old_sentry_without_clients_is_left_alone(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentry_sdk", SimpleNamespace())
    assert ids() == []
