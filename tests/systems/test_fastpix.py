"""S2, FastPix: token id and secret over Basic, workspaces, permissions. On a real server."""

from __future__ import annotations

import base64
import json
import re
import socket
import uuid

import httpx
import pytest

from apikeys.credentials.digests import text_of
from apikeys.models import AccessToken
from apikeys.services.tokens import revoke_token
from project.demo.fastpix.models import Media

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.project]

MEDIA = "/on-demand"
BODY = {
    "inputs": [{"type": "video", "url": "https://static.fastpix.io/sample.mp4"}],
    "accessPolicy": "public",
}
READ_ONLY = ["media:read"]


@pytest.fixture
def fastpix(account):
    return account("fastpix")


@pytest.fixture
def token(fastpix, issue_for):
    return issue_for(fastpix)


def pair(issued):
    return (issued.token.token_id, issued.secret)


def create(http, issued, **changes):
    return http.post(MEDIA, auth=pair(issued), json={**BODY, **changes})


def made(http, issued, **changes):
    response = create(http, issued, **changes)
    assert response.status_code == 201, response.text
    return response.json()["data"]["id"]


def envelope(status, message, description):
    return {
        "success": False,
        "error": {"code": status, "message": message, "description": description},
    }


UNAUTHORIZED = envelope(
    401, "Unauthorized", "Send a valid Access Token ID and Secret Key over HTTP Basic."
)


def test_s2_01_token_id_and_secret_travel_over_basic(http, server, token):
    assert http.get(MEDIA, auth=pair(token)).status_code == 200
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert client.get(MEDIA, auth=pair(token)).status_code == 200
    encoded = base64.b64encode(":".join(pair(token)).encode()).decode()
    for scheme in ("Basic", "basic", "BASIC", "bAsIc"):
        headers = {"Authorization": f"{scheme} {encoded}"}
        assert http.get(MEDIA, headers=headers).status_code == 200


def test_s2_01_nothing_else_is_a_credential_here(http, token):
    for headers in (
        {},
        {"Authorization": f"Bearer {token.api_key}"},
        {"X-API-Key": token.api_key},
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": f"Basic {token.token.token_id}:{token.secret}"},
    ):
        response = http.get(MEDIA, headers=headers)
        assert (response.status_code, response.json()) == (401, UNAUTHORIZED), headers
        assert response.headers["WWW-Authenticate"] == 'Basic realm="fastpix", charset="UTF-8"'


def test_s2_01_a_browser_is_never_asked_for_a_password(http):
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "https://evil.example"}):
        response = http.get(MEDIA, headers=headers)
        assert response.status_code == 401
        assert "Basic" not in response.headers["WWW-Authenticate"]


def test_s2_02_a_media_record_is_created_in_the_tokens_workspace(http, token):
    response = create(http, token)
    assert response.status_code == 201
    body = response.json()
    record = Media.objects.get()
    stamps = {name: body["data"].pop(name) for name in ("createdAt", "updatedAt")}
    assert all(stamp.endswith("Z") for stamp in stamps.values())
    assert body == {
        "success": True,
        "data": {
            "id": str(record.public_id),
            "workspaceId": "production",
            "status": "created",
            "trial": False,
            **BODY,
        },
    }
    assert record.workspace == token.token.workspace


def test_s2_02_the_list_is_paged_and_ordered(http, token):
    ids = [made(http, token) for _ in range(5)]

    def listed(query):
        body = http.get(f"{MEDIA}?{query}", auth=pair(token)).json()
        assert body["success"] is True
        return [item["id"] for item in body["data"]], body["pagination"]

    assert listed("limit=10&offset=1&orderBy=desc") == (
        ids[::-1],
        {"totalRecords": 5, "currentOffset": 1, "offsetCount": 1},
    )
    assert listed("limit=2&offset=2&orderBy=asc") == (
        ids[2:4],
        {"totalRecords": 5, "currentOffset": 2, "offsetCount": 3},
    )
    assert listed("limit=2&offset=9")[0] == []
    assert listed("")[0] == ids[::-1]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=51", "offset=0", "orderBy=up"])
def test_s2_02_a_list_that_cannot_be_asked_for_is_a_422_naming_why(http, token, query):
    response = http.get(f"{MEDIA}?{query}", auth=pair(token))
    assert response.status_code == 422
    assert query.split("=")[0] in response.json()["error"]["description"]


def test_s2_02_a_record_is_read_changed_and_deleted(http, token):
    path = f"{MEDIA}/{made(http, token)}"
    assert http.get(path, auth=pair(token)).json()["data"]["status"] == "created"
    changed = http.patch(path, auth=pair(token), json={"metadata": {"title": "Sommer"}})
    assert changed.status_code == 200
    assert changed.json()["data"]["metadata"] == {"title": "Sommer"}
    assert Media.objects.get().metadata == {"title": "Sommer"}
    deleted = http.delete(path, auth=pair(token))
    assert (deleted.status_code, deleted.json()) == (200, {"success": True})
    assert http.get(path, auth=pair(token)).status_code == 404
    assert not Media.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/a.mp4",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//example.org/a.mp4",
        "https://",
        "https:///a.mp4",
        "http://[::1/a.mp4",
        "http://example.org:port/",
        "https://example.org/a b.mp4",
        "example.org/a.mp4",
        "",
        None,
        7,
        ["https://example.org/a.mp4"],
        "https://example.org/" + "a" * 2048,
    ],
)
def test_s2_02_the_url_of_an_input_must_be_http(http, token, url):
    response = create(http, token, inputs=[{"type": "video", "url": url}])
    assert response.status_code == 422
    assert "url" in response.json()["error"]["description"]
    assert not Media.objects.exists()


