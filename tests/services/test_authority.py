"""Who may do what: beside every permission a denial, and tokens never make more than themselves."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apikeys.dialects import Dialect
from apikeys.models import AccessToken, AuditEvent, Membership
from apikeys.services import authorization, members, organizations, tokens, workspaces
from apikeys.services.actors import Actor
from apikeys.services.errors import Invalid, NotAllowed

MANAGE = "tokens:manage"


class Lettered(Dialect):
    """Two resources with wildcards."""

    prefixes = {"development": "", "production": "l"}
    scopes = dict.fromkeys(("a:read", "a:write", "b:read", "a:*", "*:read", "*"), "")


class SelfService(Lettered):
    """Members make their own personal tokens."""

    self_service = True


@pytest.fixture(autouse=True)
def _dialects(settings):
    own = {name: f"{__name__}.{cls.__name__}" for name, cls in DIALECTS.items()}
    settings.APIKEYS = {**settings.APIKEYS, "DIALECTS": own}


DIALECTS = {"lettered": Lettered, "selfservice": SelfService}


def speaking(workspace, dialect):
    workspace.dialect = dialect
    workspace.save()
    return workspace


@pytest.fixture
def by_alice(alice, acme):
    return Actor.person(alice)


@pytest.fixture
def by_bob(bob):
    return Actor.person(bob)


@pytest.fixture
def by_charlie(charlie, globex):
    return Actor.person(charlie)


@pytest.fixture
def by_token(issue):
    """A token that manages tokens, in production."""
    return Actor.bearer(issue(scopes=[MANAGE, "notes:read"]).token)


def nothing_was_written(work):
    before = list(AuditEvent.objects.values_list("pk", flat=True))
    rows = list(AccessToken.objects.order_by("pk").values())
    people = list(Membership.objects.order_by("pk").values())
    with pytest.raises(NotAllowed) as caught:
        work()
    assert list(AuditEvent.objects.values_list("pk", flat=True)) == before
    assert list(AccessToken.objects.order_by("pk").values()) == rows
    assert list(Membership.objects.order_by("pk").values()) == people
    return caught.value


# Each service with the admin, and with everybody else


def token_services(token, workspace):
    soon = timezone.now() + timedelta(days=1)
    return {
        "create": lambda actor: tokens.create_token(
            actor=actor, workspace=workspace, name="New", scopes=[]
        ),
        "update": lambda actor: tokens.update_token(actor=actor, token=token, expires_at=soon),
        "disable": lambda actor: tokens.disable_token(actor=actor, token=token),
        "enable": lambda actor: tokens.enable_token(actor=actor, token=token),
        "rotate": lambda actor: tokens.rotate_token(
            actor=actor, token=token, overlap=timedelta(hours=1)
        ),
        "end overlap": lambda actor: tokens.end_overlap(actor=actor, token=token),
        "revoke several": lambda actor: tokens.revoke_tokens(
            actor=actor, organization=workspace.organization, token_ids=[token.token_id]
        ),
        "revoke all": lambda actor: tokens.revoke_all(actor=actor, workspace=workspace),
        "revoke": lambda actor: tokens.revoke_token(actor=actor, token=token),
    }


def organization_services(acme, development, membership, somebody):
    return {
        "create workspace": lambda actor: workspaces.create_workspace(
            actor=actor, organization=acme, name="New", environment="staging", dialect="default"
        ),
        "rename workspace": lambda actor: workspaces.rename_workspace(
            actor=actor, workspace=development, name="Other"
        ),
        "archive workspace": lambda actor: workspaces.archive_workspace(
            actor=actor, workspace=development
        ),
        "policy": lambda actor: organizations.update_policy(
            actor=actor, organization=acme, max_lifetime_days=9, allowed_networks=[]
        ),
        "add": lambda actor: members.add_member(actor=actor, organization=acme, user=somebody),
        "role": lambda actor: members.change_role(actor=actor, membership=membership, role="admin"),
        "remove": lambda actor: members.remove_member(actor=actor, membership=membership),
    }


def test_an_admin_may_do_all_of_it_in_their_organization(
    by_alice, acme, development, production, bob, make_user, issue
):
    for work in token_services(issue().token, production).values():
        work(by_alice)
    membership = Membership.objects.get(user=bob)
    dave = make_user("dave@example.org")
    for work in organization_services(acme, development, membership, dave).values():
        work(by_alice)


@pytest.mark.parametrize("who", ["by_bob", "by_charlie", "inactive", "plain_token", "foreign"])
def test_nobody_else_manages_tokens(request, who, alice, acme, production, issue, by_charlie):
    token = issue().token
    if who == "inactive":
        type(alice).objects.filter(pk=alice.pk).update(is_active=False)
        alice.refresh_from_db()
        actor = Actor.person(alice)
    elif who == "plain_token":
        actor = Actor.bearer(issue(scopes=["notes:read"]).token)
    elif who == "foreign":
        theirs = by_charlie.user.apikeys_memberships.get().organization.workspaces.first()
        actor = Actor.bearer(issue(workspace=theirs, scopes=[MANAGE]).token)
    else:
        actor = request.getfixturevalue(who)
    for name, work in token_services(token, production).items():
        error = nothing_was_written(lambda work=work: work(actor))
        expected = "token.manage_required" if actor.token else "organization.admin_required"
        assert error.code == expected, name


@pytest.mark.parametrize("who", ["by_bob", "by_charlie", "by_token"])
def test_nobody_else_manages_the_organization(
    request, who, acme, development, bob, make_user, by_charlie
):
    membership, dave = Membership.objects.get(user=bob), make_user("dave@example.org")
    actor = request.getfixturevalue(who)
    for name, work in organization_services(acme, development, membership, dave).items():
        error = nothing_was_written(lambda work=work: work(actor))
        assert error.code == "organization.admin_required", name


def test_only_the_operator_suspends_and_resumes(acme, actor, by_alice):
    for work in (organizations.suspend_organization, organizations.resume_organization):
        error = nothing_was_written(lambda work=work: work(actor=by_alice, organization=acme))
        assert error.code == "organization.operator_required"
    assert organizations.suspend_organization(actor=actor, organization=acme).suspended_at
    assert organizations.resume_organization(actor=actor, organization=acme).suspended_at is None


def test_a_person_creates_organizations_whose_admin_they_are(by_charlie, alice, by_token):
    made = organizations.create_organization(actor=by_charlie, name="Mine", admin=by_charlie.user)
    assert made.memberships.get().role == "admin"
    for actor in (by_charlie, by_token):
        error = nothing_was_written(
            lambda actor=actor: organizations.create_organization(
                actor=actor, name="Theirs", admin=alice
            )
        )
        assert error.code == "organization.admin_not_you"


def test_an_admin_makes_personal_tokens_for_themselves_only(by_alice, alice, bob, production):
    made = tokens.create_token(
        actor=by_alice, workspace=production, name="Mine", scopes=[], kind="personal", owner=alice
    ).token
    assert (made.owner, made.kind) == (alice, "personal")
    for owner in (bob, None):
        error = nothing_was_written(
            lambda owner=owner: tokens.create_token(
                actor=by_alice,
                workspace=production,
                name="Theirs",
                scopes=[],
                kind="personal",
                owner=owner,
            )
        )
        assert error.code == "token.owner_not_you"


def test_a_personal_token_never_manages_whoever_makes_it(by_alice, actor, alice, production):
    for who in (by_alice, actor):
        error = nothing_was_written(
            lambda who=who: tokens.create_token(
                actor=who,
                workspace=production,
                name="P",
                scopes=[MANAGE],
                kind="personal",
                owner=alice,
            )
        )
        assert error.code == "scope.not_personal"


def test_a_personal_token_belongs_to_a_member(actor, charlie, production):
    for owner, code in ((charlie, "token.owner_no_member"), (None, "token.owner_required")):
        with pytest.raises(Invalid) as caught:
            tokens.create_token(
                actor=actor,
                workspace=production,
                name="P",
                scopes=[],
                kind="personal",
                owner=owner,
            )
        assert (caught.value.code, caught.value.field) == (code, "owner")
    assert not AccessToken.objects.exists()


# Self-service


def personal(actor, workspace, **fields):
    return tokens.create_token(
        **{
            "actor": actor,
            "workspace": workspace,
            "name": "Mine",
            "scopes": ["a:read"],
            "kind": "personal",
            "owner": actor.user,
            **fields,
        }
    )


def test_where_the_dialect_says_so_a_member_makes_and_revokes_their_own_tokens(by_bob, production):
    speaking(production, "selfservice")
    issued = personal(by_bob, production)
    tokens.update_token(actor=by_bob, token=issued.token, name="Renamed")
    tokens.rotate_token(actor=by_bob, token=issued.token)
    assert tokens.revoke_token(actor=by_bob, token=issued.token).revoked_by == "bob@example.org"


def test_elsewhere_a_member_makes_none(by_bob, production, development):
    speaking(production, "lettered")
    speaking(development, "selfservice")
    error = nothing_was_written(lambda: personal(by_bob, production))
    assert error.code == "organization.admin_required"


def test_self_service_ends_where_others_and_power_begin(
    by_bob, by_charlie, alice, bob, actor, production
):
    speaking(production, "selfservice")
    alices = personal(actor, production, owner=alice).token
    automation = tokens.create_token(
        actor=actor, workspace=production, name="Deploy", scopes=[]
    ).token
    mine = personal(by_bob, production).token
    refusals = {
        lambda: personal(by_bob, production, scopes=[MANAGE]): "scope.not_personal",
        lambda: personal(by_bob, production, owner=alice): "token.owner_not_you",
        lambda: personal(by_bob, production, kind="automation"): "organization.admin_required",
        lambda: personal(by_charlie, production): "organization.admin_required",
        lambda: tokens.revoke_token(actor=by_bob, token=alices): "token.not_yours",
        lambda: tokens.rotate_token(actor=by_bob, token=automation): "token.not_yours",
        lambda: tokens.revoke_all(actor=by_bob, workspace=production): "token.not_yours",
        lambda: tokens.revoke_all(
            actor=by_bob, workspace=production, owner=alice
        ): "token.not_yours",
        lambda: tokens.revoke_tokens(
            actor=by_bob,
            organization=production.organization,
            token_ids=[mine.token_id, alices.token_id],
        ): "token.not_yours",
    }
    for work, code in refusals.items():
        assert nothing_was_written(work).code == code
    bob.is_active = False
    bob.save()
    error = nothing_was_written(lambda: personal(Actor.person(bob), production))
    assert error.code == "organization.admin_required"
    bob.is_active = True
    bob.save()
    assert tokens.revoke_all(actor=by_bob, workspace=production, owner=bob) == [mine]


# Tokens that manage tokens


def test_a_managing_token_manages_itself_and_what_it_has_made(by_token, production, issue):
    child = tokens.create_token(
        actor=by_token, workspace=production, name="Child", scopes=["notes:read"]
    ).token
    assert child.parent == by_token.token
    tokens.update_token(actor=by_token, token=child, name="Renamed")
    tokens.rotate_token(actor=by_token, token=by_token.token)
    tokens.revoke_token(actor=by_token, token=child)
    stranger = issue().token
    error = nothing_was_written(lambda: tokens.revoke_token(actor=by_token, token=stranger))
    assert error.code == "token.not_yours"


def test_a_token_made_by_a_token_makes_none(by_token, production):
    child = tokens.create_token(
        actor=by_token, workspace=production, name="Child", scopes=[MANAGE]
    ).token
    error = nothing_was_written(
        lambda: tokens.create_token(
            actor=Actor.bearer(child), workspace=production, name="Grandchild", scopes=[]
        )
    )
    assert error.code == "token.grandchild"


@pytest.mark.parametrize("column", ["revoked_at", "disabled_at"])
def test_a_parent_that_has_just_ended_makes_none(by_token, production, column):
    AccessToken.objects.filter(pk=by_token.token.pk).update(**{column: timezone.now()})
    error = nothing_was_written(
        lambda: tokens.create_token(actor=by_token, workspace=production, name="Late", scopes=[])
    )
    assert error.code == "token.parent_not_usable"


def test_a_parent_that_was_narrowed_meanwhile_gives_what_it_has_left(
    by_token, by_alice, production
):
    tokens.update_token(actor=by_alice, token=by_token.token, scopes=[MANAGE])
    error = nothing_was_written(
        lambda: tokens.create_token(
            actor=by_token, workspace=production, name="Late", scopes=["notes:read"]
        )
    )
    assert (error.code, error.extra) == ("token.exceeds_parent", {"exceeds": ["scopes"]})


def test_neither_a_token_nor_its_child_is_widened_by_token(issue, production):
    bearer = Actor.bearer(issue(scopes=[MANAGE], allowed_networks=["10.0.0.0/8"]).token)
    child = tokens.create_token(
        actor=bearer,
        workspace=production,
        name="Child",
        scopes=[],
        allowed_networks=["10.1.0.0/16"],
    ).token
    for token in (child, bearer.token):
        for networks in ([], ["192.0.2.0/24"], ["10.0.0.0/7"]):
            error = nothing_was_written(
                lambda token=token, networks=networks: tokens.update_token(
                    actor=bearer, token=token, allowed_networks=networks
                )
            )
            assert error.code == "token.exceeds_parent"
        tokens.update_token(actor=bearer, token=token, allowed_networks=["10.1.2.0/24"])
        assert tokens.update_token(actor=bearer, token=token, name=f"New {token.pk}")


COVERED = {
    "a:read": {"a:read"},
    "a:write": {"a:write"},
    "b:read": {"b:read"},
    "a:*": {"a:read", "a:write", "a:*"},
    "*:read": {"a:read", "b:read", "*:read"},
    "*": {"a:read", "a:write", "b:read", "a:*", "*:read", "*"},
    MANAGE: {MANAGE},
}
PLACES = ["10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"]
SAMPLES = ["10.1.2.3", "10.1.9.9", "10.9.9.9", "192.0.2.9", "2001:db8::9", "203.0.113.9"]
DAYS = st.sampled_from([None, 1, 2, 3])
SCOPES = st.lists(st.sampled_from(sorted(COVERED)), max_size=3, unique=True)
NETWORKS = st.lists(st.sampled_from(PLACES), max_size=2, unique=True)


def reach(scopes):
    return set().union(*(COVERED[name] for name in scopes))


def open_to(networks):
    from ipaddress import ip_address

    ranges = [ip_network(text) for text in networks]
    return {s for s in SAMPLES if not ranges or any(ip_address(s) in r for r in ranges)}


def ends(days):
    return 10**6 if days is None else days


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    parent=st.tuples(SCOPES, DAYS, NETWORKS),
    child=st.tuples(SCOPES, DAYS, NETWORKS),
    same_workspace=st.booleans(),
)
def test_a_token_makes_exactly_what_is_within_itself_on_all_four_axes(
    actor, production, development, parent, child, same_workspace
):
    start = timezone.now()
    day = timedelta(days=1)
    for workspace in (production, development):
        speaking(workspace, "lettered")
    parent_scopes = sorted({*parent[0], MANAGE})
    within = (
        same_workspace
        and reach(child[0]) <= reach(parent_scopes)
        and ends(child[1]) <= ends(parent[1])
        and open_to(child[2]) <= open_to(parent[2])
    )
    with transaction.atomic():
        maker = tokens.create_token(
            actor=actor,
            workspace=production,
            name="Parent",
            scopes=parent_scopes,
            expires_at=parent[1] and start + parent[1] * day,
            allowed_networks=parent[2],
        ).token
        before = AccessToken.objects.count()
        try:
            tokens.create_token(
                actor=Actor.bearer(maker),
                workspace=production if same_workspace else development,
                name="Child",
                scopes=child[0],
                expires_at=child[1] and start + child[1] * day,
                allowed_networks=child[2],
            )
            accepted = True
        except NotAllowed:
            accepted = False
        assert accepted is within
        assert AccessToken.objects.count() == before + within
        transaction.set_rollback(True)


def test_an_operator_s_token_is_no_operator(bob, issue):
    bob.is_staff = True
    bob.save()
    authorization.require_operator(Actor.person(bob))
    personal = issue(kind="personal", owner=bob).token
    with pytest.raises(NotAllowed) as caught:
        authorization.require_operator(Actor.bearer(personal))
    assert caught.value.code == "limits.operator_required"


def test_a_token_without_the_scope_to_manage_is_told_which_one(issue, production):
    with pytest.raises(NotAllowed) as caught:
        authorization.require_token_manager(Actor.bearer(issue().token), production, None)
    assert caught.value.message == "This needs the scope tokens:manage."
