"""S0, Tools.FAST: one header, an allowlist, servers only, credits. Over HTTP on a real server."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from apikeys.models import Organization
from apikeys.services.tokens import revoke_token
from project.demo import images
from tests.systems import samples
from tests.systems.conftest import Http

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.project]

HEADER = "X-Fast-Api-Key"
INVALID = (
    b'{"error": "api_key.invalid_or_ip_not_allowed", "detail": "X-Fast-Api-Key was provided but '
    b'is invalid for this request (or IP not allowlisted)."}'
)
MISSING = b'{"error": "api_key.invalid_or_ip_not_allowed", "detail": "X-Fast-Api-Key is required."}'
DISCOVERY = "/convert/conversions"
ROUTES = [("POST", "/convert"), ("GET", DISCOVERY), ("GET", "/entitlements/me")]
JPEG = "image/jpeg"


@pytest.fixture
def fast(account):
    return account("tools-fast")


@pytest.fixture
def key(fast, issue_for):
    return issue_for(fast)


def sent(issued):
    return {HEADER: issued.api_key}


def convert(http, issued, *, name="photo.heic", content=None, target="jpg", headers=None):
    content = samples.image("heic") if content is None else content
    return http.post(
        "/convert",
        headers={**sent(issued), **(headers or {})},
        files={"file": (name, content)},
        data={"targetFormat": target},
    )


def balance():
    return Organization.objects.get(slug="tools-fast").credits


def set_balance(credits):
    Organization.objects.filter(slug="tools-fast").update(credits=credits)


def test_s0_01_the_header_carries_the_key_and_matches_in_any_case(http, key):
    assert key.api_key.startswith("fast_prod_")
    for name in (HEADER, HEADER.lower(), HEADER.upper()):
        assert http.get(DISCOVERY, headers={name: key.api_key}).status_code == 200


def test_s0_01_a_development_workspace_has_a_prefix_of_its_own(http, fast, issue_for):
    issued = issue_for(fast, workspace="development")
    assert issued.api_key.startswith("fast_dev_")
    assert http.get(DISCOVERY, headers=sent(issued)).status_code == 200
    disguised = issued.api_key.replace("fast_dev_", "fast_prod_")
    assert http.get(DISCOVERY, headers={HEADER: disguised}).content == INVALID


def test_s0_02_a_heic_photo_becomes_a_jpg_to_save(http, key):
    response = convert(http, key)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == JPEG
    assert response.headers["Content-Disposition"] == 'attachment; filename="photo.jpg"'
    assert samples.read(response.content) == ("JPEG", (160, 120))


def test_s0_02_every_listed_pair_really_converts(http, key):
    listed = http.get(DISCOVERY, headers=sent(key)).json()["conversions"]
    pairs = [(pair["sourceFormat"], pair["targetFormat"]) for pair in listed]
    assert len(pairs) == len(set(pairs)) == 36
    for source, target in pairs:
        set_balance(500)
        response = convert(
            http, key, name=f"a.{source}", content=samples.image(source), target=target
        )
        assert response.status_code == 200, (source, target, response.text)
        form = images.SOURCES[target]
        assert response.headers["Content-Type"] == form.media_type
        assert samples.read(response.content) == (form.pillow, (160, 120))


def test_s0_02_a_pair_that_is_not_listed_is_a_400(http, key):
    listed = set(images.conversions())
    for source, target in itertools.product(images.SOURCES, [*images.SOURCES, "pdf", "mp4", ""]):
        if (source, target) in listed:
            continue
        content = samples.image(source)
        response = convert(http, key, name=f"a.{source}", content=content, target=target)
        assert response.status_code == 400, (source, target)
        assert response.json()["error"] == "request.invalid"
    assert balance() == 500


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_s0_02_every_route_needs_a_key_even_from_a_first_party_page(http, server, method, path):
    for origin in ({}, {"Origin": server.url}, {"Sec-Fetch-Site": "same-origin"}):
        response = http.request(method, path, headers=origin)
        assert (response.status_code, response.content) == (401, MISSING)


def test_s0_02_the_file_keeps_its_name(http, key):
    for name, header in [
        ("Ferien im Mai.heic", 'attachment; filename="Ferien im Mai.jpg"'),
        ("été.heic", "attachment; filename*=utf-8''%C3%A9t%C3%A9.jpg"),
        ("../../etc/a.heic", 'attachment; filename="a.jpg"'),
        ("a.b.heic", 'attachment; filename="a.b.jpg"'),
    ]:
        assert convert(http, key, name=name).headers["Content-Disposition"] == header


def test_s0_03_all_unusable_keys_get_the_same_bytes(http, fast, account, issue_for, actor, key):
    revoked = issue_for(fast)
    revoke_token(actor=actor, token=revoked.token)
    listed = issue_for(fast, allowed_networks=["203.0.113.5"])
    foreign = issue_for(account("freefiletools"))
    last = key.api_key[-1]
    unusable = {
        "malformed": "fast_prod_junk",
        "empty": "",
        "unknown": issue_for(fast).api_key[:10] + "A" * 16 + key.api_key[26:],
        "wrong": key.api_key[:-1] + ("a" if last != "a" else "b"),
        "revoked": revoked.api_key,
        "off the list": listed.api_key,
        "of another system": foreign.api_key,
        "as if of this system": foreign.api_key.replace("fft_", "fast_prod_"),
    }
    for why, text in unusable.items():
        response = http.get(DISCOVERY, headers={HEADER: text})
        assert (response.status_code, response.content) == (401, INVALID), why
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["WWW-Authenticate"] == 'ApiKey realm="tools.fast"'


def test_s0_03_without_the_header_only_the_detail_differs(http):
    response = http.get(DISCOVERY)
    assert (response.status_code, response.content) == (401, MISSING)


def test_s0_04_keys_are_several_and_each_is_revoked_on_its_own(http, fast, issue_for, actor):
    staging, production = issue_for(fast, name="Staging"), issue_for(fast, name="Production")
    assert convert(http, staging).status_code == 200
    revoke_token(actor=actor, token=staging.token)
    assert convert(http, staging).content == INVALID
    assert convert(http, production).status_code == 200


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"),
    [
        ("203.0.113.5", "203.0.113.5", "203.0.113.6"),
        ("203.0.113.0/24", "203.0.113.254", "203.0.114.1"),
        ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
        ("2001:db8:1::/48", "2001:db8:1:ffff::9", "2001:db8:2::9"),
        ("203.0.113.5", "::ffff:203.0.113.5", "::ffff:203.0.113.6"),
    ],
)
def test_s0_05_a_key_works_from_its_networks_alone(http, fast, issue_for, allowed, inside, outside):
    issued = issue_for(fast, allowed_networks=[allowed])
    http.address = inside
    assert http.get(DISCOVERY, headers=sent(issued)).status_code == 200
    http.address = outside
    assert http.get(DISCOVERY, headers=sent(issued)).content == INVALID


def test_s0_05_what_a_client_writes_before_the_proxy_does_not_help(http, fast, issue_for):
    issued = issue_for(fast, allowed_networks=["203.0.113.5"])
    http.address = "203.0.113.5, 198.51.100.1"
    assert http.get(DISCOVERY, headers=sent(issued)).content == INVALID


def test_s0_08_a_new_account_has_500_credits_and_an_action_costs_some(http, key):
    assert balance() == 500
    assert convert(http, key).status_code == 200
    assert balance() == 495


def test_s0_08_discovery_costs_nothing(http, key):
    assert http.get(DISCOVERY, headers=sent(key)).status_code == 200
    assert http.get("/entitlements/me", headers=sent(key)).status_code == 200
    assert balance() == 500


def test_s0_08_too_few_credits_are_a_402(http, key):
    set_balance(2)
    response = convert(http, key)
    assert response.status_code == 402
    assert response.content == (
        b'{"error": "entitlements.insufficient_credits", '
        b'"detail": "Insufficient credits. Required: 5, Available: 2"}'
    )
    assert balance() == 2


def test_s0_08_a_failed_action_gives_the_credits_back(http, key):
    assert convert(http, key, content=b"no image").status_code == 400
    assert balance() == 500


def test_s0_08_64_requests_at_once_spend_exactly_what_is_there(server, key):
    set_balance(250)
    tiny = samples.image("jpg", (8, 8))
    barrier = threading.Barrier(64)

    def send(_):
        with Http(server.url) as own:
            barrier.wait()
            return convert(own, key, name="a.jpg", content=tiny, target="png").status_code

    with ThreadPoolExecutor(64) as pool:
        statuses = Counter(pool.map(send, range(64)))
    assert statuses == {200: 50, 402: 14}
    assert balance() == 0


def test_s0_08_entitlements_tell_who_and_how_much(http, fast, key, issue_for, actor):
    response = http.get("/entitlements/me", headers=sent(key))
    assert response.json() == {
        "user": f"token:{key.token.token_id}",
        "organization": "tools-fast",
        "credits": 500,
    }
    admin = fast.memberships.get().user
    personal = issue_for(fast, kind="personal", owner=admin)
    convert(http, personal)
    assert http.get("/entitlements/me", headers=sent(personal)).json() == {
        "user": "tools-fast@example.org",
        "organization": "tools-fast",
        "credits": 495,
    }


def test_s0_09_beyond_the_limit_is_a_429_that_says_how_long(http, fast, key):
    Organization.objects.filter(pk=fast.pk).update(limits={"any-token": "2/hour"})
    statuses = [http.get(DISCOVERY, headers=sent(key)).status_code for _ in range(2)]
    assert statuses == [200, 200]
    response = convert(http, key)
    assert response.status_code == 429
    seconds = int(response.headers["Retry-After"])
    assert 3590 <= seconds <= 3600
    assert response.json() == {
        "error": "rate_limited",
        "detail": f"Too many requests. Retry after {seconds} seconds.",
    }
    assert balance() == 500


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"data": {"targetFormat": "jpg"}}, "file"),
        ({"data": {"targetFormat": "jpg", "file": "text"}}, "file"),
        ({"files": {"file": ("photo.jpg", b"")}, "data": {"targetFormat": "png"}}, "file"),
        ({"files": {"file": ("photo.heic", b"x")}}, "targetFormat"),
        ({"files": {"file": ("photo.heic", b"x")}, "data": {"targetFormat": ""}}, "targetFormat"),
    ],
)
def test_s0_10_a_validation_error_names_the_field(http, key, fields, names):
    response = http.post("/convert", headers=sent(key), **fields)
    assert response.status_code == 400
    body = response.json()
    assert set(body) == {"error", "detail"}
    assert body["error"] == "request.invalid"
    assert names in body["detail"]
    assert balance() == 500


def test_s0_11_requests_as_powershell_7_sends_them_work(send_recorded, key):
    files = {"photo.heic": samples.image("heic")}
    for recorded in ("convert_7.0.http", "convert_7.4.http"):
        status, head, body = send_recorded(f"tools_fast/{recorded}", key=key, files=files)
        assert status == 200, body
        assert b'filename="photo.jpg"' in head
        assert samples.read(body) == ("JPEG", (160, 120))
    status, _, body = send_recorded("tools_fast/conversions.http", key=key)
    assert status == 200
    assert b'"conversions"' in body


@pytest.mark.parametrize("name", ["convert.sh", "convert.mjs", "convert.py"])
def test_s0_the_example_of_an_action_prints_the_converted_photo(run_example, key, name):
    done = run_example(f"tools_fast/{name}", key=key, files={"photo.heic": samples.image("heic")})
    assert done.returncode == 0, done.stderr
    assert samples.read(done.stdout) == ("JPEG", (160, 120))
    assert balance() == 495


@pytest.mark.parametrize("name", ["conversions.sh", "conversions.mjs", "conversions.py"])
def test_s0_the_example_of_discovery_lists_the_pairs(run_example, key, name):
    done = run_example(f"tools_fast/{name}", key=key)
    assert done.returncode == 0, done.stderr
    assert b'"sourceFormat": "heic"' in done.stdout
    assert balance() == 500
