"""The page that shows a secret once, its file, and what a repeated POST gets."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.core.cache import cache
from django.db import connection, connections
from django.utils import timezone

from apikeys import reauthentication
from apikeys.credentials.digests import text_of
from apikeys.models import AccessToken, AuditEvent
from apikeys.services.tokens import revoke_token, rotate_token
from apikeys.services.workspaces import create_workspace
from dashboard.pages import PAGE_HEADERS
from tests.conftest import SecureClient

pytestmark = pytest.mark.django_db
NEW = "/dashboard/acme/tokens/new"


@pytest.fixture
def admin(client, alice, acme):
    client.force_login(alice)
    return client


def fields(**changes: str) -> dict[str, str]:
    return {
        "creation_id": "f0e1d2c3",
        "name": "CI deploy",
        "workspace": "production",
        "may-default-preset": "read",
        "expiry": "90",
        "kind": "automation",
        **changes,
    }


def secret_of(page) -> str:
    """Return the secret that a page shows, which the caller goes on to use."""
    return re.search(r"Secret key</span><code data-secret>([^<]+)</code>", page.content.decode())[1]


def test_the_answer_shows_id_secret_and_key_with_a_copy_button_each(admin, api):
    page = admin.post(NEW, fields())
    assert page.status_code == 200
    html = page.content.decode()
    token, secret = AccessToken.objects.get(), secret_of(page)
    key = f"ak_prod_{token.token_id}_{secret}"
    assert f"<code>{token.token_id}</code>" in html
    assert f"<code data-secret>{key}</code>" in html
    assert html.count("data-copy data-stores") == 2
    assert "Save this secret now: it will not be shown again." in html
    for label in ("Copy the token ID", "Copy the secret key", "Copy the API key"):
        assert f'aria-label="{label}"' in html
    api.credentials(HTTP_X_API_KEY=key)
    assert api.get("/access/v1/token").json()["token_id"] == token.token_id


def test_the_file_is_a_link_that_needs_no_script(admin):
    page = admin.post(NEW, fields())
    token, secret = AccessToken.objects.get(), secret_of(page)
    found = re.search(
        r'href="data:text/plain;charset=utf-8,([^"]+)" download="([^"]+)"', page.content.decode()
    )
    assert found[2] == f"access-token-{token.token_id}.env"
    assert unquote(found[1]) == (
        f"ACCESS_TOKEN_ID={token.token_id}\n"
        f"ACCESS_TOKEN_SECRET={secret}\n"
        f"API_KEY=ak_prod_{token.token_id}_{secret}\n"
    )


def test_the_second_button_answers_the_file_itself(admin, api):
    response = admin.post(NEW, fields(answer="env"))
    token = AccessToken.objects.get()
    name = f"access-token-{token.token_id}.env"
    assert response.status_code == 200
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    values = dict(line.split("=", 1) for line in response.content.decode().splitlines())
    assert list(values) == ["ACCESS_TOKEN_ID", "ACCESS_TOKEN_SECRET", "API_KEY"]
    assert all(re.fullmatch(r"[A-Za-z0-9_]+", value) for value in values.values())
    api.credentials(HTTP_X_API_KEY=values["API_KEY"])
    assert api.get("/access/v1/token").status_code == 200


@pytest.mark.parametrize("answer", ["", "env"])
def test_the_answer_is_kept_nowhere(admin, answer):
    response = admin.post(NEW, fields(answer=answer))
    for name, value in PAGE_HEADERS.items():
        assert response[name] == value
    assert response["Cache-Control"] == "no-store, private"
    assert not response.cookies.get("messages")


def test_the_secret_is_in_no_row_session_cookie_or_cache(admin):
    page = admin.post(NEW, fields(name="Canary"))
    secret = secret_of(page)
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            assert secret not in repr(cursor.fetchall()), table
    assert secret not in repr(dict(admin.session))
    assert secret not in repr(admin.cookies)
    assert secret not in repr(getattr(cache, "_cache", ""))


def test_no_other_page_has_the_secret(admin):
    page = admin.post(NEW, fields())
    token, secret = AccessToken.objects.get(), secret_of(page)
    for address in (
        "/dashboard/acme/tokens",
        NEW,
        f"/dashboard/acme/tokens/{token.token_id}",
        f"/dashboard/acme/tokens/{token.token_id}/edit",
        f"/dashboard/acme/tokens/{token.token_id}/rotate",
        f"/dashboard/acme/tokens/{token.token_id}/revoke",
        "/dashboard/acme/audit",
        "/dashboard/acme/audit.jsonl",
    ):
        response = admin.get(address)
        content = b"".join(response) if response.streaming else response.content
        assert response.status_code == 200
        assert secret.encode() not in content
        assert text_of(token.digest).rpartition("$")[2].encode() not in content


def test_snippets_speak_to_this_host_and_read_the_secret_from_the_environment(admin):
    page = admin.post(NEW, fields())
    html, secret = page.content.decode(), secret_of(page)
    assert [s.title for s in page.context["snippets"]] == [
        "curl",
        "Python",
        "JavaScript",
        "PowerShell",
        "HTTPie",
    ]
    for snippet in page.context["snippets"]:
        assert "https://testserver/access/v1/token" in snippet.code
        assert secret not in snippet.code
        assert f'id="snippet-{snippet.name}"' in html


def test_done_waits_until_the_secret_is_stored(admin):
    html = admin.post(NEW, fields()).content.decode()
    token = AccessToken.objects.get()
    assert f'<form method="get" action="/dashboard/acme/tokens/{token.token_id}"' in html
    assert '<input type="checkbox" id="stored" data-stored required>' in html
    assert "data-done" in html


def test_the_same_form_sent_again_makes_nothing_and_shows_no_secret(admin):
    secret = secret_of(admin.post(NEW, fields()))
    token = AccessToken.objects.get()
    for changes in ({}, {"answer": "env"}, {"name": "Another"}, {"expiry": "never"}):
        response = admin.post(NEW, fields(**changes))
        html = response.content.decode()
        assert response.status_code == 409
        assert "can't be shown again: nobody has it but you" in html
        assert f'href="/dashboard/acme/tokens/{token.token_id}"' in html
        assert secret not in html
        assert "data:text" not in html
    assert AccessToken.objects.get() == token
    assert AuditEvent.objects.filter(action="token.created").count() == 1


def test_an_id_of_another_organization_is_free_here(admin, charlie, globex):
    admin.post(NEW, fields())
    admin.force_login(charlie)
    assert admin.post("/dashboard/globex/tokens/new", fields()).status_code == 200
    assert AccessToken.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_ten_identical_posts_at_once_make_one_token_and_show_one_secret(alice, acme):
    clients = [SecureClient() for _ in range(10)]
    for client in clients:
        client.force_login(alice)
    barrier, answers = threading.Barrier(10), []

    def send(client: SecureClient) -> None:
        barrier.wait()
        try:
            answers.append(client.post(NEW, fields()))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert AccessToken.objects.count() == 1
    shown = [answer for answer in answers if b"data-secret-page" in answer.content]
    assert len(shown) == 1


class TestOtherDialects:
    """What is shown follows the dialect of the workspace."""

    def issued(self, admin, acme, actor, dialect: str, **extra: str):
        create_workspace(
            actor=actor, organization=acme, name=dialect, environment="production", dialect=dialect
        )
        page = admin.post(NEW, fields(workspace=dialect, **extra))
        assert page.status_code == 200, page.context["form"].errors
        return page, AccessToken.objects.get()

    @pytest.mark.project
    def test_fastpix_shows_id_and_secret_for_basic_and_no_key(self, admin, acme, actor):
        page, token = self.issued(admin, acme, actor, "fastpix", **{"may-fastpix-preset": "write"})
        secret = secret_of(page)
        html = page.content.decode()
        assert token.scopes == ["media:read", "media:write"]
        assert "API key</span>" not in html
        env = unquote(re.search(r'href="data:text/plain;charset=utf-8,([^"]+)"', html)[1])
        assert env == f"FASTPIX_USERNAME={token.token_id}\nFASTPIX_PASSWORD={secret}\n"
        curl = page.context["snippets"][0].code
        assert '--user "$FASTPIX_USERNAME:$FASTPIX_PASSWORD"' in curl
        assert "https://testserver/on-demand" in curl

    @pytest.mark.project
    def test_an_api_without_scopes_shows_its_one_key(self, admin, acme, actor):
        page, token = self.issued(admin, acme, actor, "freefiletools")
        html = page.content.decode()
        assert token.scopes == []
        assert "Secret key</span>" not in html
        key = re.search(r"API key</span><code data-secret>([^<]+)<", html)[1]
        env = unquote(re.search(r'href="data:text/plain;charset=utf-8,([^"]+)"', html)[1])
        assert env == f"FREEFILETOOLS_API_KEY={key}\n"
        assert key.startswith(f"fft_{token.token_id}_")


class TestRotation:
    """Rotating shows a new secret in the same way."""

    @pytest.fixture
    def token(self, issue):
        self.first = issue(name="CI deploy")
        return self.first.token

    def address(self, token, act: str = "rotate") -> str:
        return f"/dashboard/acme/tokens/{token.token_id}/{act}"

    def rotate(self, admin, token, **changes: str):
        return admin.post(self.address(token), {"creation_id": "r0", "overlap": "86400", **changes})

    def test_the_id_stays_and_the_new_secret_is_shown_once(self, admin, token, api):
        page = self.rotate(admin, token)
        secret = secret_of(page)
        assert secret != self.first.secret
        assert "Secret of “CI deploy” rotated" in page.content.decode()
        for each in (secret, self.first.secret):
            api.credentials(HTTP_X_API_KEY=f"ak_prod_{token.token_id}_{each}")
            assert api.get("/access/v1/token").status_code == 200
        assert self.rotate(admin, token).status_code == 409
        assert AccessToken.objects.get().rotated_at is not None
        assert AuditEvent.objects.filter(action="token.rotated").count() == 1

    @pytest.mark.parametrize(
        ("overlap", "length"),
        [("3600", timedelta(hours=1)), ("86400", timedelta(days=1)), ("604800", timedelta(days=7))],
    )
    def test_the_old_secret_works_as_long_as_was_chosen(self, admin, token, overlap, length):
        self.rotate(admin, token, overlap=overlap)
        token.refresh_from_db()
        assert token.previous_expires_at - token.rotated_at == length

    def test_the_old_secret_can_end_at_once(self, admin, token, api):
        page = self.rotate(admin, token, overlap="0")
        assert "does not work any more" in page.content.decode()
        api.credentials(HTTP_X_API_KEY=self.first.api_key)
        assert api.get("/access/v1/token").status_code == 401

    def test_another_overlap_is_an_error(self, admin, token):
        page = self.rotate(admin, token, overlap="5")
        assert page.status_code == 200
        assert list(page.context["form"].errors) == ["overlap"]
        assert AccessToken.objects.get().rotated_at is None

    def test_the_second_button_answers_the_file(self, admin, token):
        response = self.rotate(admin, token, answer="env")
        assert response["Content-Disposition"].endswith(f'"access-token-{token.token_id}.env"')
        assert response.content.startswith(f"ACCESS_TOKEN_ID={token.token_id}\n".encode())

    def test_during_an_overlap_the_page_offers_to_end_it(self, admin, token, actor):
        rotate_token(actor=actor, token=token, overlap=timedelta(days=1))
        html = admin.get(self.address(token)).content.decode()
        assert "A token has two secrets at most" in html
        assert f'action="{self.address(token, "end-overlap")}"' in html
        assert "creation_id" not in html
        page = self.rotate(admin, token)
        assert page.status_code == 200
        assert "End the overlap first." in page.content.decode()
        assert AuditEvent.objects.filter(action="token.rotated").count() == 1

    def test_a_revoked_or_expired_token_is_not_rotated(self, admin, token, issue, actor):
        revoke_token(actor=actor, token=token)
        other = issue(name="old").token
        past = timezone.now() - timedelta(days=1)
        AccessToken.objects.filter(pk=other.pk).update(
            created_at=past - timedelta(days=1), expires_at=past
        )
        for each, words in ((token, "is revoked, for ever"), (other, "has expired")):
            assert words in admin.get(self.address(each)).content.decode()
            assert words in self.rotate(admin, each, creation_id="r9").content.decode()
        assert not AuditEvent.objects.filter(action="token.rotated").exists()

    def test_the_password_is_asked_again_when_its_last_check_is_too_old(self, admin, token):
        session = admin.session
        session[reauthentication.SESSION_KEY] -= 15 * 60
        session.save()
        assert admin.get(self.address(token)).status_code == 302
        page = self.rotate(admin, token, overlap="3600")
        assert list(page.context["form"].errors) == ["password"]
        assert re.search(r'value="3600"[^>]* checked', page.content.decode())
        assert AccessToken.objects.get().rotated_at is None
        page = self.rotate(admin, token, password="correct horse battery staple")
        assert secret_of(page)

    def test_members_and_other_admins_rotate_nothing(self, client, token, bob, charlie, globex):
        for user, status in ((bob, 403), (charlie, 404)):
            client.force_login(user)
            assert client.get(self.address(token)).status_code == status
            assert self.rotate(client, token).status_code == status
        assert AccessToken.objects.get().rotated_at is None
