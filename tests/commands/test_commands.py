"""The management commands: what they print, and exit 2 with one line that says what to do."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from apikeys.credentials.keys import Credential
from apikeys.models import AccessToken, AuditEvent, Membership, Organization
from apikeys.restrictions import Facts
from apikeys.services.tokens import revoke_token
from apikeys.verification.verify import admit, prove

NOW = datetime.fromisoformat("2030-01-01T12:00:00+00:00")


def run(*arguments, **options):
    output, errors = StringIO(), StringIO()
    call_command(*arguments, stdout=output, stderr=errors, **options)
    return output.getvalue(), errors.getvalue()


def fails(*arguments):
    """The one line of a command that ends with exit code 2 and has written nothing."""
    before = AuditEvent.objects.count(), AccessToken.objects.count(), Membership.objects.count()
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    after = AuditEvent.objects.count(), AccessToken.objects.count(), Membership.objects.count()
    assert after == before
    assert caught.value.returncode == 2 or "error:" in str(caught.value).lower()
    assert "\n" not in str(caught.value).strip()
    return str(caught.value)


BASIC = ("create_token", "--workspace", "acme/production", "--name", "CI")


def test_create_token_prints_the_key_alone_and_warns_beside_it(acme):
    output, errors = run(*BASIC, "--scope", "notes:read")
    prefix, token_id, secret = output.strip().rsplit("_", 2)
    assert prefix == "ak_prod"
    token = admit(
        prove(Credential(token_id, secret), dialects={"default"}),
        Facts(address=None, secure=True, foreign_origin=False),
    )
    assert (token.name, token.scopes, token.kind) == ("CI", ["notes:read"], "automation")
    assert "will not be shown again" in errors
    assert secret not in errors


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_key_without_a_scope_is_made_and_its_emptiness_told_on_stderr(acme, form):
    out, err = run(*BASIC, *form)
    assert AccessToken.objects.get().scopes == []
    assert "holds no scope" in err
    assert "--scope, once for each: notes:delete, notes:read, notes:write, tokens:manage." in err
    assert "scope" not in out.replace('"scopes"', "")
    AccessToken.objects.all().delete()
    assert "holds no scope" not in run(*BASIC, "--scope", "notes:read", *form)[1]


def test_create_token_prints_json_and_nothing_else(acme, bob):
    with time_machine.travel(NOW, tick=False):
        output, errors = run(
            *BASIC,
            *("--scope", "notes:write", "--scope", "notes:read", "--kind", "personal"),
            *("--owner", "bob@example.org", "--expires-in", "30d"),
            *("--allow-network", "10.0.0.0/8", "--allow-network", "192.0.2.1", "--json"),
        )
    token = AccessToken.objects.get()
    shown = json.loads(output)
    secret = shown.pop("secret")
    assert shown == {
        "token_id": token.token_id,
        "api_key": f"ak_prod_{token.token_id}_{secret}",
        "name": "CI",
        "workspace": "acme/production",
        "scopes": ["notes:read", "notes:write"],
        "expires_at": "2030-01-31T12:00:00+00:00",
    }
    assert errors == ""
    assert (token.owner, token.allowed_networks) == (bob, ["10.0.0.0/8", "192.0.2.1/32"])
    event = AuditEvent.objects.latest("pk")
    assert (event.actor_kind, event.actor_label) == ("system", "create_token")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_an_expiry_is_a_length_of_time(acme, text, length):
    with time_machine.travel(NOW, tick=False):
        run(*BASIC, "--expires-in", text)
    assert AccessToken.objects.get().expires_at == NOW + length


def test_an_expiry_is_a_moment_too(acme):
    run(*BASIC, "--expires-at", "2100-01-01T00:00:00+02:00")
    assert AccessToken.objects.get().expires_at.isoformat() == "2099-12-31T22:00:00+00:00"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--workspace", "acme/moon"), "no workspace 'acme/moon'"),
        (("--workspace", "acme"), "ORGANIZATION/WORKSPACE"),
        (("--workspace", "moon/production"), "no workspace 'moon/production'"),
        (("--name", " "), "name:"),
        (("--scope", "notes:fly"), "scopes: Unknown scope 'notes:fly'; choose from"),
        (("--kind", "robot"), "invalid choice: 'robot'"),
        (("--kind", "personal"), "--owner"),
        (("--owner", "alice@example.org"), "--kind personal"),
        (("--kind", "personal", "--owner", "nobody@example.org"), "no user"),
        (("--kind", "personal", "--owner", "charlie@example.org"), "no member"),
        (("--expires-in", "soon"), "Write 30d"),
        (("--expires-in", "0d"), "Write 30d"),
        (("--expires-in", "-1d"), "argument --expires-in"),
        (("--expires-in", "999999w"), "too long"),
        (("--expires-at", "2001-01-01T00:00:00Z"), "in the future"),
        (("--expires-at", "tomorrow"), "Write 2030-12-31T23:59:59Z"),
        (("--expires-at", "2030-02-30T00:00:00Z"), "Write 2030-12-31T23:59:59Z"),
        (("--expires-at", "2100-01-01T00:00:00"), "time zone"),
        (("--expires-in", "1d", "--expires-at", "2100-01-01T00:00:00Z"), "not allowed with"),
        (("--allow-network", "10.0.0.0/99"), "allowed_networks:"),
    ],
)
def test_a_wrong_argument_makes_no_token(acme, charlie, arguments, says):
    assert says in fails(*BASIC, *arguments)


def test_a_taken_name_makes_no_token(issue):
    issue(name="CI")
    assert "name: Another token" in fails(*BASIC)


def test_revoke_token_ends_it_and_says_when_it_had_ended(issue):
    token = issue().token
    assert run("revoke_token", token.token_id, "--reason", "Leaked")[0] == (
        f"{token.token_id} is revoked.\n"
    )
    row = AccessToken.objects.get()
    assert (row.status.value, row.revoke_reason, row.revoked_by) == (
        "revoked",
        "Leaked",
        "revoke_token",
    )
    assert run("revoke_token", token.token_id)[0] == f"{token.token_id} was revoked already.\n"


@pytest.mark.parametrize("typed", ["{api_key}", "{prefix}_{token_id}", "{token_id}:{secret}"])
def test_revoke_token_takes_the_id_out_of_a_whole_key_and_shows_no_secret(issue, typed):
    other, issued = issue(), issue()
    token_id, secret = issued.token.token_id, issued.secret
    prefix = issued.api_key.rsplit("_", 2)[0]
    assert issued.api_key == f"{prefix}_{token_id}_{secret}"
    given = typed.format(api_key=issued.api_key, prefix=prefix, token_id=token_id, secret=secret)
    assert run("revoke_token", given) == (f"{token_id} is revoked.\n", "")
    revoked = AccessToken.objects.filter(revoked_at__isnull=False)
    assert [token.token_id for token in revoked] == [token_id] != [other.token.token_id]
    assert secret not in str(list(AuditEvent.objects.values()))


def test_revoke_token_repeats_no_key_of_a_token_that_is_not_there(issue):
    issued = issue()
    AccessToken.objects.all().delete()
    said = fails("revoke_token", issued.api_key)
    assert issued.secret not in said
    assert "token id" in said


def test_list_tokens_shows_state_and_never_a_secret(issue, development, actor):
    first = issue(name="First", scopes=[])
    second = issue(name="Second", workspace=development, expires_at=timezone.now() + timedelta(1))
    revoke_token(actor=actor, token=first.token)
    lines = run("list_tokens")[0].splitlines()
    assert [line.split("\t") for line in lines] == [
        [second.token.token_id, "expiring", "acme/development", "Second", "notes:read"],
        [first.token.token_id, "revoked", "acme/production", "First", "-"],
    ]
    (row,) = map(
        json.loads, run("list_tokens", "--workspace", "acme/production", "--json")[0].splitlines()
    )
    assert (row["token_id"], row["status"], row["expires_at"]) == (
        first.token.token_id,
        "revoked",
        None,
    )
    assert "digest" not in row
    assert "no workspace" in fails("list_tokens", "--workspace", "acme/moon")


def test_create_organization_prints_its_slug(alice):
    assert run("create_organization", "Initech", "--admin", "alice@example.org")[0] == "initech\n"
    made = Organization.objects.get()
    assert made.memberships.get().role == "admin"
    arguments = ("create_organization", "Again", "--admin", "alice@example.org")
    assert "slug:" in fails(*arguments, "--slug", "initech")
    assert "dialect:" in fails(*arguments, "--dialect", "klingon")
    assert "no user" in fails("create_organization", "Again", "--admin", "nobody@example.org")


def test_grant_admin_promotes_adds_and_repeats(acme, bob, charlie):
    for user in (bob, charlie, charlie):
        run("grant_admin", "acme", user.get_username())
        assert Membership.objects.get(user=user).role == "admin"
    assert AuditEvent.objects.latest("pk").action == "member.added"
    assert "no organization" in fails("grant_admin", "moon", "bob@example.org")
    assert "no user" in fails("grant_admin", "acme", "nobody@example.org")


@pytest.mark.urls("tests.support.apis")
def test_suspend_organization_stops_its_tokens_until_it_is_resumed(api, issue, acme):
    issued = issue()
    assert run("suspend_organization", "acme")[0] == "acme is suspended: its tokens are refused.\n"
    refused = api.key(issued).get("/protected")
    assert (refused.status_code, refused.json()["error"]) == (401, "api_key.disabled")
    assert run("suspend_organization", "acme", "--resume")[0] == "The tokens of acme work again.\n"
    assert api.key(issued).get("/protected").status_code == 200
    suspended, resumed = AuditEvent.objects.order_by("pk")[AuditEvent.objects.count() - 2 :]
    assert [suspended.action, resumed.action] == ["organization.suspended", "organization.resumed"]
    assert suspended.actor_label == "suspend_organization"


def test_suspend_organization_refuses_an_unknown_one(acme):
    assert fails("suspend_organization", "nowhere") == "There is no organization 'nowhere'."
