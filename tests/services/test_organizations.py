"""Organizations and their workspaces: created, renamed, archived, suspended, given a policy."""

from __future__ import annotations

import pytest

from apikeys.models import AccessToken, AuditEvent, Organization, Workspace
from apikeys.services import organizations, workspaces
from apikeys.services.actors import Actor
from apikeys.services.errors import Conflict, Invalid, NotAllowed


@pytest.fixture
def by_alice(alice, acme):
    return Actor.person(alice)


@pytest.fixture
def by_operator(alice, acme):
    """Alice, when she works for the operator of the site."""
    alice.is_staff = True
    alice.save()
    return Actor.person(alice)


def refused(kind, work):
    before = AuditEvent.objects.count(), list(Organization.objects.values())
    spaces = list(Workspace.objects.order_by("pk").values())
    with pytest.raises(kind) as caught:
        work()
    assert (AuditEvent.objects.count(), list(Organization.objects.values())) == before
    assert list(Workspace.objects.order_by("pk").values()) == spaces
    return caught.value.code


def test_an_organization_comes_with_two_workspaces_and_its_first_admin(actor, alice):
    made = organizations.create_organization(actor=actor, name=" Initech  GmbH ", admin=alice)
    assert (made.name, made.slug, made.credits) == ("Initech  GmbH", "initech-gmbh", 500)
    assert list(made.workspaces.values_list("slug", "name", "environment", "dialect")) == [
        ("development", "Development", "development", "default"),
        ("production", "Production", "production", "default"),
    ]
    assert list(made.memberships.values_list("user", "role")) == [(alice.pk, "admin")]
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True)) == [
        "organization.created",
        "workspace.created",
        "workspace.created",
    ]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme", "acme-3"),
        ("ÄÖÜ & Söhne", "aou-sohne"),
        ("株式会社", "organization"),
        ("API keys", "api-keys-2"),
        ("x" * 200, "x" * 56),
    ],
)
def test_a_slug_is_made_from_the_name_and_free(actor, alice, acme, name, slug):
    organizations.create_organization(actor=actor, name="Acme", admin=alice)
    assert organizations.create_organization(actor=actor, name=name, admin=alice).slug == slug


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": ""}, "name.required"),
        ({"name": "a\rb"}, "name.control_character"),
        ({"slug": "acme"}, "slug.taken"),
        ({"slug": "api-keys"}, "slug.taken"),
        ({"slug": ""}, "slug.invalid"),
        ({"slug": "Upper"}, "slug.invalid"),
        ({"slug": "a/b"}, "slug.invalid"),
        ({"slug": "x" * 65}, "slug.invalid"),
        ({"dialect": "klingon"}, "dialect.unknown"),
    ],
)
def test_an_organization_that_breaks_a_rule_is_not_made(actor, alice, acme, fields, code):
    asked = {"name": "New", "admin": alice, **fields}
    work = lambda: organizations.create_organization(actor=actor, **asked)  # noqa: E731
    assert refused(Invalid, work) == code


def test_a_workspace_is_added_with_its_own_slug(by_alice, acme, globex):
    made = workspaces.create_workspace(
        actor=by_alice,
        organization=acme,
        name="Load Tests",
        environment="staging",
        dialect="default",
    )
    assert (made.slug, made.environment, made.archived_at) == ("load-tests", "staging", None)
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.workspace_slug) == ("workspace.created", "load-tests")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": "PRODUCTION"}, "workspace.name_taken"),
        ({"name": "!!!"}, "name.no_slug"),
        ({"name": " "}, "name.required"),
        ({"environment": "moon"}, "environment.unknown"),
        ({"dialect": "klingon"}, "dialect.unknown"),
    ],
)
def test_a_workspace_that_breaks_a_rule_is_not_made(by_alice, acme, fields, code):
    asked = {"name": "New", "environment": "staging", "dialect": "default", **fields}
    work = lambda: workspaces.create_workspace(  # noqa: E731
        actor=by_alice, organization=acme, **asked
    )
    assert refused(Invalid, work) == code


def test_renaming_keeps_the_slug(by_alice, acme, production):
    workspaces.rename_workspace(actor=by_alice, workspace=production, name="Live")
    organizations.rename_organization(actor=by_alice, organization=acme, name="Acme Inc.")
    events = AuditEvent.objects.count()
    workspaces.rename_workspace(actor=by_alice, workspace=production, name="Live")
    organizations.rename_organization(actor=by_alice, organization=acme, name="Acme Inc.")
    assert AuditEvent.objects.count() == events
    production.refresh_from_db()
    acme.refresh_from_db()
    assert (production.slug, production.name) == ("production", "Live")
    assert (acme.slug, acme.name) == ("acme", "Acme Inc.")


