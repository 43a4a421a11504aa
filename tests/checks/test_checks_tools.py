"""`manage.py check` names tools that would keep secrets as they are set up, and nothing unsure."""

from __future__ import annotations

import sys
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


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"before_send": None}, ["apikeys.W092"]),
        ({**SCRUBBED, "traces_sample_rate": 0.1}, ["apikeys.W092"]),
        (SCRUBBED, []),
        ({"before_send": lambda event, hint: event}, []),
        ({**SCRUBBED, "traces_sample_rate": 0.1, "before_send_transaction": print}, []),
        ({"active": False}, []),
    ],
)
def test_sentry_is_sent_keys_without_a_function_that_removes_them(sentry, options, expected):
    sentry(**options)
    assert ids() == expected


@pytest.mark.parametrize("module", ["wsgi", "asgi"])
def test_where_the_application_hides_keys_sentry_is_sent_none(
    sentry, settings, tmp_path, monkeypatch, module
):
    package = tmp_path / f"shop_{module}"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    settings.WSGI_APPLICATION = f"shop_{module}.wsgi.application"
    sentry()
    assert ids() == ["apikeys.W092"]
    (package / f"{module}.py").write_text("raise RuntimeError\napplication = hide_keys_wsgi(x)\n")
    assert ids() == []


@pytest.mark.parametrize("name", [None, "", "nowhere.wsgi.application", "application"])
def test_a_server_module_that_is_not_there_is_no_fault(sentry, settings, name):
    settings.WSGI_APPLICATION = name
    sentry()
    assert ids() == ["apikeys.W092"]


def test_an_old_sentry_without_clients_is_left_alone(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentry_sdk", SimpleNamespace())
    assert ids() == []
