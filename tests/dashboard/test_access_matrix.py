"""Every address of the dashboard, as everybody, against one declared table.

The rows come from the URLconf: an address without a row fails, and so does a row without one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db import connection
from django.urls import reverse

from dashboard import urls
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
        open_to: ``admins``, ``members`` or ``everybody`` who is logged in.
        outsider_get: status of a GET of somebody in no organization, where it differs.
    """

    get: int
    post: int
    open_to: str = "admins"
    outsider_get: int | None = None

    def statuses(self, who: str, method: str) -> set[int]:
        """Return what `who` may get: one status, or two where the method is of no use."""
        meant = self.get if method == "get" else self.post
        if who == "outsider" and method == "get" and self.outsider_get is not None:
            return {self.outsider_get}
        if who == "anonymous":
            denial = LOG_IN
        elif self.open_to != "everybody" and who in ("outsider", "foreign_admin"):
            denial = 404
        elif self.open_to == "admins" and who == "member":
            denial = 403
        else:
            return {meant}
        # A method that nobody can use may be refused before it is asked who sent it.
        return {denial, 405} if meant == 405 else {denial}


TABLE = {
    # The only organization is opened at once.
    "home": Row(302, 405, "everybody", outsider_get=200),
    "api-keys": Row(302, 405, "everybody"),
    # The last check of the password is recent, so it leads on.
    "confirm": Row(302, 302, "everybody"),
    "organization": Row(200, 405, "members"),
}
PATTERNS = {pattern.name: pattern for pattern in urls.urlpatterns}


@pytest.fixture
def names(acme, globex, development, issue, bob):
    """What the variable parts of addresses are filled with: things of Acme's."""
    token = issue(workspace=development).token
    membership = acme.memberships.get(user=bob)
    return {
        "organization": acme.slug,
        "workspace": development.slug,
        "token_id": token.token_id,
        "membership": membership.public_id,
        "public_id": membership.public_id,
    }


@pytest.fixture
def address(names):
    def make(name: str, **changes: str) -> str:
        parts = PATTERNS[name].pattern.converters
        values = {part: {**names, **changes}[part] for part in parts}
        return reverse(f"dashboard:{name}", kwargs=values)

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
            if who == "anonymous" and response.status_code == LOG_IN:
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
def test_a_get_changes_nothing(name, people, address):
    client, target = people("admin"), address(name)
    before = dict(rows())
    client.get(target)
    assert dict(rows()) == before


@pytest.mark.parametrize("name", TABLE)
def test_nobody_reaches_anothers_things_through_an_organization_of_their_own(
    name, people, address, globex
):
    if set(PATTERNS[name].pattern.converters) <= {"organization", "workspace"}:
        return
    client, target = people("foreign_admin"), address(name, organization=globex.slug)
    before = dict(rows())
    assert client.get(target).status_code == 404
    assert client.post(target).status_code == 404
    assert dict(rows()) == before


@pytest.mark.parametrize("name", TABLE)
def test_every_page_has_the_headers_of_a_page(name, people, address):
    response = people("admin").get(address(name))
    assert "no-store" in response["Cache-Control"] or response.status_code == 302
