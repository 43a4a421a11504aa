"""What widens, decided by what a change does."""

from __future__ import annotations

from typing import Any

import pytest

from apikeys.models import Organization
from apikeys.services import tokens
from apikeys.services.actors import Actor
from apikeys.services.errors import NotAllowed
from apikeys.services.organizations import update_policy
from apikeys.services.widening import policy_widens, token_widens
from tests.support.widening import DESK, HOME, LIFETIMES, NETWORKS, OFFICE, RATES


@pytest.mark.parametrize(("before", "after", "widens"), NETWORKS)
def test_networks_widen_when_an_address_is_let_in_that_was_not(
    before: list[str], after: list[str], widens: bool
) -> None:
    assert token_widens({"allowed_networks": before}, {"allowed_networks": after}) is widens
    assert policy_widens({"allowed_networks": before}, {"allowed_networks": after}) is widens


@pytest.mark.parametrize(("before", "after", "widens"), LIFETIMES)
def test_a_lifetime_widens_when_it_is_longer_or_has_no_end(
    before: int | None, after: int | None, widens: bool
) -> None:
    assert policy_widens({"max_lifetime_days": before}, {"max_lifetime_days": after}) is widens


@pytest.mark.parametrize(("before", "after", "widens"), RATES)
def test_rates_widen_unless_each_is_known_to_let_no_more_through(
    before: dict[str, str], after: dict[str, str], widens: bool
) -> None:
    assert policy_widens({"limits": before}, {"limits": after}) is widens


def test_one_widening_among_narrowings_widens() -> None:
    before = {"allowed_networks": [HOME], "max_lifetime_days": 90}
    after = {"allowed_networks": [DESK], "max_lifetime_days": 91}
    assert policy_widens(before, after)
    assert policy_widens(before, {"allowed_networks": [], "max_lifetime_days": 30})
    assert not policy_widens(before, {"allowed_networks": [DESK], "max_lifetime_days": 30})


@pytest.mark.django_db
def test_the_change_is_judged_by_the_row_as_it_is_now_and_not_as_it_was_read(
    issue: Any, alice: Any, acme: Any
) -> None:
    read_before = issue().token
    stale_actor = Actor.person(alice, password_recent=False)
    acme_before = Organization.objects.get(pk=acme.pk)
    type(read_before).objects.update(allowed_networks=[HOME])
    Organization.objects.update(allowed_networks=[HOME])
    wide = {"allowed_networks": [HOME, OFFICE]}
    with pytest.raises(NotAllowed) as refused:
        tokens.update_token(actor=stale_actor, token=read_before, **wide)
    assert refused.value.code == "reauthentication.required"
    with pytest.raises(NotAllowed) as refused:
        update_policy(actor=stale_actor, organization=acme_before, **wide)
    assert refused.value.code == "reauthentication.required"


@pytest.mark.django_db
def test_a_list_written_past_the_services_widens_and_is_no_error(
    issue: Any, alice: Any, acme: Any
) -> None:
    token = issue(scopes=["tokens:manage", "notes:read"]).token
    type(token).objects.filter(pk=token.pk).update(allowed_networks=["no network"])
    change = {"token": token, "allowed_networks": [DESK]}
    with pytest.raises(NotAllowed) as refused:
        tokens.update_token(actor=Actor.bearer(token), **change)
    assert refused.value.code == "token.exceeds_parent"
    assert refused.value.extra == {"exceeds": ["allowed_networks"]}
    token.refresh_from_db()
    assert token.allowed_networks == ["no network"]
    stale = Actor.person(alice, password_recent=False)
    with pytest.raises(NotAllowed) as refused:
        tokens.update_token(actor=stale, **change)
    assert refused.value.code == "reauthentication.required"
    tokens.update_token(actor=Actor.person(alice), **change)
    token.refresh_from_db()
    assert token.allowed_networks == [DESK]


@pytest.mark.django_db
def test_a_parent_whose_list_was_written_past_the_services_makes_no_child(issue: Any) -> None:
    parent = issue(scopes=["tokens:manage", "notes:read"]).token
    type(parent).objects.filter(pk=parent.pk).update(allowed_networks=["no network"])
    with pytest.raises(NotAllowed) as refused:
        tokens.create_token(
            actor=Actor.bearer(parent),
            workspace=parent.workspace,
            name="Child",
            scopes=["notes:read"],
            allowed_networks=[DESK],
        )
    assert refused.value.code == "token.exceeds_parent"
    assert refused.value.extra == {"exceeds": ["allowed_networks"]}


@pytest.mark.django_db
def test_a_token_narrows_itself_and_never_widens_itself(issue: Any) -> None:
    token = issue(scopes=["tokens:manage", "notes:read"], allowed_networks=[HOME]).token
    bearer = Actor.bearer(token)
    tokens.update_token(actor=bearer, token=token, allowed_networks=[DESK])
    for wider in ([], [HOME], [DESK, OFFICE]):
        with pytest.raises(NotAllowed) as refused:
            tokens.update_token(actor=bearer, token=token, allowed_networks=wider)
        assert refused.value.code == "token.exceeds_parent"
    tokens.update_token(actor=bearer, token=token, name="Renamed")
    token.refresh_from_db()
    assert (token.allowed_networks, token.name) == ([DESK], "Renamed")
