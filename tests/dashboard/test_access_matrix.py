"""Every address of the dashboard, as everybody, against one declared table.

The rows come from the URLconf: an address without a row fails, and so does a row without one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from apikeys.models import AuditEvent, Invitation
from dashboard import urls
from dashboard.pages import PAGE_HEADERS
from tests.conftest import SecureClient

pytestmark = pytest.mark.django_db

LOG_IN = 302
PEOPLE = ("anonymous", "outsider", "foreign_admin", "member", "admin")


@dataclass(frozen=True)
class Row:
    """What an address answers.

    Attributes:
        get: status of a GET of those who may.
        post: status of an empty POST of those who may.
        open_to: ``admins``, ``members``, ``people`` who are logged in, or ``everybody``.
        but: person and method to the status that differs for them.
    """

    get: int
    post: int
    open_to: str = "admins"
    but: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def statuses(self, who: str, method: str) -> set[int]:
        """Return what `who` may get: one status, or two where the method is of no use."""
        meant = self.but.get((who, method), self.get if method == "get" else self.post)
        denial = self._denial(who)
        if denial is None:
            return {meant}
        # A method that nobody can use may be refused before it is asked who sent it.
        return {denial, 405} if meant == 405 else {denial}

    def _denial(self, who: str) -> int | None:
        if self.open_to == "everybody":
            return None
        if who == "anonymous":
            return LOG_IN
        if self.open_to != "people" and who in ("outsider", "foreign_admin"):
            return 404
        return 403 if self.open_to == "admins" and who == "member" else None


FORM = Row(200, 200)
PAGE = Row(200, 405)
ACT = Row(405, 302)

TABLE = {
    # The only organization is opened at once.
    "home": Row(302, 405, "people", {("outsider", "get"): 200}),
    "api-keys": Row(302, 405, "people"),
    # The last check of the password is recent, so it leads on.
    "confirm": Row(302, 302, "people"),
    # Who is logged in already is led on.
    # The site has a log-in of its own, to which this one leads.
    "log-in": Row(302, 404, "everybody"),
    "log-out": Row(405, 302, "everybody"),
    "organization": Row(302, 405, "members", {("member", "get"): 200}),
    "tokens": PAGE,
    "token-new": FORM,
    # Nothing is ticked, so there is nothing to revoke.
    "tokens-revoke": Row(302, 302),
    "token": PAGE,
    "token-edit": FORM,
    "token-rotate": FORM,
    "token-revoke": FORM,
    "token-disable": ACT,
    "token-enable": ACT,
    "token-end-overlap": ACT,
    "members": PAGE,
    "member-invite": FORM,
    "member-add": Row(302, 200),
    "member-role": FORM,
    "member-remove": Row(200, 302),
    # The last admin stays.
    "leave": Row(200, 409, "members", {("member", "post"): 302}),
    # Here the link alone says who may, and this one names no invitation.
    "invitation": Row(404, 404, "everybody"),
    "invitation-resend": ACT,
    "invitation-withdraw": ACT,
    "workspaces": PAGE,
    "workspace-new": FORM,
    "workspace-rename": FORM,
    "workspace-archive": FORM,
    # Nothing in it is required.
    "settings": Row(200, 302),
    "settings-name": Row(302, 200),
    # Only the operator's people set limits.
    "settings-limits": Row(302, 403),
    "audit": PAGE,
    "audit-csv": PAGE,
    "audit-jsonl": PAGE,
    "usage": PAGE,
    "usage-csv": PAGE,
}
PATTERNS = {pattern.name: pattern for pattern in urls.urlpatterns}


@pytest.fixture
def names(acme, globex, development, issue, bob):
    """What the variable parts of addresses are filled with: things of Acme's."""
    invitation = Invitation.objects.create(
        organization=acme,
        email="dora@example.org",
        expires_at=timezone.now() + timedelta(days=7),
    )
    return {
        "organization": acme.slug,
        "workspace": development.slug,
        "token_id": issue(workspace=development).token.token_id,
        "member": acme.memberships.get(user=bob).public_id,
        "invitation": invitation.public_id,
        "link": "no-link-at-all",
    }


