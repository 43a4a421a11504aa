"""The project's settings and pages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import django
import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.staticfiles import finders
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.template.loader import get_template

from apikeys.verification.epochs import EpochUnavailableError
from project.headers import PageHeadersMiddleware

ROOT = Path(__file__).resolve().parents[2]
SECRETS = {"SECRET_KEY": "s" * 64, "PEPPERS": "1:" + "p" * 64}


def run_settings(expression, **environment):
    """Print `expression` of the settings in a process that sees these variables and no `.env`."""
    return subprocess.run(
        [sys.executable, "-c", f"from project import settings; print({expression})"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "ENV_FILE": "", **SECRETS, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_https_drives_everything_that_depends_on_it():
    together = (
        "[settings.APIKEYS['REQUIRE_HTTPS'], settings.SESSION_COOKIE_SECURE, "
        "settings.CSRF_COOKIE_SECURE, settings.SECURE_SSL_REDIRECT, "
        "settings.SECURE_HSTS_SECONDS > 0]"
    )
    assert run_settings(together).stdout.strip() == str([True] * 5)
    assert run_settings(together, HTTPS="on").stdout.strip() == str([True] * 5)
    assert run_settings(together, HTTPS="off").stdout.strip() == str([False] * 5)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.8.8.8"])
def test_plain_http_is_possible_on_loopback(host):
    assert run_settings("settings.HTTPS", HTTPS="off", HOST=host).stdout.strip() == "False"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "keys.example.com"])
def test_plain_http_elsewhere_must_be_meant(host):
    refused = run_settings("settings.HTTPS", HTTPS="off", HOST=host)
    assert refused.returncode != 0
    assert "ALLOW_PLAIN_HTTP=1" in refused.stderr
    meant = run_settings("settings.HTTPS", HTTPS="off", HOST=host, ALLOW_PLAIN_HTTP="1")
    assert meant.stdout.strip() == "False"


@pytest.mark.parametrize("variable", ["HTTPS", "DEBUG"])
def test_a_switch_with_a_typo_is_an_error(variable):
    refused = run_settings("settings.HTTPS", **{variable: "offf"})
    assert refused.returncode != 0
    assert f"{variable} must be on or off, not 'offf'" in refused.stderr


def test_debug_is_off_unless_asked_for():
    assert run_settings("settings.DEBUG").stdout.strip() == "False"


def test_peppers_are_read_by_version():
    found = run_settings("settings.APIKEYS['PEPPERS']", PEPPERS=f"1:{'a' * 32}, 2:{'b' * 32}")
    assert found.stdout.strip() == str({1: "a" * 32, 2: "b" * 32})


@pytest.mark.parametrize("peppers", ["secretvalue", "x:secretvalue", "1:a,1:secretvalue"])
def test_unreadable_peppers_are_an_error_that_does_not_repeat_them(peppers):
    refused = run_settings("1", PEPPERS=peppers)
    assert refused.returncode != 0
    assert "PEPPERS" in refused.stderr
    assert "secretvalue" not in refused.stderr


@pytest.mark.parametrize("url", ["mysql://u@h/n", "junk"])
def test_another_kind_of_database_is_an_error(url):
    refused = run_settings("1", DATABASE_URL=url)
    assert refused.returncode != 0
    assert "DATABASE_URL must start with" in refused.stderr


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DATABASE_URL", "postgre://me:hunter2@h/n", "must start with sqlite:///, postgres://"),
        ("DATABASE_URL", "postgres://me:hunter2/x@h/n", "can't be read: write special characters"),
        ("DATABASE_URL", "sqlite://somewhere/x", "must start with sqlite:///"),
        ("REDIS_URL", "http://:hunter2@h", "must start with redis://"),
        ("REDIS_URL", "redis://:hunter2/x@h:6379/0", "can't be read: write special characters"),
        ("EMAIL_URL", "mail://me:hunter2@h", "must start with smtp://"),
        ("EMAIL_URL", "smtp://me:hunter2/x@h:587", "can't be read: write special characters"),
        ("FLUSH_SECONDS", "ten", "must be a number, not 'ten'."),
        ("DATABASE_DEADLINE", "soon", "must be a number, not 'soon'."),
        ("LOG_LEVEL", "loud", "must be one of CRITICAL, "),
        ("FIRST_PARTY_ORIGINS", "here", "'here' is no origin"),
    ],
)
def test_a_value_that_cannot_be_used_is_one_line_without_its_password(variable, value, said):
    refused = run_settings("1", **{variable: value})
    assert refused.returncode != 0
    last = refused.stderr.splitlines()[-1]
    assert last.startswith(f"django.core.exceptions.ImproperlyConfigured: {variable}")
    assert said in last
    assert "hunter2" not in refused.stderr


def test_a_postgresql_that_hangs_is_given_up_and_a_pooler_is_told_nothing_it_refuses():
    url = "postgres://me@h:5432/n"
    database = "settings.DATABASES['default']"
    told = f"{database}['ENGINE'], sorted({database}['OPTIONS'].items())"
    assert run_settings(told, DATABASE_URL=url).stdout.strip() == (
        "apikeys.postgresql [('deadline', 3.0), ('statement_timeout', 10), "
        "('tcp_user_timeout', 3000)]"
    )
    longer = run_settings(told, DATABASE_URL=f"{url}?statement_timeout=60", DATABASE_DEADLINE="5")
    assert longer.stdout.strip() == (
        "apikeys.postgresql [('deadline', 5.0), ('statement_timeout', 60), "
        "('tcp_user_timeout', 5000)]"
    )


@pytest.mark.parametrize("variable", ["ALLOWED_HOSTS", "FLUSH_SECONDS", "LOG_LEVEL", "HOST"])
def test_an_empty_variable_means_its_default(variable):
    everything = (
        "settings.ALLOWED_HOSTS, settings.APIKEYS['FLUSH_SECONDS'], "
        "settings.LOGGING['root']['level'], settings.HOST"
    )
    expected = (["localhost", "127.0.0.1", "[::1]"], 10.0, "INFO", "127.0.0.1")
    assert run_settings(everything, **{variable: ""}).stdout.strip() == " ".join(map(str, expected))


def test_the_environment_wins_over_the_file(tmp_path):
    file = tmp_path / "env"
    file.write_text("LOG_LEVEL=ERROR\nHTTPS=off\n")
    level = "settings.LOGGING['root']['level'], settings.HTTPS"
    assert run_settings(level, ENV_FILE=str(file)).stdout.strip() == "ERROR False"
    over = run_settings(level, ENV_FILE=str(file), LOG_LEVEL="DEBUG")
    assert over.stdout.strip() == "DEBUG False"


def test_every_variable_is_described():
    """What the settings read, `.env.example` has."""
    source = (ROOT / "project/settings.py").read_text()
    read = set(re.findall(r'environment\.\w+\(\s*"([A-Z_]+)"', source))
    described = set(re.findall(r"(?m)^([A-Z_]+)=", (ROOT / ".env.example").read_text()))
    assert read - described == set()
    assert {"SECRET_KEY", "PEPPERS", "HTTPS", "DATABASE_URL"} <= read
    scripts_own = {"WEB_CONCURRENCY", "DEMO_PASSWORD", "TLS_CERT", "TLS_KEY"}
    assert described - read == scripts_own


def test_mail_goes_to_the_console_unless_a_server_is_named():
    url = "smtp+tls://me:p%40ss@mail.example.com:587"
    if django.VERSION < (6, 1):
        backend = "settings.EMAIL_BACKEND.split('.')[-2]"
        server = (
            "[settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_HOST_USER, "
            "settings.EMAIL_HOST_PASSWORD, settings.EMAIL_USE_TLS]"
        )
    else:
        backend = "settings.MAILERS['default']['BACKEND'].split('.')[-2]"
        server = "list(settings.MAILERS['default']['OPTIONS'].values())"
    assert run_settings(backend).stdout.strip() == "console"
    assert run_settings(backend, EMAIL_URL=url).stdout.strip() == "smtp"
    expected = ["mail.example.com", 587, "me", "p@ss", True]
    assert run_settings(server, EMAIL_URL=url).stdout.strip() == str(expected)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/", "/accounts/login/", "/admin/login/", "/dashboard/", "/tools/x"]
)
def test_pages_over_plain_http_are_redirected(client, address):
    response = client.get(address, secure=False)
    assert response.status_code == 301
    assert response["Location"] == f"https://testserver{address}"


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/api/demo/notes", "/access/v1/token", "/nowhere"])
def test_everything_else_over_plain_http_is_never_redirected(client, address):
    response = client.get(address, secure=False)
    assert response.status_code in {401, 403, 404}
    assert "Location" not in response


@pytest.mark.django_db
def test_a_page_behind_a_trusted_proxy_is_served_and_behind_another_redirected(client, settings):
    proxied = {"X-Forwarded-Proto": "https"}
    assert client.get("/", secure=False, headers=proxied).status_code == 301
    settings.APIKEYS = {**settings.APIKEYS, "TRUSTED_PROXIES": ["127.0.0.1/32"]}
    assert client.get("/", secure=False, headers=proxied).status_code == 200
    stranger = client.get("/", secure=False, headers=proxied, REMOTE_ADDR="203.0.113.9")
    assert stranger.status_code == 301


@pytest.mark.django_db
def test_the_start_page_offers_log_in_and_then_the_dashboard(client, alice):
    assert "/accounts/login/" in client.get("/").content.decode()
    client.force_login(alice)
    page = client.get("/").content.decode()
    assert 'href="/dashboard/"' in page
    assert "Log out" in page


@pytest.mark.django_db
def test_an_unknown_address_has_a_page_of_its_own(client):
    response = client.get("/nowhere")
    assert response.status_code == 404
    assert "There is nothing at this address." in response.content.decode()


@pytest.mark.parametrize(
    "error",
    [OperationalError("it\nstarts"), InterfaceError("closed"), EpochUnavailableError("full")],
)
def test_a_page_without_what_it_needs_is_503_and_one_line_of_log(
    client, monkeypatch, caplog, error
):
    def load(self):
        raise error

    monkeypatch.setattr(SessionStore, "load", load)
    client.cookies["sessionid"] = "a" * 32
    response = client.get("/dashboard/")
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "Try again in a moment" in response.content.decode()
    [record] = [r for r in caplog.records if r.name == "apikeys.requests"]
    name = type(error).__name__
    words = " ".join(str(error).split())
    what = "epoch" if name.startswith("Epoch") else "database"
    assert record.getMessage() == f"{what} unavailable error={name}: {words}"
    assert not [r for r in caplog.records if r.exc_info]


def test_another_fault_of_a_page_stays_djangos(client, monkeypatch):
    def load(self):
        raise RuntimeError("a bug")

    monkeypatch.setattr(SessionStore, "load", load)
    client.cookies["sessionid"] = "a" * 32
    client.raise_request_exception = False
    assert client.get("/dashboard/").status_code == 500


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500", "503"])
def test_error_pages_need_neither_request_nor_database_nor_manifest(name, settings):
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
            "OPTIONS": {"location": "/nonexistent"},
        },
    }
    page = get_template(f"{name}.html").render()
    assert "<h1>" in page
    for address in re.findall(r'href="/static/([^"]+)"', page):
        assert finders.find(address), address


@pytest.mark.parametrize(
    ("debug", "status", "policy"),
    [(False, 200, True), (False, 404, True), (True, 200, True), (True, 404, False)],
)
def test_pages_get_the_policy_but_for_djangos_own_under_debug(rf, settings, debug, status, policy):
    settings.DEBUG = debug
    response = PageHeadersMiddleware(lambda request: HttpResponse(status=status))(rf.get("/"))
    assert ("Content-Security-Policy" in response) is policy


def test_a_page_keeps_a_policy_of_its_own(rf):
    own = {"Content-Security-Policy": "default-src 'self'"}
    response = PageHeadersMiddleware(lambda request: HttpResponse(headers=own))(rf.get("/"))
    assert response["Content-Security-Policy"] == "default-src 'self'"
    assert response["X-Content-Type-Options"] == "nosniff"
