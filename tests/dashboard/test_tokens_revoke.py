"""Revoking: consequences, a reason, the name typed where a mistake hurts; one, several, all."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from apikeys import reauthentication
from apikeys.models import AccessToken, AuditEvent, UsageCounter
from apikeys.services.actors import Actor
from apikeys.services.errors import NotAllowed
from apikeys.services.tokens import revoke_token

pytestmark = pytest.mark.django_db
SEVERAL = "/dashboard/acme/tokens/revoke"


@pytest.fixture
def admin(client, alice, acme):
    client.force_login(alice)
    return client


def address(token: AccessToken) -> str:
    return f"/dashboard/acme/tokens/{token.token_id}/revoke"


def text(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def revoked() -> set[str]:
    found = AccessToken.objects.filter(revoked_at__isnull=False)
    return set(found.values_list("name", flat=True))


def lapse(client) -> None:
    session = client.session
    session[reauthentication.SESSION_KEY] -= 15 * 60
    session.save()


def refuse(**kwargs: object) -> None:
    """What a service says to an admin who is none any more since the page was opened."""
    raise NotAllowed("organization.admin_required", "Only admins may manage access tokens.")


class TestOne:
    """One token."""

    def test_the_page_names_the_tokens_it_has_made_because_they_keep_working(self, admin, issue):
        manager = issue(name="Manager", scopes=["tokens:manage", "notes:read"]).token
        maker = Actor.bearer(manager)
        issue(name="Left behind", actor=maker)
        issue(name="Nobody's")
        revoke_token(actor=maker, token=issue(name="Gone", actor=maker).token)
        said = text(admin.get(address(manager)))
        assert "keep working. Has it leaked, revoke them too: Left behind" in said
        assert "Gone" not in said
        assert "Nobody" not in said

    def test_the_page_of_a_token_that_has_made_none_says_nothing_of_them(self, admin, issue):
        assert "keep working" not in text(admin.get(address(issue().token)))

    def test_the_page_says_what_it_means(self, admin, issue):
        now = timezone.now()
        token = issue(name="CI deploy").token
        AccessToken.objects.filter(pk=token.pk).update(
            last_used_at=now - timedelta(minutes=4), last_used_address="203.0.113.5"
        )
        for hours, count in ((1, 1200), (20, 4), (30, 5000)):
            UsageCounter.objects.create(
                token=token, started_at=now - timedelta(hours=hours), outcome="success", count=count
            )
        shown = text(admin.get(address(token)))
        for words in (
            "Revoke CI deploy?",
            "Requests with this token fail at once. This can't be undone.",
            "Production",
            "4 minutes ago from 203.0.113.5",
            "Requests in 24 hours 1,204",
        ):
            assert words in shown

    def test_revoked_with_a_reason_it_is_refused_by_the_next_request(self, admin, api, issue):
        issued = issue(name="CI deploy")
        api.key(issued)
        assert api.get("/access/v1/token").status_code == 200
        fields = {"reason": "Leaked", "note": "in a gist", "confirm": "CI deploy"}
        page = admin.post(address(issued.token), fields, follow=True)
        assert "CI deploy is revoked." in text(page)
        assert api.get("/access/v1/token").status_code == 401
        token = AccessToken.objects.get()
        assert token.revoked_by == "alice@example.org"
        assert token.revoke_reason == "Leaked: in a gist"
        event = AuditEvent.objects.get(action="token.revoked")
        assert event.details == {"reason": "Leaked: in a gist"}

    @pytest.mark.parametrize("reason", ["", "Bored"])
    def test_a_reason_has_to_be_given(self, admin, issue, reason):
        token = issue(name="CI deploy").token
        page = admin.post(address(token), {"reason": reason, "confirm": "CI deploy"})
        assert list(page.context["form"].errors) == ["reason"]
        assert revoked() == set()

    @pytest.mark.parametrize("typed", ["", "ci deploy", "CI deploy!", "production"])
    def test_in_production_the_name_has_to_be_typed_exactly(self, admin, issue, typed):
        token = issue(name="CI deploy").token
        page = admin.post(address(token), {"reason": "Leaked", "confirm": typed})
        assert list(page.context["form"].errors) == ["confirm"]
        html = page.content.decode()
        assert 'data-confirm="CI deploy"' in html
        assert "data-confirmed" in html
        assert revoked() == set()

    def test_elsewhere_nothing_has_to_be_typed(self, admin, development, issue):
        token = issue(name="CI deploy", workspace=development).token
        assert "data-confirm" not in admin.get(address(token)).content.decode()
        admin.post(address(token), {"reason": "Other"})
        assert revoked() == {"CI deploy"}

    @pytest.mark.parametrize(
        ("setting", "workspace", "typed"),
        [
            ("always", "development", True),
            ("always", "production", True),
            ("never", "production", False),
            ("production", "production", True),
            ("production", "development", False),
        ],
    )
    def test_the_setting_says_where_a_name_is_typed(
        self, admin, acme, issue, settings, setting, workspace, typed
    ):
        settings.APIKEYS = {**settings.APIKEYS, "CONFIRM_REVOKE": setting}
        token = issue(name="T", workspace=acme.workspaces.get(slug=workspace)).token
        assert ("data-confirm" in admin.get(address(token)).content.decode()) == typed
        admin.post(address(token), {"reason": "Leaked"})
        assert revoked() == (set() if typed else {"T"})

    def test_a_revoked_token_stays_as_it_is(self, admin, issue, actor):
        token = issue(name="CI deploy").token
        revoke_token(actor=actor, token=token, reason="Rotated")
        assert "revoked already" in text(admin.get(address(token)))
        page = admin.post(address(token), {"reason": "Leaked", "confirm": "CI deploy"})
        assert "revoked already" in text(page)
        assert AuditEvent.objects.filter(action="token.revoked").count() == 1

    def test_no_password_is_asked_for_so_that_a_leaked_key_dies_fast(
        self, admin, development, issue
    ):
        token = issue(name="leaked", workspace=development).token
        lapse(admin)
        admin.post(address(token), {"reason": "Leaked"})
        assert revoked() == {"leaked"}

    def test_what_the_service_refuses_is_told(self, admin, development, issue, monkeypatch):
        token = issue(name="CI deploy", workspace=development).token
        monkeypatch.setattr("dashboard.views.tokens.revoking.revoke_token", refuse)
        page = admin.post(address(token), {"reason": "Leaked"})
        assert page.status_code == 200
        assert "Only admins may manage access tokens." in text(page)

    def test_members_and_other_admins_revoke_nothing(self, client, issue, bob, charlie, globex):
        token = issue(name="CI deploy").token
        for user, status in ((bob, 403), (charlie, 404)):
            client.force_login(user)
            assert client.get(address(token)).status_code == status
            fields = {"reason": "Leaked", "confirm": "CI deploy"}
            assert client.post(address(token), fields).status_code == status
        assert revoked() == set()


class TestSeveral:
    """The ticked ones, or all of a workspace."""

    @pytest.fixture
    def tokens(self, development, issue):
        return {
            name: issue(name=name, workspace=workspace).token.token_id
            for name, workspace in (("a", None), ("b", None), ("dev", development))
        }

    def test_the_ticked_ones_are_listed_and_the_workspace_has_to_be_typed(self, admin, tokens):
        page = admin.get(SEVERAL, {"token_ids": [tokens["a"], tokens["b"]]})
        html = page.content.decode()
        assert "Revoke 2 tokens?" in text(page)
        assert 'data-confirm="Production"' in html
        assert tokens["a"] in html
        assert tokens["dev"] not in html

    def test_they_are_revoked_with_an_event_each_and_no_others(self, admin, tokens):
        fields = {"token_ids": [tokens["a"], tokens["b"]], "reason": "Leaked"}
        page = admin.post(SEVERAL, {**fields, "confirm": "production"})
        assert list(page.context["form"].errors) == ["confirm"]
        assert revoked() == set()
        page = admin.post(SEVERAL, {**fields, "confirm": "Production"}, follow=True)
        assert "2 tokens are revoked." in text(page)
        assert revoked() == {"a", "b"}
        assert AuditEvent.objects.filter(action="token.revoked").count() == 2

    def test_tokens_of_several_workspaces_take_the_organizations_name(self, admin, tokens):
        fields = {"token_ids": list(tokens.values()), "reason": "Rotated"}
        admin.post(SEVERAL, {**fields, "confirm": "Production"})
        assert revoked() == set()
        admin.post(SEVERAL, {**fields, "confirm": "Acme"})
        assert revoked() == {"a", "b", "dev"}

    def test_all_of_a_workspace_are_revoked(self, admin, tokens):
        page = admin.get(SEVERAL, {"all": "production"})
        assert "Revoke all tokens of Production?" in text(page)
        fields = {"all": "production", "reason": "Leaked"}
        admin.post(SEVERAL, {**fields, "confirm": "Acme"})
        assert revoked() == set()
        admin.post(SEVERAL, {**fields, "confirm": "Production"})
        assert revoked() == {"a", "b"}

    def test_a_long_list_is_cut_and_still_revoked_whole(self, admin, tokens, monkeypatch):
        monkeypatch.setattr("dashboard.views.tokens.revoking.SHOWN", 1)
        page = admin.get(SEVERAL, {"all": "production"})
        assert "2 tokens , the first 1 shown" in text(page).replace("tokens,", "tokens ,")
        fields = {"all": "production", "reason": "Leaked", "confirm": "Production"}
        admin.post(SEVERAL, fields)
        assert revoked() == {"a", "b"}

    def test_without_a_token_there_is_nothing_to_do(self, admin, tokens, issue, globex, actor):
        other = issue(workspace=globex.workspaces.get(slug="production")).token
        gone = issue(name="gone").token
        revoke_token(actor=actor, token=gone)
        for wanted in ([], ["nothing"], ["no id"], [other.token_id], [gone.token_id]):
            page = admin.get(SEVERAL, {"token_ids": wanted}, follow=True)
            assert "No tokens to revoke" in text(page)
            fields = {"token_ids": wanted, "reason": "Leaked", "confirm": "Acme"}
            assert admin.post(SEVERAL, fields).status_code == 302
        assert revoked() == {"gone"}

    def test_an_unknown_or_foreign_workspace_is_not_found(self, admin, globex, tokens):
        type(globex.workspaces.first()).objects.filter(
            organization=globex, slug="production"
        ).update(slug="theirs")
        for slug in ("nothing", "theirs", "\x00"):
            assert admin.get(SEVERAL, {"all": slug}).status_code == 404
            assert admin.post(SEVERAL, {"all": slug}).status_code == 404

    def test_the_password_is_asked_again_when_its_last_check_is_too_old(self, admin, tokens):
        lapse(admin)
        assert admin.get(SEVERAL, {"all": "production"})["Location"].startswith(
            "/dashboard/confirm?next=/dashboard/acme/tokens/revoke%3Fall%3Dproduction"
        )
        fields = {"all": "production", "reason": "Leaked", "confirm": "Production"}
        page = admin.post(SEVERAL, fields)
        assert list(page.context["form"].errors) == ["password"]
        assert 'value="Production"' in page.content.decode()
        assert revoked() == set()
        admin.post(SEVERAL, {**fields, "password": "correct horse battery staple"})
        assert revoked() == {"a", "b"}

    def test_after_too_many_wrong_passwords_it_says_how_long_to_wait(self, admin, tokens, settings):
        settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in": "1/minute"}}
        lapse(admin)
        fields = {"all": "production", "reason": "Leaked", "confirm": "Production"}
        assert admin.post(SEVERAL, {**fields, "password": "wrong"}).status_code == 200
        page = admin.post(SEVERAL, {**fields, "password": "correct horse battery staple"})
        assert page.status_code == 429
        assert 0 < int(page["Retry-After"]) <= 60
        assert revoked() == set()

    def test_what_the_service_refuses_is_told(self, admin, tokens, monkeypatch):
        monkeypatch.setattr("dashboard.views.tokens.revoking.revoke_all", refuse)
        fields = {"all": "production", "reason": "Leaked", "confirm": "Production"}
        assert "Only admins may manage access tokens." in text(admin.post(SEVERAL, fields))
        assert revoked() == set()

    def test_members_and_other_admins_revoke_nothing(self, client, tokens, bob, charlie, globex):
        for user, status in ((bob, 403), (charlie, 404)):
            client.force_login(user)
            assert client.get(SEVERAL, {"all": "production"}).status_code == status
            fields = {"all": "production", "reason": "Leaked", "confirm": "Production"}
            assert client.post(SEVERAL, fields).status_code == status
        assert revoked() == set()