def test_s2_02_the_url_of_an_input_is_never_fetched(http, token):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.5)
        port = listener.getsockname()[1]
        made(http, token, inputs=[{"type": "video", "url": f"http://127.0.0.1:{port}/a.mp4"}])
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"inputs": []}, "inputs"),
        ({"inputs": None}, "inputs"),
        ({"inputs": "video"}, "inputs"),
        ({"inputs": [{"type": "video"}]}, "url"),
        ({"inputs": [{"type": "cat", "url": "https://example.org/a"}]}, "type"),
        ({"inputs": BODY["inputs"] * 11}, "inputs"),
        ({"accessPolicy": "secret"}, "accessPolicy"),
        ({"metadata": {"a": {"b": "c"}}}, "metadata"),
        ({"metadata": {f"k{i}": "v" for i in range(11)}}, "metadata"),
        ({"metadata": {"a\u0000b": "v"}}, "metadata"),
        ({"metadata": {"\ud800": "v"}}, "metadata"),
        ({"metadata": {"a": "\u0000"}}, "metadata"),
    ],
)
def test_s2_02_what_cannot_be_kept_is_a_422_naming_the_field(http, token, changes, named):
    response = create(http, token, **changes)
    assert response.status_code == 422
    body = response.json()
    assert body["error"]["code"] == 422
    assert named in body["error"]["description"]
    assert not Media.objects.exists()


def test_s2_04_the_env_file_has_the_names_the_client_reads(token):
    dialect = token.token.workspace.speaks
    text = dialect.env_file(token_id=pair(token)[0], secret=token.secret, key=token.api_key)
    assert text == f"FASTPIX_USERNAME={pair(token)[0]}\nFASTPIX_PASSWORD={token.secret}\n"


def test_s2_04_only_a_digest_is_stored(token):
    row = AccessToken.objects.filter(pk=token.token.pk).values().get()
    assert all(token.secret not in str(value) for value in row.values())
    assert text_of(row["digest"]).startswith("hmac-sha256$1$")


def test_s2_05_a_read_only_token_changes_nothing(http, fastpix, token, issue_for):
    reader = issue_for(fastpix, scopes=READ_ONLY)
    path = f"{MEDIA}/{made(http, token)}"
    assert http.get(MEDIA, auth=pair(reader)).status_code == 200
    assert http.get(path, auth=pair(reader)).status_code == 200
    refused = envelope(
        403,
        "Forbidden",
        'This access token does not have the permission "Read and write".',
    )
    for response in (
        create(http, reader),
        http.patch(path, auth=pair(reader), json={"metadata": {}}),
        http.delete(path, auth=pair(reader)),
    ):
        assert (response.status_code, response.json()) == (403, refused)
    assert Media.objects.count() == 1


def test_s2_06_a_token_works_in_its_own_workspace_only(http, fastpix, token, issue_for):
    development = issue_for(fastpix, workspace="development")
    mine, theirs = made(http, development), made(http, token)
    listed = http.get(MEDIA, auth=pair(development)).json()
    assert [item["id"] for item in listed["data"]] == [mine]
    assert listed["pagination"]["totalRecords"] == 1
    for method, body in (("GET", None), ("PATCH", {"metadata": {}}), ("DELETE", None)):
        answers = [
            http.request(method, f"{MEDIA}/{name}", auth=pair(development), json=body)
            for name in (theirs, str(uuid.uuid4()), "no-uuid")
        ]
        assert [a.status_code for a in answers] == [404] * 3
        assert len({a.content for a in answers}) == 1
    assert Media.objects.count() == 2


def test_s2_07_a_revoked_token_is_refused_by_the_next_request(http, token, actor):
    assert http.get(MEDIA, auth=pair(token)).status_code == 200
    revoke_token(actor=actor, token=token.token)
    assert http.get(MEDIA, auth=pair(token)).status_code == 401


def test_s2_10_errors_have_their_envelope(http, token):
    response = http.get(f"{MEDIA}/none", auth=pair(token))
    assert response.json() == envelope(404, "Not found", "There is nothing here that you can see.")


@pytest.mark.parametrize("name", ["create.sh", "create.mjs", "create.py"])
def test_s2_the_example_creates_a_media_record(run_example, token, name):
    done = run_example(f"fastpix/{name}", key=token)
    assert done.returncode == 0, done.stderr
    record = Media.objects.get()
    assert f'"id": "{record.public_id}"'.encode() in done.stdout
    assert record.inputs == BODY["inputs"]


def test_s2_the_example_as_printed_is_a_400_naming_where_the_json_breaks(run_example, token):
    done = run_example("fastpix/body_as_printed.sh", key=token)
    error = json.loads(done.stdout)["error"]
    assert (error["code"], error["message"]) == (400, "Bad request")
    assert re.fullmatch(r"JSON parse error - .+: line [56] column \d+ .*", error["description"])
    assert not Media.objects.exists()


def test_s2_the_example_without_its_backslash_sends_no_credential_and_gets_a_401(
    run_example, token
):
    # The shell ends the command after the URL, and takes the other lines for commands.
    done = run_example("fastpix/as_printed.sh", key=token)
    assert b'"code": 401' in done.stdout
    assert not Media.objects.exists()
