"""`APIKEYS`: every key is checked where it is read, and overrides are obeyed at once."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from apikeys import conf, dialects
from apikeys.conf import UNIX

PEPPER = "p" * 32


def read(**values):
    with override_settings(APIKEYS=values):
        return conf.get()


def test_nothing_given_is_the_defaults():
    for nothing in (None, {}):
        with override_settings(APIKEYS=nothing):
            found = conf.get()
        assert found == conf.Settings()
        assert found.require_https is True


def test_plain_http_is_accepted_without_asking_only_while_debugging():
    with override_settings(APIKEYS={}, DEBUG=True):
        assert conf.get().require_https is False
    with override_settings(APIKEYS={"REQUIRE_HTTPS": True}, DEBUG=True):
        assert conf.get().require_https is True
    with override_settings(APIKEYS={"REQUIRE_HTTPS": False}, DEBUG=False):
        assert conf.get().require_https is False


@pytest.mark.parametrize(
    ("key", "given", "attribute", "expected"),
    [
        ("SCOPES", {"a:read": "Read"}, "scopes", {"a:read": "Read"}),
        ("PEPPERS", {2: PEPPER, 1: PEPPER * 2}, "peppers", {1: PEPPER * 2, 2: PEPPER}),
        ("TOKEN_HASHER", "argon2", "token_hasher", "argon2"),
        ("TRUSTED_PROXIES", ["10.0.0.0/8"], "trusted_proxies", (ip_network("10.0.0.0/8"),)),
        ("TRUSTED_PROXIES", ["unix"], "trusted_proxies", (UNIX,)),
        ("REQUIRE_HTTPS", False, "require_https", False),
        ("LIMITS_STORAGE", "redis://h/1", "limits_storage", "redis://h/1"),
        ("FLUSH_SECONDS", 3, "flush_seconds", 3.0),
        ("MAX_LIFETIME", timedelta(days=90), "max_lifetime", timedelta(days=90)),
        ("MAX_LIFETIME", 3600, "max_lifetime", timedelta(hours=1)),
        ("MAX_LIFETIME", None, "max_lifetime", None),
        ("REAUTHENTICATE_AFTER", 60, "reauthenticate_after", timedelta(minutes=1)),
        ("REAUTHENTICATE_URL", "again", "reauthenticate_url", "again"),
        ("REAUTHENTICATE_URL", None, "reauthenticate_url", None),
        ("REAUTHENTICATED_AT", "mysite.sso.at", "reauthenticated_at", "mysite.sso.at"),
        ("AUTOMATION_USER", "mysite.users.account", "automation_user", "mysite.users.account"),
        ("CONFIRM_REVOKE", "never", "confirm_revoke", "never"),
        ("CACHE", "host", "cache", "host"),
        ("PREPARE", True, "prepare", True),
    ],
)
def test_a_good_value_is_read(key, given, attribute, expected):
    assert getattr(read(**{key: given}), attribute) == expected


def test_where_urlconfs_begin_is_read_without_a_slash_at_the_end():
    given = {"a": "https://api.example.org/", "b": "http://[::1]:8000/app", "c": ""}
    wanted = {"a": "https://api.example.org", "b": "http://[::1]:8000/app", "c": ""}
    assert read(URLCONFS=given).urlconfs == wanted


def test_the_cached_mode_over_redis_is_read_beside_a_redis():
    assert read(CACHE="redis", LIMITS_STORAGE="redis://127.0.0.1:6379/0").cache == "redis"


@pytest.mark.parametrize(
    ("key", "given", "says"),
    [
        ("SCOPES", ["a:read"], "must map strings to strings"),
        ("SCOPES", {"a:read": 1}, "must map strings to strings"),
        ("DIALECTS", {"a": 1}, "must map strings to strings"),
        ("PEPPERS", [PEPPER], "must map version numbers"),
        ("PEPPERS", {"1": PEPPER}, "whole numbers from 1"),
        ("PEPPERS", {0: PEPPER}, "whole numbers from 1"),
        ("PEPPERS", {True: PEPPER}, "whole numbers from 1"),
        ("PEPPERS", {1: "p" * 31}, "at least 32 characters"),
        ("PEPPERS", {1: b"p" * 32}, "at least 32 characters"),
        ("TOKEN_HASHER", "md5", "must be one of 'hmac', 'argon2'"),
        ("TRUSTED_PROXIES", "10.0.0.0/8", "must be a list"),
        ("URLCONFS", ["mysite.urls"], "must map strings to strings"),
        ("URLCONFS", {"mysite.urls": "api.example.org"}, "must be an address such as"),
        ("URLCONFS", {"mysite.urls": "ftp://api.example.org"}, "must be an address such as"),
        ("URLCONFS", {"mysite.urls": "https://a:b@api.example.org"}, "must be an address such as"),
        ("URLCONFS", {"mysite.urls": "https://api.example.org?a=b"}, "must be an address such as"),
        ("URLCONFS", {"mysite.urls": "https://api.example.org/$HOME"}, "must be an address"),
        ("URLCONFS", {"mysite.urls": "https://[::1"}, "must be an address such as"),
        ("TRUSTED_PROXIES", None, "must be a list"),
        ("TRUSTED_PROXIES", ["10.0.0.1/8"], "has host bits set"),
        ("TRUSTED_PROXIES", ["junk"], "does not appear to be"),
        ("TRUSTED_PROXIES", "unix", "must be a list"),
        ("TRUSTED_PROXIES", ["unix:"], 'Write "unix" for Unix sockets'),
        ("TRUSTED_PROXIES", ["/run/gunicorn.sock"], 'Write "unix" for Unix sockets'),
        ("TRUSTED_PROXIES", ["UNIX"], "does not appear to be"),
        ("TRUSTED_PROXIES", ["0.0.0.0/0"], "believe headers from anybody"),
        ("TRUSTED_PROXIES", ["::/0"], "believe headers from anybody"),
        ("TRUSTED_PROXIES", ["::ffff:10.0.0.0/104"], "as an IPv4 network"),
        ("REQUIRE_HTTPS", "off", "must be True or False"),
        ("REQUIRE_HTTPS", 0, "must be True or False"),
        ("LIMITS", ["60/minute"], "must be a dictionary"),
        ("LIMITS", {"log-in": "1/minute"}, "known are failed_credentials, log_in"),
        ("LIMITS", {"log_in": 60}, "must be a rate"),
        ("LIMITS", {"log_in": ""}, "must be a rate"),
        ("LIMITS_STORAGE", "", "must be a string"),
        ("LIMITS_STORAGE", None, "must be a string"),
        ("FLUSH_SECONDS", 0, "positive number of seconds"),
        ("FLUSH_SECONDS", "10", "positive number of seconds"),
        ("FLUSH_SECONDS", True, "positive number of seconds"),
        ("FLUSH_SECONDS", float("nan"), "positive number of seconds"),
        ("FLUSH_SECONDS", float("inf"), "positive number of seconds"),
        ("RETENTION", {"audits": 1}, "known are usage_hours"),
        ("RETENTION", {"audit": 0}, "number of days from 1"),
        ("RETENTION", {"audit": -1}, "number of days from 1"),
        ("RETENTION", {"audit": True}, "number of days from 1"),
        ("RETENTION", {"audit": 1.5}, "number of days from 1"),
        ("MAX_LIFETIME", timedelta(0), "positive number of seconds"),
        ("MAX_LIFETIME", timedelta.max, "positive number of seconds"),
        ("MAX_LIFETIME", "90d", "positive number of seconds"),
        ("REAUTHENTICATE_AFTER", None, "positive number of seconds"),
        ("REAUTHENTICATE_AFTER", -1, "positive number of seconds"),
        ("CONFIRM_REVOKE", True, "must be one of 'production'"),
        ("CACHE", "memory", "must be one of None"),
        ("PREPARE", 1, "must be True or False"),
    ],
)
def test_a_bad_value_is_refused_and_its_key_is_named(key, given, says):
    with pytest.raises(ImproperlyConfigured, match=says) as caught:
        read(**{key: given})
    assert f"APIKEYS['{key}']" in str(caught.value)


def test_an_epoch_in_redis_needs_a_redis():
    assert read(CACHE="redis", LIMITS_STORAGE="redis://h").cache == "redis"
    with pytest.raises(ImproperlyConfigured, match="keeps its epoch in the Redis"):
        read(CACHE="redis")


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("PEPPER", r"APIKEYS\['PEPPER'\] is not a setting. Did you mean 'PEPPERS'\?"),
        ("peppers", r"is not a setting.$"),
        ("REQUIRE_HTTP", r"Did you mean 'REQUIRE_HTTPS'\?"),
        ("ZZZ", r"APIKEYS\['ZZZ'\] is not a setting.$"),
        (1, r"APIKEYS\[1\] is not a setting.$"),
    ],
)
def test_an_unknown_key_is_refused_with_a_suggestion_where_one_is_near(key, says):
    with override_settings(APIKEYS={key: 1}), pytest.raises(ImproperlyConfigured, match=says):
        conf.get()


def test_anything_but_a_dictionary_is_refused():
    with override_settings(APIKEYS=["SCOPES"]), pytest.raises(ImproperlyConfigured):
        conf.get()


def test_secret_key_is_refused_as_a_pepper_and_no_pepper_is_ever_quoted():
    key = "k" * 40
    with (
        override_settings(APIKEYS={"PEPPERS": {1: key}}, SECRET_KEY=key),
        pytest.raises(ImproperlyConfigured, match="must not be SECRET_KEY") as caught,
    ):
        conf.get()
    assert key not in str(caught.value)
    with pytest.raises(ImproperlyConfigured) as caught:
        read(PEPPERS={1: "short-one"})
    assert "short-one" not in str(caught.value)
    settings = read(PEPPERS={1: PEPPER}, LIMITS_STORAGE="redis://u:hunter2@h/1")
    assert PEPPER not in repr(settings)
    assert "hunter2" not in repr(settings)


def test_given_rates_retentions_and_dialects_leave_the_others_at_their_defaults():
    found = read(LIMITS={"log_in": "1/hour"}, RETENTION={"audit": 7})
    assert found.limits == {
        "failed_credentials": "60/minute",
        "log_in": "1/hour",
        "log_in_account": "5/hour",
    }
    assert found.retention == {**conf.DEFAULT_RETENTION, "audit": 7}
    own = "tests.checks.test_conf.Own"
    assert read(DIALECTS={"own": own}).dialects == {
        "default": "apikeys.dialects.DefaultDialect",
        "own": own,
    }
    assert read(DIALECTS={"default": own}).dialects == {"default": own}


def test_an_override_is_obeyed_at_once_and_ends_with_its_block(settings):
    before = conf.get()
    assert conf.get() is before
    with override_settings(APIKEYS={"SCOPES": {"only:here": "x"}}):
        assert dialects.get("default").available_scopes == {"only:here", "tokens:manage"}
    assert conf.get().scopes == before.scopes
    assert "notes:read" in dialects.get("default").available_scopes


class Own(dialects.Dialect):
    scopes = {"a:read": "Read"}