def test_archiving_is_final_and_revokes_what_lives_there(by_alice, production, development, issue):
    tokens = [issue().token, issue().token]
    elsewhere = issue(workspace=development).token
    made = workspaces.archive_workspace(actor=by_alice, workspace=production)
    assert made.archived_at is not None
    assert AccessToken.objects.filter(revoke_reason="Workspace archived").count() == len(tokens)
    assert AccessToken.objects.get(revoked_at__isnull=True) == elsewhere
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.details) == ("workspace.archived", {"revoked_tokens": 2})
    for work in (
        lambda: workspaces.archive_workspace(actor=by_alice, workspace=production),
        lambda: workspaces.rename_workspace(actor=by_alice, workspace=production, name="X"),
    ):
        assert refused(Conflict, work) == "workspace.archived"


def policy(actor, organization, **fields):
    given = {"max_lifetime_days": None, "allowed_networks": [], **fields}
    return organizations.update_policy(actor=actor, organization=organization, **given)


def test_a_policy_says_what_it_changed(by_operator, acme):
    policy(by_operator, acme, max_lifetime_days=90, allowed_networks=["10.0.0.0/8"])
    policy(by_operator, acme, max_lifetime_days=90, limits={"read-token": "5/minute"})
    assert AuditEvent.objects.latest("pk").details == {
        "before": {"allowed_networks": ["10.0.0.0/8"], "limits": {}},
        "after": {"allowed_networks": [], "limits": {"read-token": "5/minute"}},
    }
    events = AuditEvent.objects.count()
    policy(by_operator, acme, max_lifetime_days=90)
    assert AuditEvent.objects.count() == events
    acme.refresh_from_db()
    assert (acme.max_lifetime_days, acme.limits) == (90, {"read-token": "5/minute"})


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"max_lifetime_days": 0}, "lifetime.range"),
        ({"max_lifetime_days": 36_501}, "lifetime.range"),
        ({"allowed_networks": ["junk"]}, "network.invalid"),
        ({"limits": {"read-token": "often"}}, "limit.invalid"),
        ({"limits": {"read-token": ["5/minute"]}}, "limit.invalid"),
        ({"limits": {"a/b": "5/minute"}}, "limit.invalid"),
        ({"limits": {5: "5/minute"}}, "limit.invalid"),
    ],
)
def test_a_policy_that_breaks_a_rule_changes_nothing(by_operator, acme, fields, code):
    assert refused(Invalid, lambda: policy(by_operator, acme, **fields)) == code


def test_the_operator_s_people_set_limits_where_they_are_admins(by_operator, actor, acme):
    for number, who in enumerate((by_operator, actor), start=1):
        rates = {"read-token": f"{number}/minute"}
        made = organizations.update_policy(actor=who, organization=acme, limits=rates)
        assert made.limits == rates


@pytest.mark.parametrize("rates", [{"read-token": "9/minute"}, {}])
def test_no_other_admin_sets_limits_or_takes_them_away(by_alice, actor, acme, rates):
    stored = {"read-token": "5/minute"}
    organizations.update_policy(actor=actor, organization=acme, limits=stored)
    work = lambda: policy(by_alice, acme, max_lifetime_days=9, limits=rates)  # noqa: E731
    assert refused(NotAllowed, work) == "limits.operator_required"


def test_staff_of_another_organization_and_no_admins_set_no_limits(acme, bob, charlie):
    for user in (bob, charlie):
        user.is_staff = True
        user.save()
        work = lambda user=user: policy(Actor.person(user), acme, limits={})  # noqa: E731
        assert refused(NotAllowed, work) == "organization.admin_required"


def test_a_token_of_the_operator_s_people_sets_no_limits(by_operator, issue, acme):
    token = issue(kind="personal", owner=by_operator.user).token
    work = lambda: policy(Actor.bearer(token), acme, limits={})  # noqa: E731
    assert refused(NotAllowed, work) == "organization.admin_required"


def test_suspending_and_resuming_are_one_event_each_however_often(actor, acme):
    events = AuditEvent.objects.count()
    for work in (organizations.suspend_organization, organizations.resume_organization):
        work(actor=actor, organization=acme)
        work(actor=actor, organization=acme)
    assert AuditEvent.objects.count() == events + 2