@pytest.fixture
def address(names):
    def make(name: str, **changes: str) -> str:
        found = {**names, "public_id": names.get(name.partition("-")[0]), **changes}
        parts = PATTERNS[name].pattern.converters
        return reverse(f"apikeys_dashboard:{name}", kwargs={part: found[part] for part in parts})

    return make


@pytest.fixture
def people(alice, bob, charlie, make_user):
    """A logged-in browser of each; the outsider is in no organization."""
    users = {
        "anonymous": None,
        "outsider": make_user("oscar@example.org"),
        "foreign_admin": charlie,
        "member": bob,
        "admin": alice,
    }

    def browser(who: str, **options: bool) -> SecureClient:
        client = SecureClient(**options)
        if users[who] is not None:
            client.force_login(users[who])
        return client

    return browser


def rows() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every table and a digest of each of its rows."""
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            digests = (hashlib.sha256(repr(row).encode()).hexdigest() for row in cursor.fetchall())
            yield table, tuple(sorted(digests))


def test_every_address_has_a_row():
    assert len(PATTERNS) == len(urls.urlpatterns), "two addresses have one name"
    assert set(PATTERNS) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_everybody_gets_what_the_table_says(name, people, address):
    for who in PEOPLE:
        for method in ("get", "post"):
            response = getattr(people(who), method)(address(name))
            said = f"{who} {method.upper()} {address(name)}"
            assert response.status_code in TABLE[name].statuses(who, method), said
            closed = TABLE[name].open_to != "everybody"
            if who == "anonymous" and closed and response.status_code == LOG_IN:
                assert response["Location"].startswith("/accounts/login/?next=")


@pytest.mark.parametrize("name", TABLE)
def test_other_methods_do_nothing(name, people, address):
    client = people("admin")
    assert client.head(address(name)).status_code == TABLE[name].get
    before = dict(rows())
    for method in ("put", "patch", "delete"):
        assert getattr(client, method)(address(name)).status_code == 405
    assert dict(rows()) == before


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("who", PEOPLE)
def test_a_post_without_the_csrf_token_is_refused(name, who, people, address):
    client, target = people(who, enforce_csrf_checks=True), address(name)
    before = dict(rows())
    response = client.post(target)
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()
    assert dict(rows()) == before


@pytest.mark.parametrize("name", TABLE)
def test_a_get_changes_nothing_and_a_download_is_written_down(name, people, address):
    client, target = people("admin"), address(name)
    before = dict(rows())
    client.get(target)
    after = dict(rows())
    downloads = {"audit-csv", "audit-jsonl", "usage-csv"}
    assert {table for table in after if after[table] != before[table]} == (
        {AuditEvent._meta.db_table} if name in downloads else set()
    )


def names_a_thing_of_an_organization(name: str) -> bool:
    parts = set(PATTERNS[name].pattern.converters) if name in PATTERNS else set()
    return "organization" in parts and bool(parts - {"organization", "workspace"})


@pytest.mark.parametrize("name", list(filter(names_a_thing_of_an_organization, TABLE)))
def test_nobody_reaches_anothers_things_through_an_organization_of_their_own(
    name, people, address, globex
):
    client, target = people("foreign_admin"), address(name, organization=globex.slug)
    before = dict(rows())
    for method in ("get", "post"):
        useless = getattr(TABLE[name], method) == 405
        assert getattr(client, method)(target).status_code == (405 if useless else 404)
    assert dict(rows()) == before


@pytest.mark.parametrize("name", TABLE)
def test_every_page_has_the_headers_of_a_page(name, people, address):
    response = people("admin").get(address(name))
    assert "no-store" in response["Cache-Control"]
    for header in ("Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options"):
        assert response[header] == PAGE_HEADERS[header]
