"""What surrounds every page: sections, switchers, banners; and the tags and forms under it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from apikeys.models.tokens import Status
from apikeys.services.errors import Conflict, Invalid
from apikeys.services.organizations import create_organization
from apikeys.services.tokens import disable_token, revoke_token
from apikeys.services.workspaces import archive_workspace
from dashboard.forms.errors import add_service_error
from dashboard.templatetags import apikeys_dashboard as tags

NOW = datetime(2026, 11, 20, 10, 15, 2, tzinfo=UTC)


@pytest.fixture
def now():
    with time_machine.travel(NOW, tick=False):
        yield NOW


@pytest.mark.parametrize(
    ("apart", "said"),
    [
        (timedelta(seconds=-1), "just now"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(minutes=-59, seconds=-59), "59 minutes ago"),
        (timedelta(hours=1), "in 1 hour"),
        (timedelta(hours=-23), "23 hours ago"),
        (timedelta(days=5), "in 5 days"),
        (timedelta(days=-59), "59 days ago"),
        (timedelta(days=60), "in 2 months"),
        (timedelta(days=-729), "24 months ago"),
        (timedelta(days=730), "in 2 years"),
    ],
)
def test_times_are_told_in_their_largest_whole_unit(now, apart, said):
    assert tags.relative_time(now + apart) == said


def test_the_exact_time_is_utc_in_the_title(now):
    shown = Template('{% include "apikeys_dashboard/inc/time.html" %}').render(
        Context({"value": now - timedelta(minutes=4)})
    )
    assert shown == (
        '<time datetime="2026-11-20T10:11:02Z" title="20 Nov 2026, 10:11:02 UTC">'
        "4 minutes ago</time>\n"
    )
    never = Template('{% include "apikeys_dashboard/inc/time.html" %}')
    assert never.render(Context({"value": None})).strip() == "Never"


def replaced(query, **changes):
    return tags.query_replace({"request": RequestFactory().get(f"/x?{query}")}, **changes)


@pytest.mark.parametrize(
    ("query", "changes", "result"),
    [
        ("q=a&workspace=dev", {"workspace": "prod"}, "q=a&workspace=prod"),
        ("q=a&workspace=dev", {"workspace": ""}, "q=a"),
        ("q=a", {"workspace": None}, "q=a"),
        ("q=a&page=3&after=x&before=y", {"workspace": "prod"}, "q=a&workspace=prod"),
        ("q=a&page=3", {"page": 4}, "q=a&page=4"),
        ("q=%26%3D", {}, "q=%26%3D"),
    ],
)
def test_a_changed_choice_keeps_the_rest_and_starts_at_the_first_page(query, changes, result):
    assert replaced(query, **changes) == result


@pytest.mark.django_db
def test_each_status_has_words_a_class_and_a_shape(issue, actor, now):
    soon = issue(expires_at=now + timedelta(days=5, hours=1)).token
    late = issue(expires_at=now + timedelta(days=60)).token
    off = disable_token(actor=actor, token=issue().token)
    gone = revoke_token(actor=actor, token=issue().token)
    shown = Template("{% load apikeys_dashboard %}{% status_badge token %}")
    for token, status, words in (
        (late, Status.ACTIVE, "Active"),
        (soon, Status.EXPIRING, "Expiring in 5 days"),
        (off, Status.DISABLED, "Disabled"),
        (gone, Status.REVOKED, "Revoked"),
    ):
        badge = shown.render(Context({"token": token}))
        assert f'class="badge {status}"' in badge
        assert f"</svg>{words}</span>" in badge
    with time_machine.travel(now + timedelta(days=6)):
        assert "</svg>Expired</span>" in shown.render(Context({"token": soon}))


class Names(forms.Form):
    name = forms.CharField(required=False)


@pytest.mark.parametrize(
    ("error", "errors"),
    [
        (Invalid("name.taken", "Taken.", field="name"), {"name": ["Taken."]}),
        (Invalid("x.invalid", "Wrong.", field="elsewhere"), {"__all__": ["Wrong."]}),
        (Conflict("token.revoked", "Revoked."), {"__all__": ["Revoked."]}),
    ],
)
def test_a_services_refusal_stands_at_its_field_or_above_the_form(error, errors):
    form = Names({"name": "a"})
    assert form.is_valid()
    add_service_error(form, error)
    assert form.errors == errors
    [field] = errors
    assert form.errors.as_data()[field][0].code == error.code


pages = pytest.mark.django_db


@pages
def test_the_sections_are_for_admins_and_mark_the_present_one(client, alice, bob, acme):
    client.force_login(alice)
    page = client.get("/dashboard/acme/members").content.decode()
    assert page.count('<a href="/dashboard/acme/members" aria-current="page">Members</a>') == 2
    assert '<a href="/dashboard/acme/tokens">Access tokens</a>' in page
    client.force_login(bob)
    page = client.get("/dashboard/acme").content.decode()
    assert "Org settings" not in page
    assert "/dashboard/acme/tokens" not in page


@pages
def test_the_chosen_workspace_is_in_the_address_and_stays_chosen(client, alice, acme):
    client.force_login(alice)
    page = client.get("/dashboard/acme/usage?range=30d&workspace=production").content.decode()
    assert '<span class="name">Production</span>' in page
    for address in (
        'href="/dashboard/acme/audit?workspace=production"',
        'href="/dashboard/acme/usage?range=30d&amp;workspace=development"',
        'href="/dashboard/acme/usage?range=30d"',
        'href="/dashboard/acme/members"',
    ):
        assert address in page


@pages
def test_a_page_for_all_workspaces_leads_to_the_tokens_of_the_chosen_one(client, alice, acme):
    client.force_login(alice)
    page = client.get("/dashboard/acme/members").content.decode()
    assert '<span class="name">All workspaces</span>' in page
    assert 'href="/dashboard/acme/tokens?workspace=development"' in page


@pages
def test_an_archived_workspace_is_not_offered_but_named_when_chosen(
    client, alice, acme, development, actor
):
    archive_workspace(actor=actor, workspace=development)
    client.force_login(alice)
    offer = 'href="/dashboard/acme/usage?workspace=development"'
    assert offer not in client.get("/dashboard/acme/usage").content.decode()
    page = client.get("/dashboard/acme/usage?workspace=development").content.decode()
    assert '<span class="name">Development</span>' in page


@pages
def test_another_organizations_workspace_is_none(client, alice, acme, globex):
    client.force_login(alice)
    assert client.get("/dashboard/acme/usage?workspace=nowhere").status_code == 404


@pages
def test_the_person_switches_between_their_organizations_alone(client, alice, actor, acme, globex):
    create_organization(actor=actor, name="Initech", admin=alice)
    client.force_login(alice)
    page = client.get("/dashboard/acme/members").content.decode()
    assert 'href="/dashboard/initech"' in page
    assert 'href="/dashboard/acme" aria-current="true"' in page
    assert "Globex" not in page


@pages
def test_names_are_text_and_never_markup(client, alice, actor):
    create_organization(actor=actor, name="<script>alert(1)</script>", slug="odd", admin=alice)
    client.force_login(alice)
    page = client.get("/dashboard/odd/members").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


@pages
def test_a_suspended_organization_says_so_on_every_page(client, bob, acme):
    client.force_login(bob)
    assert "is suspended" not in client.get("/dashboard/acme").content.decode()
    acme.suspended_at = timezone.now()
    acme.save()
    assert "Acme is suspended" in client.get("/dashboard/acme").content.decode()


@pages
def test_the_frame_costs_four_queries(client, alice, acme, django_assert_num_queries):
    """Session, person, memberships with their organizations, workspaces."""
    client.force_login(alice)
    with django_assert_num_queries(4):
        client.get("/dashboard/acme/workspaces/new")


@pages
def test_api_keys_leads_to_the_only_managed_organization_or_to_the_choice(
    client, alice, bob, acme, globex, actor
):
    client.force_login(bob)
    assert client.get("/dashboard/api-keys")["Location"] == "/dashboard/"
    client.force_login(alice)
    assert client.get("/dashboard/api-keys")["Location"] == "/dashboard/acme/tokens"
    create_organization(actor=actor, name="Initech", admin=alice)
    assert client.get("/dashboard/api-keys")["Location"] == "/dashboard/"


@pages
def test_somebody_in_no_organization_is_told_what_to_do(client, make_user):
    client.force_login(make_user("oscar@example.org"))
    page = client.get("/dashboard/").content.decode()
    assert "You are in no organization yet." in page


@pages
def test_members_read_who_the_active_admins_are(client, bob, acme, make_user, actor):
    from apikeys.services.members import add_member

    gone = make_user("gone@example.org", is_active=False)
    add_member(actor=actor, organization=acme, user=gone, role="admin")
    client.force_login(bob)
    for address in ("/dashboard/acme", "/dashboard/acme/tokens"):
        page = client.get(address).content.decode()
        assert "<li>alice@example.org</li>" in page
        assert "gone@example.org" not in page
