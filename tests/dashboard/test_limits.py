"""The organization's own rates on the policy page, and its credits."""

from __future__ import annotations

from typing import Any

import pytest

from apikeys.models import AuditEvent, Organization
from apikeys.services.workspaces import archive_workspace, create_workspace

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("limits_in_memory")]

SETTINGS = "/dashboard/acme/settings"
LIMITS = f"{SETTINGS}/limits"
READS = "/api/demo/notes"


@pytest.fixture
def as_alice(client: Any, alice: Any, acme: Any) -> Any:
    client.force_login(alice)
    return client


@pytest.fixture
def as_operator(as_alice: Any, alice: Any) -> Any:
    alice.is_staff = True
    alice.save()
    return as_alice


def rates(read: str = "", write: str = "", **more: str) -> dict[str, str]:
    return {"rate-read-token": read, "rate-write-token": write, **more}


def stored(acme: Organization) -> dict[str, str]:
    acme.refresh_from_db()
    return acme.limits


def test_the_operator_s_people_change_a_rate_and_it_is_audited(as_operator: Any, acme: Any) -> None:
    response = as_operator.post(LIMITS, rates(" 5/minute "))
    assert (response.status_code, response["Location"]) == (302, SETTINGS)
    assert stored(acme) == {"read-token": "5/minute"}
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.actor_label, event.details) == (
        "organization.updated",
        "alice@example.org",
        {"before": {"limits": {}}, "after": {"limits": {"read-token": "5/minute"}}},
    )
    form = as_operator.get(SETTINGS).context["limits_form"]
    assert [(f.label, f.value()) for f in form] == [("read-token", "5/minute"), ("write-token", "")]
    assert form["write-token"].help_text == "Writes of a token. Usual rate: 1000/hour."


def test_an_emptied_rate_gives_the_view_s_own_back(as_operator: Any, acme: Any) -> None:
    Organization.objects.update(limits={"read-token": "5/minute", "write-token": "6/hour"})
    as_operator.post(LIMITS, rates(write="6/hour"))
    assert stored(acme) == {"write-token": "6/hour"}


def test_a_changed_rate_holds_from_the_next_request_on(
    as_operator: Any, issue: Any, api: Any
) -> None:
    api.key(issue())
    assert api.get(READS).status_code == 200
    as_operator.post(LIMITS, rates("1/minute"))
    assert [api.get(READS).status_code for _ in range(2)] == [200, 429]
    as_operator.post(LIMITS, rates("2/minute"))
    assert [api.get(READS).status_code for _ in range(3)] == [200, 200, 429]
    as_operator.post(LIMITS, rates())
    assert api.get(READS).status_code == 200


@pytest.mark.parametrize("rate", ["often", "0/minute", "5", "5/0 hours", "-1/hour", "9" * 65])
def test_a_bad_rate_is_told_beside_its_field_and_writes_nothing(
    rate: str, as_operator: Any, acme: Any
) -> None:
    events = AuditEvent.objects.count()
    response = as_operator.post(LIMITS, rates("5/minute", rate))
    form = response.context["limits_form"]
    assert (response.status_code, list(form.errors)) == (200, ["write-token"])
    assert [form["read-token"].value(), form["write-token"].value()] == ["5/minute", rate]
    assert 'id="id_rate-write-token_error"' in response.content.decode()
    assert stored(acme) == {}
    assert AuditEvent.objects.count() == events


def test_other_admins_read_them_and_why_they_can_not_change_them(as_alice: Any, acme: Any) -> None:
    Organization.objects.update(limits={"read-token": "60/minute"})
    page = as_alice.get(SETTINGS).content.decode()
    assert "Only the operator of this site can change these" in page
    assert "<code>60/minute</code>" in page
    assert "rate-read-token" not in page
    refused = as_alice.post(LIMITS, rates("9999/minute"))
    assert refused.status_code == 403
    assert "Only the operator of this site sets limits." in refused.content.decode()
    as_alice.post(SETTINGS, {"max_lifetime_days": "9", "rate-read-token": "9999/minute"})
    assert stored(acme) == {"read-token": "60/minute"}


def test_staff_of_another_organization_and_staff_who_are_members_get_no_further(
    client: Any, acme: Any, bob: Any, globex: Any, charlie: Any
) -> None:
    for user, status in ((bob, 403), (charlie, 404)):
        user.is_staff = True
        user.save()
        client.force_login(user)
        assert client.post(LIMITS, rates("9/minute")).status_code == status
    assert stored(acme) == {}


def test_a_rate_whose_limit_is_gone_can_be_taken_away(as_operator: Any, acme: Any) -> None:
    Organization.objects.update(limits={"old": "60/minute"})
    form = as_operator.get(SETTINGS).context["limits_form"]
    assert form["old"].help_text == "No API of this organization has this limit any more."
    as_operator.post(LIMITS, rates())
    assert stored(acme) == {}


def test_the_limits_follow_the_systems_of_the_open_workspaces(
    as_operator: Any, acme: Any, actor: Any
) -> None:
    def names() -> list[str]:
        return list(as_operator.get(SETTINGS).context["limits_form"].fields)

    made = create_workspace(
        actor=actor, organization=acme, name="CMS", environment="staging", dialect="fastcms"
    )
    assert names() == ["fastcms-hour", "fastcms-minute", "read-token", "write-token"]
    archive_workspace(actor=actor, workspace=made)
    assert names() == ["read-token", "write-token"]


def test_credits_are_told_where_something_costs_them(as_alice: Any, acme: Any, actor: Any) -> None:
    Organization.objects.update(credits=12_345)
    assert as_alice.get(SETTINGS).context["credits"] is None
    create_workspace(
        actor=actor, organization=acme, name="Tools", environment="staging", dialect="tools-fast"
    )
    assert "<strong>12,345</strong> credits are left." in as_alice.get(SETTINGS).content.decode()
