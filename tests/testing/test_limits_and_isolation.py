"""Limits used up at will, and nothing of a test left to the next."""

from __future__ import annotations

import unittest

import pytest
from django.test import SimpleTestCase
from django.urls import path

from apikeys import conf
from apikeys.activity import usage
from apikeys.limits import Limit, limiter, limiters
from apikeys.lookup import query
from apikeys.testing import (
    APITokenClient,
    IsolatedMixin,
    isolated,
    make_token,
    rate_limited,
    recorded_uses,
    reset_limits,
    rows,
    token_client,
)
from apikeys.throttling import AccessTokenThrottle
from apikeys.verification import verify
from tests.support.apis import Protected, say

pytestmark = pytest.mark.urls("tests.support.apis")


class Rolling(Protected):
    throttle_classes = [AccessTokenThrottle]
    limits = [Limit("3/minute", rolling=True)]


urlpatterns = [path("rolling", Rolling.as_view())]


@pytest.mark.usefixtures("apikeys_isolated")
def test_used_up_limits_answer_429_as_in_production():
    client = token_client("notes:read", "notes:write")
    with rate_limited():
        response = client.get("/limited")
    assert response.status_code == 429
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["error"] == "rate_limit.exceeded"
    assert response.json()["retry_after"] == int(response["Retry-After"]) == 60
    assert '"reads";r=0;t=60' in response["RateLimit"]
    assert client.get("/limited").status_code == 200


@pytest.mark.usefixtures("apikeys_isolated")
def test_a_name_uses_up_that_limit_alone():
    client = token_client("notes:read", "notes:write", "notes:delete")
    with rate_limited("writes"):
        assert client.post("/limited").status_code == 429
        assert client.get("/limited").status_code == 200
    with rate_limited("purges"):
        assert client.delete("/limited").status_code == 429


@pytest.mark.usefixtures("apikeys_isolated")
def test_what_has_no_limit_is_answered():
    client = token_client("notes:read")
    with rate_limited():
        assert client.get("/protected").status_code == 200
        assert APITokenClient().get("/protected").status_code == 401


@pytest.mark.usefixtures("apikeys_isolated")
@pytest.mark.urls("tests.testing.test_limits_and_isolation")
def test_a_rolling_limit_is_used_up_too():
    client = token_client("notes:read")
    with rate_limited():
        assert client.get("/rolling").status_code == 429
    assert [client.get("/rolling").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_token_is_known_until_the_end():
    with isolated():
        outer = make_token("notes:read")
        with isolated():
            inner = make_token("notes:read")
            assert APITokenClient(outer).get("/protected").status_code == 200
            assert APITokenClient(inner).get("/protected").status_code == 200
        assert verify.find(outer.token.token_id) is not None
        assert inner.token.token_id not in rows._known
    assert outer.token.token_id not in rows._known


def test_afterwards_the_read_path_is_what_it_was():
    assert (verify.find, usage.record.__module__) == (query.find, usage.__name__)
    before = verify.find, usage.record, usage._buffer, limiters._limiters
    with isolated():
        make_token()
        assert verify.find is not before[0]
    assert before == (verify.find, usage.record, usage._buffer, limiters._limiters)


def test_limits_and_use_begin_anew():
    with isolated():
        client = token_client("notes:read")
        for _ in range(2):
            with isolated():
                assert _used_up(client)
                assert recorded_uses(client.token) == {"success": 3, "limited": 1}
                assert APITokenClient().get("/protected").status_code == 401
                assert sum(usage._buffer._batch.refusals.values()) == 2
        assert recorded_uses(client.token) == {}


def test_limits_are_not_counted_where_the_settings_say(settings):
    say(settings, LIMITS_STORAGE="redis://127.0.0.1:9/0")
    with isolated():
        client = token_client("notes:read")
        assert _used_up(client)
        reset_limits()
        assert _used_up(client)
        assert not limiter(conf.get().limits_storage).degraded


def _used_up(client):
    return [client.get("/limited").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_failed_keys_of_one_test_do_not_refuse_those_of_the_next(settings):
    say(settings, LIMITS={"failed_credentials": "1/minute"})
    for _ in range(2):
        with isolated():
            client = token_client("notes:read", state="unknown")
            assert [client.get("/protected").status_code for _ in range(2)] == [401, 429]


class InUnittest(IsolatedMixin, SimpleTestCase):
    """Without a database, and without pytest's fixtures."""

    def setUp(self):
        self.client = token_client("notes:read")

    def test_it_is_let_in(self):
        assert self.client.get("/protected").status_code == 200
        assert recorded_uses(self.client.token) == {"success": 1}

    def test_it_is_refused(self):
        assert self.client.post("/protected").status_code == 403
        with rate_limited():
            assert self.client.get("/limited").status_code == 429


def test_a_class_of_unittest_leaves_nothing_behind():
    before = set(rows._known)
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(InUnittest).run(result)
    assert (result.testsRun, result.failures, result.errors) == (2, [], [])
    assert set(rows._known) == before
