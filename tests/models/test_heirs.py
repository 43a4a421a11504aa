"""Rows that are changed through a proxy of their model are the same rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db.models.deletion import Collector
from django.db.models.signals import pre_delete, pre_save
from django.utils import timezone

from apikeys.models import AccessToken, AuditEvent, Membership, Organization, Workspace, heirs
from apikeys.refusals import Reason
from tests.support.remembering import present, refused


def proxy_of(model: Any, name: str = "") -> Any:
    """Return a proxy, made after all apps are ready."""
    meta = type("Meta", (), {"proxy": True, "app_label": "tests"})
    return type(name or f"Other{model.__name__}", (model,), {"__module__": __name__, "Meta": meta})


PROXIES = {
    model: proxy_of(model)
    for model in (AccessToken, Workspace, Organization, Membership, get_user_model())
}
OF_A_PROXY = proxy_of(PROXIES[AccessToken], "OfAProxy")


def save(model: Any, **changes: Any) -> None:
    found = model._base_manager.get(pk=changes.pop("pk"))
    for name, value in changes.items():
        setattr(found, name, value)
    found.save()


@pytest.mark.django_db(transaction=True)
class TestCachedMode:
    def test_a_token_that_a_proxy_disables_is_refused(self, epoch: Any, issue: Any) -> None:
        issued = issue()
        present(issued)
        save(PROXIES[AccessToken], pk=issued.token.pk, disabled_at=timezone.now())
        assert refused(issued) is Reason.DISABLED
        save(PROXIES[AccessToken], pk=issued.token.pk, disabled_at=None)
        assert present(issued).pk == issued.token.pk

    def test_so_is_one_that_a_proxy_of_a_proxy_disables(self, epoch: Any, issue: Any) -> None:
        issued = issue()
        present(issued)
        save(OF_A_PROXY, pk=issued.token.pk, disabled_at=timezone.now())
        assert refused(issued) is Reason.DISABLED

    def test_an_archived_workspace_and_a_suspended_organization(
        self, epoch: Any, issue: Any, acme: Any, production: Any
    ) -> None:
        issued = issue()
        present(issued)
        save(PROXIES[Workspace], pk=production.pk, archived_at=timezone.now())
        assert refused(issued) is Reason.WORKSPACE_ARCHIVED
        save(PROXIES[Workspace], pk=production.pk, archived_at=None)
        present(issued)
        save(PROXIES[Organization], pk=acme.pk, suspended_at=timezone.now())
        assert refused(issued) is Reason.ORGANIZATION_SUSPENDED

    def test_an_owner_who_is_switched_off(
        self, epoch: Any, issue: Any, acme: Any, bob: Any
    ) -> None:
        issued = issue(kind="personal", owner=bob)
        present(issued)
        save(PROXIES[get_user_model()], pk=bob.pk, is_active=False)
        assert refused(issued) is Reason.OWNER_INACTIVE

    def test_a_membership_that_is_deleted(
        self, epoch: Any, issue: Any, acme: Any, bob: Any
    ) -> None:
        issued = issue(kind="personal", owner=bob)
        present(issued)
        PROXIES[Membership].objects.get(organization=acme, user=bob).delete()
        assert refused(issued) is Reason.REVOKED

    def test_a_log_in_through_a_proxy_changes_nothing(
        self, epoch: Any, acme: Any, bob: Any, django_assert_num_queries: Any, issue: Any
    ) -> None:
        issued = issue(kind="personal", owner=bob)
        present(issued)
        found = PROXIES[get_user_model()]._base_manager.get(pk=bob.pk)
        found.last_login = timezone.now()
        found.save(update_fields=["last_login"])
        with django_assert_num_queries(0):
            present(issued)


@pytest.mark.django_db
@pytest.mark.parametrize("many", [False, True])
def test_a_membership_deleted_by_a_proxy_ends_as_any_other(
    issue: Any, acme: Any, bob: Any, many: bool
) -> None:
    token = issue(kind="personal", owner=bob).token
    rows = PROXIES[Membership].objects.filter(organization=acme, user=bob)
    (rows if many else rows.get()).delete()
    token.refresh_from_db()
    assert token.revoked_at is not None
    event = AuditEvent.objects.get(action="member.removed")
    assert event.actor_label == "membership deleted"


def test_heirs_that_are_there_already_are_heard_once() -> None:
    heard: list[Any] = []

    def hear(sender: Any, **kwargs: Any) -> None:
        heard.append(sender)

    kept = list(heirs._listening)
    try:
        for _ in range(2):
            heirs.connect(pre_save, hear, Membership, name="tests.heirs")
        for model in (Membership, PROXIES[Membership], AccessToken):
            pre_save.send(model, instance=None, using="default", raw=False, update_fields=["role"])
        assert heard == [Membership, PROXIES[Membership]]
    finally:
        heirs._listening[:] = kept
        for model in (Membership, PROXIES[Membership]):
            pre_save.disconnect(sender=model, dispatch_uid="tests.heirs")


def test_other_models_of_a_host_are_deleted_the_fast_way() -> None:
    assert Collector(using="default").can_fast_delete(Session.objects.all())
    assert not pre_delete.has_listeners(Session)
