"""One token's page, and what may be changed of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from apikeys.models import AccessToken, AuditEvent
from apikeys.services.tokens import disable_token, revoke_token, rotate_token, update_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client, alice, acme):
    client.force_login(alice)
    return client


@pytest.fixture
def token(issue):
    return issue(
        name="CI deploy",
        description="GitHub Actions",
        scopes=["notes:read", "notes:write"],
        allowed_networks=["203.0.113.0/24"],
        expires_at=datetime(2126, 2, 18, 10, 15, 30, tzinfo=UTC),
    ).token


def address(token: AccessToken, act: str = "") -> str:
    return f"/dashboard/acme/tokens/{token.token_id}" + (f"/{act}" if act else "")


def text(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def change(token: AccessToken, **values: object) -> None:
    AccessToken.objects.filter(pk=token.pk).update(**values)


def actions(token: AccessToken) -> list[str]:
    events = AuditEvent.objects.filter(token_id=token.token_id).order_by("pk")
    return [event.action for event in events]


class TestThePage:
    """Facts, last use, overlap, events."""

    def test_it_says_what_the_token_is(self, admin, token):
        shown = text(admin.get(address(token)))
        for words in (
            "CI deploy",
            "GitHub Actions",
            token.token_id,
            "Production",
            "Automation, of the workspace",
            "notes:read Read notes",
            "notes:write Add and change notes",
            "203.0.113.0/24",
            "18 Feb 2126, 10:15:30 UTC",
            "Active",
            "Last used Never",
        ):
            assert words in shown

    def test_it_says_when_from_where_and_with_what_it_was_last_used(self, admin, token):
        change(
            token,
            last_used_at=timezone.now() - timedelta(minutes=4),
            last_used_address="203.0.113.5",
            last_used_agent="python-requests/2.34 <b>",
        )
        page = admin.get(address(token))
        assert "4 minutes ago from 203.0.113.5 · python-requests/2.34 &lt;b&gt;" in text(page)

    def test_during_an_overlap_it_says_when_the_old_secret_was_used(self, admin, token, actor):
        rotate_token(actor=actor, token=token, overlap=timedelta(hours=24))
        shown = text(admin.get(address(token)))
        assert "The old secret still works; it stops in 23 hours" in shown
        assert "Nobody has used it since the rotation." in shown
        change(token, previous_last_used_at=timezone.now() - timedelta(minutes=3))
        assert "Old secret last used 3 minutes ago" in text(admin.get(address(token)))

    def test_a_rotation_is_offered_where_it_would_be_made(self, admin, token, actor):
        assert f"{address(token)}/rotate" in admin.get(address(token)).content.decode()
        rotate_token(actor=actor, token=token, overlap=timedelta(hours=24))
        html = admin.get(address(token)).content.decode()
        assert f"{address(token)}/rotate" not in html
        assert f'action="{address(token)}/end-overlap"' in html

    def test_it_shows_the_last_20_events_and_no_others(self, admin, token, actor, issue):
        for number in range(22):
            update_token(actor=actor, token=token, description=f"change {number}")
        issue(name="other")
        page = admin.get(address(token))
        events = page.context["events"]
        assert [event.action for event in events] == ["token.updated"] * 20
        assert events[0].details["after"] == {"description": "change 21"}
        assert {event.token_id for event in events} == {token.token_id}

    def test_a_revoked_token_says_by_whom_and_why_and_has_no_buttons(self, admin, token, actor):
        revoke_token(actor=actor, token=token, reason="Leaked")
        page = admin.get(address(token))
        shown, html = text(page), page.content.decode()
        assert "Revoked by tests on" in shown
        assert "Reason: Leaked." in shown
        assert "Call the API" not in shown
        for act in ("edit", "rotate", "revoke", "disable", "enable"):
            assert f"{address(token)}/{act}" not in html

    def test_a_personal_token_names_its_owner(self, admin, alice, issue):
        personal = issue(kind="personal", owner=alice).token
        assert "Personal, of alice@example.org" in text(admin.get(address(personal)))
        change(personal, owner=None)
        assert "Personal; its owner is gone" in text(admin.get(address(personal)))

    def test_another_organizations_token_is_not_found(self, admin, globex, issue):
        other = issue(workspace=globex.workspaces.get(slug="production")).token
        for act in ("", "edit", "rotate", "revoke"):
            assert admin.get(address(other, act)).status_code == 404
        for act in ("edit", "rotate", "revoke", "disable", "enable", "end-overlap"):
            assert admin.post(address(other, act)).status_code == 404
        assert actions(other) == ["token.created"]

    @pytest.mark.parametrize("odd", ["nothing", "%00", "a%00b", "ä", "x" * 500, "..", "'"])
    def test_an_id_that_is_none_is_not_found(self, admin, odd):
        assert admin.get(f"/dashboard/acme/tokens/{odd}").status_code == 404

    def test_members_and_other_admins_see_nothing(self, client, token, bob, charlie, globex):
        for user, status in ((bob, 403), (charlie, 404)):
            client.force_login(user)
            for act in ("", "edit"):
                assert client.get(address(token, act)).status_code == status
            for act in ("edit", "disable", "enable", "end-overlap"):
                assert client.post(address(token, act)).status_code == status
        assert actions(token) == ["token.created"]


class TestEditing:
    """Name, description, narrower scopes, networks, shorter expiry."""

    def fields(self, **changes: object) -> dict[str, object]:
        """What the form of the only token holds, with what a person changes in it."""
        token = AccessToken.objects.exclude(name="taken").get()
        return {
            "seen": token.updated_at.isoformat(),
            "name": "CI deploy",
            "description": "GitHub Actions",
            "scopes": ["notes:read", "notes:write"],
            "expires_at": "2126-02-18T10:15",
            "allowed_networks": "203.0.113.0/24",
            **changes,
        }

    def test_the_form_shows_the_token_as_it_is(self, admin, token):
        html = admin.get(address(token, "edit")).content.decode()
        assert 'value="CI deploy"' in html
        assert 'value="2126-02-18T10:15"' in html
        assert "203.0.113.0/24</textarea>" in html
        assert re.findall(r'name="scopes" value="([^"]+)"[^>]* checked', html) == [
            "notes:read",
            "notes:write",
        ]
        assert 'value="notes:delete"' not in html

    def test_what_may_be_changed_is_changed(self, admin, token):
        response = admin.post(
            address(token, "edit"),
            self.fields(
                name="New name",
                description="",
                scopes=["notes:read"],
                expires_at="2100-01-01T00:00",
                allowed_networks="198.51.100.7\n2001:db8::/32",
            ),
        )
        assert response.status_code == 302
        assert response["Location"] == address(token)
        token.refresh_from_db()
        assert (token.name, token.description) == ("New name", "")
        assert token.scopes == ["notes:read"]
        assert token.allowed_networks == ["198.51.100.7/32", "2001:db8::/32"]
        assert token.expires_at == datetime(2100, 1, 1, tzinfo=UTC)
        assert actions(token) == ["token.created", "token.updated"]

    def test_saving_without_a_change_changes_nothing_not_even_seconds(self, admin, token):
        before = token.expires_at
        assert admin.post(address(token, "edit"), self.fields()).status_code == 302
        token.refresh_from_db()
        assert token.expires_at == before
        assert actions(token) == ["token.created"]

    def test_the_event_names_what_differs_and_nothing_else(self, admin, token):
        admin.post(address(token, "edit"), self.fields(name="By alice"))
        updated = AuditEvent.objects.get(action="token.updated")
        assert updated.details == {"before": {"name": "CI deploy"}, "after": {"name": "By alice"}}

    def test_what_another_admin_changed_meanwhile_is_not_undone_unnoticed(
        self, admin, token, actor
    ):
        stale = self.fields(name="By alice")
        update_token(actor=actor, token=token, description="Changed meanwhile")
        page = admin.post(address(token, "edit"), stale)
        assert "This token was changed meanwhile." in text(page)
        token.refresh_from_db()
        assert (token.name, token.description) == ("CI deploy", "Changed meanwhile")
        again = re.search(r'name="seen" value="([^"]+)"', page.content.decode())[1]
        assert admin.post(address(token, "edit"), {**stale, "seen": again}).status_code == 302
        token.refresh_from_db()
        assert (token.name, token.description) == ("By alice", "GitHub Actions")

    def test_use_meanwhile_is_no_change(self, admin, token):
        form = self.fields(name="By alice")
        change(token, last_used_at=timezone.now())
        assert admin.post(address(token, "edit"), form).status_code == 302

    def test_a_token_without_scopes_offers_none(self, admin, issue):
        bare = issue(name="bare", scopes=[]).token
        assert 'name="scopes"' not in admin.get(address(bare, "edit")).content.decode()
        changed = self.fields(name="bare still", expires_at="", allowed_networks="")
        assert admin.post(address(bare, "edit"), changed).status_code == 302
        bare.refresh_from_db()
        assert (bare.name, bare.scopes) == ("bare still", [])

    @pytest.mark.parametrize(
        ("changes", "field", "message"),
        [
            ({"name": ""}, "name", "Give the token a name."),
            ({"name": "x" * 65}, "name", "Use at most 64 characters."),
            ({"name": "taken"}, "name", "Another token of this workspace has this name."),
            (
                {"scopes": ["notes:delete"]},
                "scopes",
                "notes:delete can't be added to this token.",
            ),
            ({"scopes": []}, "scopes", "Keep at least one."),
            (
                {"expires_at": "2127-01-01T00:00"},
                "expires_at",
                "The expiry can only be brought forward.",
            ),
            (
                {"expires_at": ""},
                "expires_at",
                "The expiry can only be brought forward, not removed",
            ),
            ({"expires_at": "2020-01-01T00:00"}, "expires_at", "Choose a time in the future."),
            ({"expires_at": "soon"}, "expires_at", "Write date and time like"),
            ({"allowed_networks": "::/0"}, "allowed_networks", "'::/0' allows every address"),
        ],
    )
    def test_an_error_stands_at_its_field_and_changes_nothing(
        self, admin, token, issue, changes, field, message
    ):
        issue(name="taken")
        before = AccessToken.objects.values().get(pk=token.pk)
        response = admin.post(address(token, "edit"), self.fields(**changes))
        assert response.status_code == 200
        assert list(response.context["form"].errors) == [field]
        assert response.context["form"].errors[field][0].startswith(message)
        assert AccessToken.objects.values().get(pk=token.pk) == before

    def test_a_wildcard_can_be_narrowed_to_what_it_covers(self, admin, issue, settings):
        scopes = {"notes:*": "All", "notes:read": "Read", "notes:write": "Write", "*": "Everything"}
        settings.APIKEYS = {**settings.APIKEYS, "SCOPES": scopes}
        token = issue(name="wild", scopes=["notes:*"]).token
        html = admin.get(address(token, "edit")).content.decode()
        offered = re.findall(r'name="scopes" value="([^"]+)"', html)
        assert offered == ["notes:*", "notes:read", "notes:write"]
        admin.post(
            address(token, "edit"),
            self.fields(name="wild", scopes=["notes:read"], expires_at="", allowed_networks=""),
        )
        token.refresh_from_db()
        assert token.scopes == ["notes:read"]
        assert token.expires_at is None

    def test_a_revoked_token_is_not_edited(self, admin, token, actor):
        revoke_token(actor=actor, token=token)
        response = admin.post(address(token, "edit"), self.fields(name="New"))
        assert response.status_code == 200
        assert "This token is revoked, for ever." in text(response)
        token.refresh_from_db()
        assert token.name == "CI deploy"


class TestActing:
    """Disable, enable, end the overlap: one button each."""

    def test_disabled_it_is_refused_and_enabled_it_works_again(self, admin, api, issue):
        issued = issue()
        api.key(issued)
        page = admin.post(address(issued.token, "disable"), follow=True)
        assert "Disabled. Requests with this token fail until you enable it again." in text(page)
        assert "Enable token" in text(page)
        assert api.get("/access/v1/token").status_code == 401
        page = admin.post(address(issued.token, "enable"), follow=True)
        assert "Disable token" in text(page)
        assert api.get("/access/v1/token").status_code == 200

    def test_ending_the_overlap_stops_the_old_secret_at_once(self, admin, api, issue, actor):
        issued = issue()
        newer = rotate_token(actor=actor, token=issued.token, overlap=timedelta(hours=1))
        page = admin.post(address(issued.token, "end-overlap"), follow=True)
        assert "Ended. Only the newest secret works now." in text(page)
        assert api.key(issued).get("/access/v1/token").status_code == 401
        assert api.key(newer).get("/access/v1/token").status_code == 200

    def test_what_can_not_be_done_is_told(self, admin, token, actor):
        page = admin.post(address(token, "end-overlap"), follow=True)
        assert "No earlier secret is accepted any more." in text(page)
        revoke_token(actor=actor, token=token)
        for act in ("disable", "enable"):
            page = admin.post(address(token, act), follow=True)
            assert "This token is revoked, for ever." in text(page)

    def test_a_get_does_nothing(self, admin, token, actor):
        disable_token(actor=actor, token=token)
        for act in ("disable", "enable", "end-overlap"):
            assert admin.get(address(token, act)).status_code == 405
        assert actions(token) == ["token.created", "token.disabled"]
