"""S1, FreeFileTools: one header, browsers welcome, a tier for its own pages. On a real server."""

from __future__ import annotations

import pytest

from apikeys.models import Organization
from apikeys.services.tokens import revoke_token, rotate_token
from tests.systems import samples
from tests.systems.conftest import Http

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.project]

COMPRESS = "/api/image-compress"
PAGE = "/tools/image-compress"
HEADER = "x-api-key"


@pytest.fixture
def fft(account):
    return account("freefiletools")


@pytest.fixture
def key(fft, issue_for):
    return issue_for(fft)


def compress(http, issued=None, *, name="image.jpg", content=None, headers=None, **data):
    own = {HEADER: issued.api_key} if issued is not None else {}
    content = samples.image("jpg", (640, 480)) if content is None else content
    return http.post(
        COMPRESS,
        headers={**own, **(headers or {})},
        files={"file": (name, content)},
        data={"quality": "80", **data},
    )


def unauthorized(server):
    return (
        b'{"error": "Unauthorized", "message": "Invalid or missing API key. '
        b'Get your key at %s/dashboard/api-keys"}' % server.host.encode()
    )


def cors(response):
    return {k: v for k, v in response.headers.items() if k.lower().startswith("access-control-")}


def test_s1_01_the_header_carries_a_key_that_starts_with_fft(http, fft, key, issue_for):
    assert key.api_key.startswith("fft_")
    assert issue_for(fft, workspace="development").api_key.startswith("fft_")
    for name in (HEADER, "X-API-Key", "X-API-KEY"):
        files = {"file": ("image.jpg", samples.image("jpg"))}
        response = http.post(COMPRESS, headers={name: key.api_key}, files=files)
        assert response.status_code == 200


@pytest.mark.parametrize("name", ["jpg", "png", "webp"])
def test_s1_02_the_image_comes_back_in_its_size_with_fewer_bytes(http, key, name):
    content = samples.image(name, (640, 480))
    response = compress(http, key, name=f"image.{name}", content=content, quality="60")
    assert response.status_code == 200
    before, after = samples.read(content), samples.read(response.content)
    assert after == before
    assert len(response.content) < len(content)
    assert response.headers["Content-Type"] == f"image/{'jpeg' if name == 'jpg' else name}"


