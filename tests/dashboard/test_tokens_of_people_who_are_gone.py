"""What the pages say of tokens that requests are refused with, and of two rotations at once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import models
from django.utils import timezone

from apikeys.models import AccessToken, AuditEvent, Membership, Organization
from apikeys.services.tokens import disable_token, rotate_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client, alice, acme):
    client.force_login(alice)
    return client


def deactivate(bob):
    bob.is_active = False
    bob.save()


def delete(bob):
    """By SQL: deletion in code revokes the token as well."""
    Membership.objects.filter(user=bob)._raw_delete("default")
    models.QuerySet(AccessToken).filter(owner=bob).update(owner=None)


def expel(bob):
    Membership.objects.filter(user=bob)._raw_delete("default")


def suspend(bob):
    Organization.objects.filter(slug="acme").update(suspended_at=timezone.now())


WAYS = {
    deactivate: ("owner_inactive", "Owner inactive", "works again when the account is active"),
    delete: ("owner_gone", "Owner gone", "refused for ever"),
    expel: ("owner_gone", "Owner gone", "refused for ever"),
    suspend: ("suspended", "Suspended", "refused until it is active again"),
}


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def way(request):
    return request.param


def badge(html: str) -> str:
    found = re.search(r'<span class="badge (\w+)"><svg.*?</svg>([^<]+)</span>', html)
    return f"{found[1]}: {found[2]}"


def test_list_and_page_say_it_and_offer_nothing_that_is_refused(admin, issue, bob, way):
    status, label, words = WAYS[way]
    token = issue(name="Bob's", kind="personal", owner=bob).token
    way(bob)
    here = f"/dashboard/acme/tokens/{token.token_id}"
    for address in ("/dashboard/acme/tokens", f"/dashboard/acme/tokens?status={status}", here):
        html = admin.get(address).content.decode()
        assert badge(html) == f"{status}: {label}"
        assert f"{here}/rotate" not in html
        assert f"{here}/enable" not in html
        assert f"{here}/revoke" in html
    assert words in html
    # What is refused for now can be kept from coming back.
    assert (f"{here}/disable" in html) is (status != "owner_gone")
    assert "Call the API" not in html
    for asked in ("active", "expiring", "disabled", "revoked"):
        page = admin.get(f"/dashboard/acme/tokens?status={asked}")
        assert page.context["rows"] == []


def test_the_page_that_rotates_says_why_it_does_not(admin, issue, bob, way):
    token = issue(kind="personal", owner=bob).token
    way(bob)
    page = f"/dashboard/acme/tokens/{token.token_id}/rotate"
    html = admin.get(page).content.decode()
    assert "creation_id" not in html
    assert "is refused" in html or "are refused" in html
    refused = admin.post(page, {"overlap": "0", "creation_id": "r0"})
    assert "data-secret" not in refused.content.decode()
    assert AccessToken.objects.get().rotated_at is None


def test_a_disabled_token_is_enabled_neither_by_button_nor_by_post(admin, issue, bob, actor, way):
    token = issue(kind="personal", owner=bob).token
    disable_token(actor=actor, token=token)
    way(bob)
    here = f"/dashboard/acme/tokens/{token.token_id}"
    html = admin.get(here).content.decode()
    assert "Enable token" not in html
    assert "Disable token" not in html
    admin.post(f"{here}/enable")
    assert AccessToken.objects.get().disabled_at is not None
    assert not AuditEvent.objects.filter(action="token.enabled").exists()


def test_counts_know_it(admin, issue, bob, way):
    soon = timezone.now() + timedelta(days=3)
    issue(kind="personal", owner=bob, expires_at=soon)
    assert admin.get("/dashboard/acme/tokens").context["expiring"] == 1
    way(bob)
    assert admin.get("/dashboard/acme/tokens").context["expiring"] == 0
    page = admin.get("/dashboard/acme/workspaces")
    live = {each.slug: each.live_tokens for each in page.context["open"]}
    assert live == {"development": 0, "production": 0 if WAYS[way][0] == "owner_gone" else 1}


def test_the_command_and_the_django_admin_say_it(client, make_user, issue, bob, way, capsys):
    issue(kind="personal", owner=bob)
    way(bob)
    call_command("list_tokens")
    assert capsys.readouterr().out.split("\t")[1] == WAYS[way][0]
    client.force_login(make_user("root@example.org", is_staff=True, is_superuser=True))
    html = client.get("/admin/apikeys/accesstoken/").content.decode()
    assert f">{WAYS[way][1]}<" in html
    token = AccessToken.objects.get()
    html = client.get(f"/admin/apikeys/accesstoken/{token.pk}/change/").content.decode()
    assert f">{WAYS[way][1]}<" in html


def test_a_list_of_personal_tokens_takes_no_query_for_each(
    admin, issue, bob, django_assert_max_num_queries
):
    for _ in range(5):
        issue(kind="personal", owner=bob)
    with django_assert_max_num_queries(9):
        assert len(admin.get("/dashboard/acme/tokens").context["rows"]) == 5


class TestTwoPagesThatRotate:
    """Both were opened before either was sent."""

    @pytest.fixture
    def token(self, issue):
        return issue().token

    def form(self, admin, token):
        html = admin.get(f"/dashboard/acme/tokens/{token.token_id}/rotate").content.decode()
        names = ("seen", "creation_id")
        found = {n: re.search(rf'name="{n}"(?: value="([^"]*)")?', html)[1] or "" for n in names}
        return {**found, "overlap": "0"}

    def send(self, admin, token, form):
        page = admin.post(f"/dashboard/acme/tokens/{token.token_id}/rotate", form)
        html = page.content.decode()
        return re.findall(r"<code data-secret>([^<]+)<", html), html

    def test_the_second_makes_nothing_says_so_and_may_be_sent_again(
        self, admin, token, time_machine
    ):
        time_machine.move_to(timezone.now(), tick=False)
        one, two = self.form(admin, token), self.form(admin, token)
        assert one["seen"] == two["seen"] == ""
        shown, _ = self.send(admin, token, one)
        assert shown
        time_machine.shift(600)
        nothing, html = self.send(admin, token, two)
        assert nothing == []
        assert "This token was rotated meanwhile, and nothing was made now." in html
        two["seen"] = re.search(r'name="seen" value="([^"]+)"', html)[1]
        assert self.send(admin, token, two)[0]
        assert AuditEvent.objects.filter(action="token.rotated").count() == 2

    def test_a_page_opened_after_the_first_rotates_right_away(self, admin, token):
        assert self.send(admin, token, self.form(admin, token))[0]
        assert self.send(admin, token, self.form(admin, token))[0]

    def test_an_overlap_that_has_begun_meanwhile_is_said(self, admin, token, actor):
        form = self.form(admin, token)
        rotate_token(actor=actor, token=token, overlap=timedelta(hours=1))
        nothing, html = self.send(admin, token, form)
        assert nothing == []
        assert "End the overlap first." in html

    @pytest.mark.parametrize("seen", ["junk", "2026-01-01T00:00:00", "1" * 41])
    def test_what_no_page_has_sent_is_refused(self, admin, token, seen):
        nothing, html = self.send(admin, token, {**self.form(admin, token), "seen": seen})
        assert nothing == []
        assert "This form is incomplete. Open the page again." in html
        assert AccessToken.objects.get().rotated_at is None
