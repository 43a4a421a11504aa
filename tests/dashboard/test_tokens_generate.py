"""Generating a token: what the form makes of each choice, and every error it knows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from apikeys import reauthentication
from apikeys.models import AccessToken, AuditEvent, SecretIssue
from apikeys.services import validation
from apikeys.services.errors import Invalid
from apikeys.services.organizations import update_policy
from apikeys.services.workspaces import archive_workspace, create_workspace

pytestmark = pytest.mark.django_db
ADDRESS = "/dashboard/acme/tokens/new"


def policy(organization, actor, *, days: int | None = None, networks: tuple[str, ...] = ()):
    update_policy(
        actor=actor, organization=organization, max_lifetime_days=days, allowed_networks=networks
    )


@pytest.fixture
def admin(client, alice, acme):
    client.force_login(alice)
    return client


@pytest.fixture
def send(admin):
    """Fill in the form as a person would, change what the test wants, and send it."""

    def post(*, address: str = ADDRESS, extra: dict | None = None, **changes: str):
        page = admin.get(address)
        creation_id = re.search(r'name="creation_id" value="([^"]+)"', page.content.decode())[1]
        fields = {
            "creation_id": creation_id,
            "name": "CI deploy",
            "description": "deploys",
            "workspace": "production",
            "may-default-preset": "read",
            "expiry": "90",
            "kind": "automation",
            "allowed_networks": "",
        }
        fields |= {name.replace("__", "-"): value for name, value in changes.items()}
        return admin.post(address, {**fields, **(extra or {})})

    return post


def made() -> AccessToken:
    return AccessToken.objects.select_related("workspace").get()


def nothing_was_made() -> bool:
    return not (
        AccessToken.objects.exists()
        or SecretIssue.objects.exists()
        or AuditEvent.objects.filter(action__startswith="token.").exists()
    )


def errors(response) -> dict[str, list[str]]:
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()
    form = response.context["form"]
    return {name: list(found) for name, found in form.errors.items()}


def test_the_form_makes_the_token_that_was_asked_for(send, alice):
    assert send().status_code == 200
    token = made()
    assert (token.name, token.description) == ("CI deploy", "deploys")
    assert token.workspace.slug == "production"
    assert token.scopes == ["notes:read"]
    assert token.allowed_networks == []
    assert (token.kind, token.owner, token.created_by) == ("automation", None, alice)
    assert abs(token.expires_at - timezone.now() - timedelta(days=90)) < timedelta(minutes=1)
    event = AuditEvent.objects.get(action="token.created")
    assert (event.actor_label, event.token_id) == ("alice@example.org", token.token_id)
    assert event.address == "127.0.0.1"


def test_no_workspace_is_chosen_beforehand_when_there_are_several(admin, actor, development):
    def checked(address: str) -> list[str]:
        html = admin.get(address).content.decode()
        return re.findall(r'name="workspace" value="([^"]+)"[^>]* checked', html)

    assert checked(ADDRESS) == []
    assert checked(f"{ADDRESS}?workspace=production") == ["production"]
    assert checked(f"{ADDRESS}?workspace=nothing") == []
    archive_workspace(actor=actor, workspace=development)
    assert checked(ADDRESS) == ["production"]


@pytest.mark.parametrize(
    ("fields", "scopes"),
    [
        ({"preset": "read"}, ["notes:read"]),
        ({"preset": "write"}, ["notes:read", "notes:write"]),
        ({"preset": "custom", "level-notes": "read"}, ["notes:read"]),
        ({"preset": "custom", "level-notes": "write"}, ["notes:read", "notes:write"]),
        ({"preset": "custom", "also-notes": "notes:delete"}, ["notes:delete"]),
        (
            {"preset": "custom", "level-notes": "write", "also-notes": "notes:delete"},
            ["notes:delete", "notes:read", "notes:write"],
        ),
        ({"preset": "custom", "manage": "on"}, ["tokens:manage"]),
        # Only the chosen preset counts, whatever stands in the table.
        ({"preset": "read", "level-notes": "write", "manage": "on"}, ["notes:read"]),
    ],
)
def test_permissions_become_scopes(send, fields, scopes):
    send(extra={f"may-default-{name}": value for name, value in fields.items()})
    assert made().scopes == scopes


def test_a_personal_token_belongs_to_who_makes_it(send, alice):
    send(kind="personal")
    assert (made().kind, made().owner) == ("personal", alice)


def test_another_owner_can_not_be_named(send, alice, bob):
    send(kind="personal", extra={"owner": str(bob.pk)})
    assert made().owner == alice


def test_a_personal_token_can_not_manage_tokens(send):
    found = errors(
        send(
            kind="personal",
            extra={"may-default-preset": "custom", "may-default-manage": "on"},
        )
    )
    assert found == {"__all__": ["A personal token can't hold tokens:manage."]}
    assert nothing_was_made()


@pytest.mark.parametrize(("preset", "days"), [("7", 7), ("30", 30), ("60", 60), ("365", 365)])
def test_expiry_presets_are_days_from_now(send, preset, days):
    send(expiry=preset)
    wanted = timezone.now() + timedelta(days=days)
    assert abs(made().expires_at - wanted) < timedelta(minutes=1)


def test_a_token_need_not_expire(send):
    send(expiry="never")
    assert made().expires_at is None


@pytest.mark.parametrize(
    "written", ["2126-02-18T10:15", "2126-02-18 10:15", "2126-02-18T12:15+02:00"]
)
def test_a_date_of_ones_own_is_utc_unless_it_says_otherwise(send, written):
    send(expiry="custom", expires_at=written)
    assert made().expires_at == datetime(2126, 2, 18, 10, 15, tzinfo=UTC)


def test_the_form_says_when_each_preset_ends(admin):
    html = admin.get(ADDRESS).content.decode()
    ends = timezone.now() + timedelta(days=90)
    assert f"90 days, until {ends.day} {ends:%b %Y}" in html
    assert re.search(r'name="expiry" value="90"[^>]* checked', html)


def test_under_a_policy_only_what_it_allows_is_offered(admin, acme, actor):
    def offered(days: int | None) -> tuple[list[str], list[str]]:
        policy(acme, actor, days=days)
        html = admin.get(ADDRESS).content.decode()
        values = re.findall(r'name="expiry" value="([^"]+)"', html)
        return values, re.findall(r'name="expiry" value="([^"]+)"[^>]* checked', html)

    assert offered(None) == (["7", "30", "60", "90", "365", "custom", "never"], ["90"])
    assert offered(45) == (["7", "30", "45", "custom"], ["45"])
    assert offered(3) == (["3", "custom"], ["3"])


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"name": ""}, "name", "Give the token a name."),
        ({"name": "   "}, "name", "Give the token a name."),
        ({"name": "x" * 65}, "name", "Use at most 64 characters."),
        ({"name": "a\x01b"}, "name", "Line breaks and control characters can't be used."),
        ({"description": "x" * 501}, "description", "Use at most 500 characters."),
        ({"workspace": ""}, "workspace", "Choose a workspace."),
        ({"workspace": "nowhere"}, "workspace", "Choose one of these workspaces."),
        ({"workspace": "only-globex"}, "workspace", "Choose one of these workspaces."),
        ({"workspace": "archived"}, "workspace", "Choose one of these workspaces."),
        ({"expiry": ""}, "expiry", "Choose when the token expires."),
        ({"expiry": "8"}, "expiry", "Choose one of these."),
        ({"expiry": "custom"}, "expires_at", "Give date and time."),
        (
            {"expiry": "custom", "expires_at": "2020-01-01T00:00"},
            "expires_at",
            "Choose a time in the future.",
        ),
        (
            {"expiry": "custom", "expires_at": "next year"},
            "expires_at",
            "Write date and time like 2027-02-18 10:15.",
        ),
        (
            {"expiry": "custom", "expires_at": "0001-01-01T00:00+14:00"},
            "expires_at",
            "Write date and time like 2027-02-18 10:15.",
        ),
        ({"kind": "robot"}, "kind", "Select a valid choice. robot is not one of the available"),
        ({"allowed_networks": "0.0.0.0/0"}, "allowed_networks", "'0.0.0.0/0' allows every address"),
        ({"allowed_networks": "::/0"}, "allowed_networks", "'::/0' allows every address"),
        (
            {"allowed_networks": "203.0.113.5\nexample.org"},
            "allowed_networks",
            "'example.org' is not an IP address or range",
        ),
        ({"creation_id": ""}, "creation_id", "This form is incomplete. Open the page again."),
    ],
)
def test_an_error_stands_at_its_field_keeps_what_was_typed_and_makes_nothing(
    send, admin, actor, acme, globex, fields, field, message
):
    spare = create_workspace(
        actor=actor, organization=acme, name="archived", environment="staging", dialect="default"
    )
    archive_workspace(actor=actor, workspace=spare)
    create_workspace(
        actor=actor,
        organization=globex,
        name="only-globex",
        environment="production",
        dialect="default",
    )
    typed = {"name": "My name", "description": "My description"} | fields
    response = send(**typed)
    found = errors(response)
    assert list(found) == [field]
    assert found[field][0].startswith(message)
    assert nothing_was_made()
    form = response.context["form"]
    for name, value in typed.items():
        assert form[name].value() == value
    html = response.content.decode()
    assert html.count(found[field][0].replace("'", "&#x27;")) == 2 or field == "creation_id"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"preset": "custom"}, "Choose at least one permission."),
        ({"preset": ""}, "Choose at least one permission."),
        (
            {"preset": "custom", "level-notes": "none"},
            "Choose at least one permission.",
        ),
        ({"preset": "admin"}, "Select a valid choice. admin is not one of the available choices."),
        (
            {"preset": "custom", "also-notes": "notes:burn"},
            "Select a valid choice. notes:burn is not one of the available choices.",
        ),
        (
            {"preset": "custom", "level-notes": "delete"},
            "Select a valid choice. delete is not one of the available choices.",
        ),
    ],
)
def test_no_scope_and_an_unknown_one_are_errors(send, fields, message):
    response = send(extra={f"may-default-{name}": value for name, value in fields.items()})
    assert errors(response) == {"__all__": [message]}
    assert response.content.decode().count(message) == 2
    assert nothing_was_made()


def test_the_name_of_a_live_token_of_the_workspace_is_taken(send, issue):
    existing = issue(name="ci DEPLOY").token
    response = send()
    assert errors(response) == {"name": ["Another token of this workspace has this name."]}
    assert made() == existing
    assert send(workspace="development").status_code == 200
    assert AccessToken.objects.count() == 2


def test_an_expiry_beyond_the_policy_is_refused(send, acme, actor):
    policy(acme, actor, days=30)
    far = (timezone.now() + timedelta(days=31)).strftime("%Y-%m-%dT%H:%M")
    found = errors(send(expiry="custom", expires_at=far))
    assert found == {"expires_at": ["Tokens of this organization live at most 30 days."]}
    assert errors(send(expiry="never")) == {"expiry": ["Choose one of these."]}
    assert nothing_was_made()


def test_a_policy_that_came_in_between_is_told_at_the_preset(send, acme, actor, monkeypatch):
    monkeypatch.setattr(
        validation, "expiry", _refusal("expiry.too_late", "Too late.", "expires_at")
    )
    assert errors(send(expiry="365")) == {"expiry": ["Too late."]}


def _refusal(code: str, message: str, field: str):
    def refuse(*args: object, **kwargs: object) -> None:
        raise Invalid(code, message, field=field)

    return refuse


def test_networks_are_stored_canonical_and_what_was_changed_is_told(send):
    page = send(allowed_networks="203.0.113.7\n10.1.2.3/8\n2001:DB8::1/32\n203.0.113.7")
    assert made().allowed_networks == ["203.0.113.7/32", "10.0.0.0/8", "2001:db8::/32"]
    html = page.content.decode()
    assert "Saved without host bits:" in html
    assert page.context["rewritten"] == [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("2001:DB8::1/32", "2001:db8::/32"),
    ]


def test_the_form_says_your_address_and_why_production_wants_a_list(admin, settings):
    html = admin.get(ADDRESS).content.decode()
    assert "Your address now: <code>127.0.0.1</code>" in html
    assert "For production we recommend a list of allowed networks" in html
    assert "a key that leaks is then of no use anywhere else" in html
    assert 'data-show-when="workspace=production"' in html


def test_networks_of_the_policy_are_told(admin, acme, actor):
    policy(acme, actor, networks=("198.51.100.0/24",))
    assert "<code>198.51.100.0/24</code>" in admin.get(ADDRESS).content.decode()


def test_without_an_open_workspace_there_is_no_form(admin, acme, actor):
    for workspace in acme.workspaces.all():
        archive_workspace(actor=actor, workspace=workspace)
    html = admin.get(ADDRESS).content.decode()
    assert "this organization has none that is open" in html
    assert "creation_id" not in html
    assert admin.post(ADDRESS, {}).status_code == 200
    assert nothing_was_made()


def test_the_password_is_asked_again_when_its_last_check_is_too_old(admin, send, settings):
    session = admin.session
    session[reauthentication.SESSION_KEY] -= 15 * 60
    session.save()
    response = admin.get(ADDRESS)
    assert response.status_code == 302
    assert response["Location"] == "/dashboard/confirm?next=/dashboard/acme/tokens/new"


def test_a_form_whose_check_lapsed_comes_back_filled_with_a_password_field(admin, send):
    page = admin.get(ADDRESS)
    creation_id = re.search(r'name="creation_id" value="([^"]+)"', page.content.decode())[1]
    fields = {
        "creation_id": creation_id,
        "name": "CI deploy",
        "workspace": "production",
        "may-default-preset": "write",
        "expiry": "30",
        "kind": "automation",
        "allowed_networks": "203.0.113.0/24",
    }
    session = admin.session
    session[reauthentication.SESSION_KEY] -= 15 * 60
    session.save()
    response = admin.post(ADDRESS, fields)
    html = response.content.decode()
    assert list(errors(response)) == ["password"]
    assert 'name="password"' in html
    assert 'value="CI deploy"' in html
    assert "203.0.113.0/24" in html
    assert re.search(r'name="may-default-preset" value="write"[^>]* checked', html)
    assert nothing_was_made()
    response = admin.post(ADDRESS, {**fields, "password": "wrong"})
    assert errors(response) == {"password": ["This is not your password."]}
    assert "wrong" not in response.content.decode()
    assert nothing_was_made()
    response = admin.post(ADDRESS, {**fields, "password": "correct horse battery staple"})
    assert response.status_code == 200
    assert made().scopes == ["notes:read", "notes:write"]


def test_after_too_many_wrong_passwords_it_says_how_long_to_wait(admin, send, settings):
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in": "1/minute"}}
    page = admin.get(ADDRESS)
    creation_id = page.context["form"]["creation_id"].value()
    session = admin.session
    session[reauthentication.SESSION_KEY] -= 15 * 60
    session.save()
    fields = {"creation_id": creation_id, "name": "x", "password": "wrong"}
    assert admin.post(ADDRESS, fields).status_code == 200
    page = admin.post(ADDRESS, fields)
    assert page.status_code == 429
    assert 0 < int(page["Retry-After"]) <= 60
    assert nothing_was_made()


def test_members_and_outsiders_make_no_token(client, bob, charlie, globex, acme):
    for user, status in ((bob, 403), (charlie, 404)):
        client.force_login(user)
        assert client.get(ADDRESS).status_code == status
        assert client.post(ADDRESS, {"name": "x"}).status_code == status
    assert nothing_was_made()