def test_s1_02_a_lower_quality_means_fewer_bytes(http, key):
    sizes = [len(compress(http, key, quality=str(q)).content) for q in (5, 40, 80)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 3


def test_s1_02_what_cannot_get_smaller_comes_back_as_it_is(http, key):
    once = compress(http, key, quality="10").content
    assert compress(http, key, content=once, quality="100").content == once


def test_s1_03_a_first_party_page_needs_no_key(http, server):
    for headers in (
        {"Origin": server.url},
        {"Origin": "https://freefiletools.io"},
        {"Sec-Fetch-Site": "same-origin"},
    ):
        assert compress(http, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null"},
        {"Origin": "https://freefiletools.io.evil.example"},
        {"Origin": "https://freefiletools.io:8443"},
        {"Origin": "http://freefiletools.io"},
        {"Origin": "https://tools.fast"},
        {"Referer": "https://freefiletools.io/tools/image-compress"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0 Safari/537.36"},
    ],
)
def test_s1_03_from_anywhere_else_it_is_a_401(http, server, headers):
    response = compress(http, headers=headers)
    assert (response.status_code, response.content) == (401, unauthorized(server))


def test_s1_03_the_page_is_there_for_everyone_and_knows_no_key(http):
    response = http.get(PAGE)
    assert response.status_code == 200
    assert 'action="/api/image-compress"' in response.text
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert "fft_" not in response.text
    script = response.text.split('src="')[1].split('"')[0]
    assert http.get(script).status_code == 200


def test_s1_04_missing_and_invalid_keys_get_the_same_bytes(
    http, server, fft, key, issue_for, actor
):
    revoked = issue_for(fft)
    revoke_token(actor=actor, token=revoked.token)
    assert compress(http).content == unauthorized(server)
    for text in ("", "junk", "fft_junk", key.api_key[:-1] + "!", revoked.api_key):
        response = compress(http, headers={HEADER: text})
        assert (response.status_code, response.content) == (401, unauthorized(server)), text
        assert response.headers["WWW-Authenticate"] == 'ApiKey realm="freefiletools"'


def test_s1_04_the_host_is_the_one_the_request_names(http, server):
    host = f"localhost:{server.port}"
    assert host in compress(http, headers={"Host": host}).json()["message"]


def test_s1_05_an_invalid_key_never_falls_back_to_anonymous(http, server, fft, issue_for, actor):
    revoked = issue_for(fft)
    revoke_token(actor=actor, token=revoked.token)
    for text in ("", "fft_junk", revoked.api_key):
        headers = {HEADER: text, "Origin": server.url, "Sec-Fetch-Site": "same-origin"}
        assert compress(http, headers=headers).status_code == 401


def test_s1_05_a_valid_key_from_a_foreign_page_works_with_cors_and_no_credentials(http, key):
    origin = "https://shop.example"
    preflight = http.options(
        COMPRESS,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-api-key",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Headers"] == "x-api-key, content-type"
    response = compress(http, key, headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 200
    for answer in (preflight, response, compress(http, headers={"Origin": origin})):
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "origin" in answer.headers["Vary"].lower()


def test_s1_05_the_origin_null_gets_no_cors_headers(http, key):
    response = compress(http, key, headers={"Origin": "null"})
    assert response.status_code == 200
    assert cors(response) == {}


def test_s1_06_the_51st_request_of_an_hour_is_refused(http, key):
    tiny = samples.image("jpg", (8, 8))
    for number in range(50):
        response = compress(http, key, content=tiny)
        assert response.status_code == 200
        assert response.headers["X-RateLimit-Remaining"] == str(49 - number)
    response = compress(http, key, content=tiny)
    assert response.status_code == 429
    seconds = int(response.headers["Retry-After"])
    assert 3500 <= seconds <= 3600
    assert response.content == (
        b'{"error": "Rate limit exceeded", "message": "You have exceeded the rate limit. '
        b'Please try again later.", "retryAfter": %d}' % seconds
    )
    assert response.headers["X-RateLimit-Limit"] == "50"
    assert response.headers["X-RateLimit-Remaining"] == "0"


def test_s1_06_each_key_has_its_own_hour(http, fft, key, issue_for):
    Organization.objects.filter(pk=fft.pk).update(limits={"any-token": "1/hour"})
    assert compress(http, key).status_code == 200
    assert compress(http, key).status_code == 429
    assert compress(http, issue_for(fft)).status_code == 200


def test_s1_07_every_answer_tells_the_limit(http, server, key):
    answers = [
        (compress(http, key), 200, "49"),
        (compress(http, key, quality="0"), 400, "48"),
        (http.get(COMPRESS, headers={HEADER: key.api_key}), 405, "47"),
        (compress(http), 401, "50"),
        (compress(http, headers={HEADER: "fft_junk"}), 401, "50"),
        (compress(http, headers={"Origin": server.url}), 200, "49"),
        (compress(http), 401, "49"),
    ]
    for response, status, remaining in answers:
        assert response.status_code == status
        assert response.headers["X-RateLimit-Limit"] == "50"
        assert response.headers["X-RateLimit-Remaining"] == remaining


def test_s1_08_a_regenerated_key_replaces_the_old_one_at_once(http, key, actor):
    from datetime import timedelta

    fresh = rotate_token(actor=actor, token=key.token, overlap=timedelta(0))
    assert compress(http, key).status_code == 401
    assert compress(http, fresh).status_code == 200


def test_s1_08_a_revoked_key_stops_at_once(http, key, actor):
    assert compress(http, key).status_code == 200
    revoke_token(actor=actor, token=key.token)
    assert compress(http, key).status_code == 401


def test_s1_09_whoever_claims_to_be_the_page_gets_the_limit_per_address_and_no_more(http, server):
    claims = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    tiny = samples.image("jpg", (8, 8))
    statuses = [compress(http, headers=claims, content=tiny).status_code for _ in range(51)]
    assert statuses == [200] * 50 + [429]
    with Http(server.url) as elsewhere:
        assert compress(elsewhere, headers=claims, content=tiny).status_code == 200
    for path in ("/convert/conversions", "/on-demand", "/entitlements/me", "/api/demo/notes"):
        assert http.get(path, headers=claims).status_code == 401


@pytest.mark.parametrize("quality", ["0", "101", "-1", "high", "", "80.5", "٨٠٠"])
def test_s1_10_a_quality_out_of_range_is_a_400_naming_it(http, key, quality):
    response = compress(http, key, quality=quality)
    assert response.status_code == 400
    body = response.json()
    assert set(body) == {"error", "message"}
    assert body["error"] == "Bad Request"
    assert "quality" in body["message"]


def test_s1_10_a_missing_file_and_what_is_no_image_are_a_400_naming_the_file(http, key):
    own = {HEADER: key.api_key}
    answers = [
        http.post(COMPRESS, headers=own, data={"quality": "80"}),
        http.post(COMPRESS, headers=own, files={"other": ("a.jpg", b"x")}),
        http.post(COMPRESS, headers=own, files={"quality": (None, "80")}),
        compress(http, key, content=b"no image"),
        compress(http, key, name="image.heic", content=samples.image("heic")),
    ]
    for response in answers:
        assert response.status_code == 400
        assert response.json()["error"] == "Bad Request"
        assert response.json()["message"].startswith("file: ")


@pytest.mark.parametrize("name", ["compress.sh", "compress.mjs", "compress.py"])
def test_s1_the_example_saves_a_smaller_image(run_example, tmp_path, key, name):
    content = samples.image("jpg", (640, 480))
    done = run_example(f"freefiletools/{name}", key=key, files={"image.jpg": content})
    assert done.returncode == 0, done.stderr
    saved = (tmp_path / "compressed.jpg").read_bytes()
    assert samples.read(saved) == ("JPEG", (640, 480))
    assert len(saved) < len(content)


def test_s1_the_example_as_printed_gets_a_400_naming_the_missing_file(run_example, tmp_path, key):
    done = run_example("freefiletools/as_printed.sh", key=key)
    assert done.returncode == 0, done.stderr
    answer = (tmp_path / "compressed.jpg").read_bytes()
    assert answer == b'{"error": "Bad Request", "message": "file: No file was submitted."}'
