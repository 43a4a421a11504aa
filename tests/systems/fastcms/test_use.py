"""S3-01 and S3-06 to S3-09: how keys are used, refused and rotated; faults of the original."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apikeys.activity import usage
from apikeys.models import AccessToken, AuditEvent
from apikeys.services.tokens import disable_token
from tests.systems.fastcms.words import COLLECTIONS, KEYS, NO_SUCH_KEY, UNAUTHENTICATED, use

pytestmark = [pytest.mark.django_db, pytest.mark.project]


def test_s3_01_a_key_is_fcms_8_hex_32_hex_in_every_workspace(api, make_key, log_in):
    for workspace in ("production", "development"):
        made = make_key(headers=log_in(workspace=workspace))
        assert re.fullmatch(r"fcms_[0-9a-f]{8}_[0-9a-f]{32}", made["key"])
        answer = api.get(COLLECTIONS, headers=use(made))
        assert answer.status_code == 200
        assert answer.json() == {"items": [], "page": 1, "per_page": 50, "total": 0}


def test_s3_01_the_header_matches_in_any_case_and_no_other_carrier_does(api, make_key):
    key = make_key()["key"]
    assert api.get(COLLECTIONS, headers={"x-api-key": key}).status_code == 200
    assert api.get(COLLECTIONS, headers={"Authorization": f"Bearer {key}"}).status_code == 401
    assert api.get(f"{COLLECTIONS}?api_key={key}").status_code == 401


def test_s3_01_junk_of_the_right_shape_costs_one_query_and_other_junk_none(
    api, db, django_assert_num_queries
):
    with django_assert_num_queries(1):
        answer = api.get(COLLECTIONS, headers=use(f"fcms_{'a' * 8}_{'0' * 32}"))
    assert (answer.status_code, answer.content) == (401, UNAUTHENTICATED)
    for junk in ("fcms_xyz", f"fcms_{'a' * 8}_{'0' * 31}", f"fcms_{'A' * 8}_{'0' * 32}", ""):
        with django_assert_num_queries(0):
            assert api.get(COLLECTIONS, headers=use(junk)).content == UNAUTHENTICATED


def test_s3_06_expired_and_disabled_are_told_only_after_the_secret_was_proven(
    api, make_key, time_machine, actor
):
    start = datetime(2029, 1, 1, tzinfo=UTC)
    time_machine.move_to(start, tick=False)
    expired = make_key(expires_at="2029-01-01T00:01:00Z")
    disabled = make_key()
    disable_token(actor=actor, token=AccessToken.objects.get(public_id=disabled["id"]))
    time_machine.move_to(start + timedelta(minutes=1), tick=False)
    for made, title in ((expired, "API key has expired"), (disabled, "API key is disabled")):
        answer = api.get(COLLECTIONS, headers=use(made))
        assert answer.status_code == 401
        assert answer.json() == {"error": title, "message": title, "details": {}}
        assert answer["WWW-Authenticate"] == 'ApiKey realm="fastcms"'
        wrong = made["key"][:-1] + ("0" if made["key"][-1] != "0" else "1")
        assert api.get(COLLECTIONS, headers=use(wrong)).content == UNAUTHENTICATED
    assert api.get(COLLECTIONS).content == UNAUTHENTICATED


def test_s3_06_the_management_calls_speak_the_same_words(api, bob):
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer"}):
        answer = api.get(KEYS, headers=headers)
        assert (answer.status_code, answer.content) == (401, UNAUTHENTICATED)
        assert answer["WWW-Authenticate"] == 'Bearer realm="fastcms"'


def test_s3_06_an_api_key_opens_no_management_call(api, make_key):
    key = make_key()
    assert api.get(KEYS, headers=use(key)).status_code == 401
    bearer = {"Authorization": f"Bearer {key['key']}"}
    assert api.get(KEYS, headers=bearer).status_code == 401


def test_s3_07_a_key_works_until_the_second_it_expires(api, make_key, time_machine):
    end = datetime(2029, 1, 1, 0, 1, tzinfo=UTC)
    time_machine.move_to(end - timedelta(minutes=1), tick=False)
    made = make_key(expires_at="2029-01-01T00:01:00Z")
    time_machine.move_to(end - timedelta(microseconds=1), tick=False)
    assert api.get(COLLECTIONS, headers=use(made)).status_code == 200
    time_machine.move_to(end, tick=False)
    assert api.get(COLLECTIONS, headers=use(made)).status_code == 401


def test_s3_07_a_revoked_key_is_never_enabled_again(api, make_key, log_in):
    made = make_key()
    headers = log_in()
    api.delete(f"{KEYS}/{made['id']}", headers=headers)
    answer = api.patch(f"{KEYS}/{made['id']}", {"active": True}, format="json", headers=headers)
    assert answer.content == NO_SUCH_KEY
    assert api.get(COLLECTIONS, headers=use(made)).content == UNAUTHENTICATED


def test_s3_08_last_use_is_told_with_the_address_that_proves_itself(
    in_process, api, make_key, log_in
):
    made = make_key()
    spoofed = {**use(made), "X-Forwarded-For": "203.0.113.66"}
    api.get(COLLECTIONS, headers=spoofed, REMOTE_ADDR="198.51.100.7")
    usage.flush()
    shown = api.get(f"{KEYS}/{made['id']}", headers=log_in()).json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", shown["last_used_at"])
    assert shown["last_used_ip"] == "198.51.100.7"


def test_s3_09_the_seeds_rotation_recipe_works(api, make_key, log_in):
    old = make_key(name="Production Key")
    new = make_key(name="Production Key v2", scopes="*")
    assert api.get(COLLECTIONS, headers=use(new)).status_code == 200
    assert api.delete(f"{KEYS}/{old['id']}", headers=log_in()).status_code == 204
    assert api.get(COLLECTIONS, headers=use(old)).status_code == 401
    assert api.get(COLLECTIONS, headers=use(new)).status_code == 200


def test_s3_09_one_call_rotates_and_the_old_key_works_for_the_overlap(
    api, make_key, log_in, time_machine
):
    start = datetime(2029, 1, 1, tzinfo=UTC)
    time_machine.move_to(start, tick=False)
    old = make_key()
    address = f"{KEYS}/{old['id']}/rotate"
    answer = api.post(address, {"overlap": 3600}, format="json", headers=log_in())
    assert answer.status_code == 200
    new = answer.json()
    assert (new["id"], new["key_prefix"]) == (old["id"], old["key_prefix"])
    assert new["key"] != old["key"]
    assert new["message"] == "Save this key securely. It will not be shown again."
    for key in (old, new):
        assert api.get(COLLECTIONS, headers=use(key)).status_code == 200
    again = api.post(address, {"overlap": 0}, format="json", headers=log_in())
    assert again.status_code == 409
    time_machine.move_to(start + timedelta(hours=1), tick=False)
    assert api.get(COLLECTIONS, headers=use(old)).content == UNAUTHENTICATED
    assert api.get(COLLECTIONS, headers=use(new)).status_code == 200


@pytest.mark.parametrize("overlap", [-1, 604801, "soon", None])
def test_s3_09_an_overlap_lasts_at_most_seven_days(api, make_key, log_in, overlap):
    address = f"{KEYS}/{make_key()['id']}/rotate"
    answer = api.post(address, {"overlap": overlap}, format="json", headers=log_in())
    assert (answer.status_code, list(answer.json()["details"])) == (422, ["overlap"])


def test_s3_fault_of_the_original_a_request_writes_nothing_to_the_database(
    in_process, api, make_key
):
    key = use(make_key())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert api.get(COLLECTIONS, headers=key).status_code == 200
    assert all(query["sql"].startswith("SELECT") for query in queries)


def test_s3_fault_of_the_original_unverified_keys_use_up_nobodys_limit(in_process, api, make_key):
    made = make_key()
    wrong = made["key"][:-1] + ("0" if made["key"][-1] != "0" else "1")
    for _ in range(5):
        assert api.get(COLLECTIONS, headers=use(wrong)).status_code == 401
    answer = api.get(COLLECTIONS, headers=use(made))
    assert answer["X-RateLimit-Limit-Minute"] == "100"
    assert answer["X-RateLimit-Remaining-Minute"] == "99"
    assert answer["X-RateLimit-Limit-Hour"] == "1000"
    assert answer["X-RateLimit-Remaining-Hour"] == "999"


def test_s3_fault_of_the_original_every_change_has_its_audit_event(
    in_process, api, make_key, log_in
):
    made = make_key()
    address, headers = f"{KEYS}/{made['id']}", log_in()
    for body in ({"name": "new"}, {"active": False}, {"active": True}):
        api.patch(address, body, format="json", headers=headers)
    api.post(f"{address}/rotate", headers=headers)
    api.post(f"{KEYS}/revoke-all", headers=headers)
    events = AuditEvent.objects.exclude(token_id="").order_by("id")
    assert [event.action for event in events] == [
        "token.created",
        "token.updated",
        "token.disabled",
        "token.enabled",
        "token.rotated",
        "token.revoked",
    ]
    assert {event.actor_label for event in events} == {"bob@example.org"}
    assert {event.address for event in events} == {"127.0.0.1"}
