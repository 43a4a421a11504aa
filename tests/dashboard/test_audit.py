"""The audit log: filters, pages, details, and the two exports."""

from __future__ import annotations

import csv
import io
import json
import re
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from apikeys.models import AuditEvent
from apikeys.queries.events import COLUMNS
from apikeys.queries.filters import AuditEventFilter
from apikeys.services.audit import Action, action_label
from apikeys.services.tokens import revoke_token, update_token
from dashboard import events
from dashboard.access import actor_of
from dashboard.exports import safe_cell
from dashboard.views import audit

pytestmark = pytest.mark.django_db

URL = "/dashboard/acme/audit"
CSV = "/dashboard/acme/audit.csv"
JSONL = "/dashboard/acme/audit.jsonl"
START = datetime(2026, 11, 1, tzinfo=UTC)


def event(organization, number=0, **fields):
    values = {
        "created_at": START + timedelta(minutes=number),
        "organization_id": organization.pk,
        "organization_slug": organization.slug,
        "workspace_slug": "production",
        "action": "token.created",
        "actor_kind": "user",
        "actor_label": "alice@example.org",
        "token_id": "aaaa",
        "target_label": f"Token {number}",
        "address": "192.0.2.1",
        "request_id": f"request-{number}",
        "details": {"scopes": ["notes:read"], "expires_at": None},
    }
    return AuditEvent(**{**values, **fields})


@pytest.fixture
def acme(acme):
    """Acme without the events of its own making."""
    AuditEvent.objects.filter(organization_id=acme.pk).prune()
    return acme


@pytest.fixture
def fill(acme):
    """Write events: `fill(120)`, or `fill({...}, {...})` with fields of their own."""

    def write(*what):
        rows = range(what[0]) if isinstance(what[0], int) else what
        made = [
            event(acme, index, **({} if isinstance(row, int) else row))
            for index, row in enumerate(rows)
        ]
        return AuditEvent.objects.bulk_create(made)

    return write


@pytest.fixture
def admin(client, alice):
    client.force_login(alice)
    return client


def targets(response):
    return [row.event.target_label for row in response.context["rows"]]


def body(response):
    return b"".join(response.streaming_content).decode()


@pytest.mark.parametrize("url", [URL, CSV, JSONL])
def test_admins_read_it_and_nobody_else(client, fill, alice, bob, charlie, url):
    fill(1)
    assert client.get(url).status_code == 302
    for user, status in ((alice, 200), (bob, 403), (charlie, 404)):
        client.force_login(user)
        assert client.get(url).status_code == status


def test_the_newest_comes_first_with_everything_that_is_known(admin, fill):
    fill({"target_label": "old"}, {"target_label": "CI deploy", "action": "member.role_changed"})
    response = admin.get(URL)
    assert targets(response) == ["CI deploy", "old"]
    text = response.content.decode()
    for shown in (
        "alice@example.org",
        "Member role changed",
        "CI deploy",
        "production",
        "192.0.2.1",
        "request-1",
        "1 Nov 2026, 00:01:00 UTC",
        "notes:read",
        "kept for 730 days",
    ):
        assert shown in text


def test_another_organizations_events_do_not_exist(admin, fill, globex):
    fill(1)
    AuditEvent.objects.bulk_create([event(globex, 5, target_label="theirs")])
    assert targets(admin.get(URL)) == ["Token 0"]
    assert "theirs" not in body(admin.get(CSV)) + body(admin.get(JSONL))


def test_what_a_change_was_before_and_after_is_in_its_details(admin, issue, actor):
    token = issue(name="CI deploy", description="").token
    update_token(actor=actor, token=token, description="runs at 02:00", name="CI")
    row = admin.get(URL).context["rows"][0]
    assert sorted(row.changes) == [
        ("Description", "none", "runs at 02:00"),
        ("Name", "CI deploy", "CI"),
    ]
    assert row.facts == []


def test_facts_are_put_into_words(admin, fill):
    # In the order in which PostgreSQL gives them back.
    details = {
        "before": "not a dictionary",
        "reason": "Leaked",
        "expires_at": None,
        "revoked_tokens": ["a", "b"],
        "overlap_seconds": 3600,
    }
    fill({"details": details})
    [row] = admin.get(URL).context["rows"]
    assert row.changes == []
    assert row.facts == [
        ("Before", "not a dictionary"),
        ("Reason", "Leaked"),
        ("Expires at", "none"),
        ("Revoked tokens", "a, b"),
        ("Overlap seconds", "3600"),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor=Bob@Example.org", ["1"]),
        ("actor=bob", []),
        ("action=token.revoked", ["2"]),
        ("token=bbbb", ["3"]),
        ("workspace=development", ["4"]),
        ("from=2026-11-02", ["5"]),
        ("to=2026-11-01", ["4", "3", "2", "1", "0"]),
        ("from=2026-11-02&to=2026-11-02", ["5"]),
        ("to=9999-12-31", ["5", "4", "3", "2", "1", "0"]),
        (
            "actor=alice@example.org&action=token.created&workspace=production&token=aaaa",
            ["5", "0"],
        ),
        ("actor=&action=&token=&workspace=&from=&to=", ["5", "4", "3", "2", "1", "0"]),
    ],
)
def test_filters_narrow_page_and_exports_alike(admin, fill, query, found):
    fill(
        {"target_label": "0"},
        {"target_label": "1", "actor_label": "bob@example.org"},
        {"target_label": "2", "action": "token.revoked"},
        {"target_label": "3", "token_id": "bbbb"},
        {"target_label": "4", "workspace_slug": "development"},
        {"target_label": "5", "created_at": datetime(2026, 11, 2, 23, 59, 59, 999999, tzinfo=UTC)},
    )
    assert targets(admin.get(f"{URL}?{query}")) == found
    rows = list(csv.DictReader(io.StringIO(body(admin.get(f"{CSV}?{query}")))))
    assert [row["target"] for row in rows] == found
    lines = [json.loads(line) for line in body(admin.get(f"{JSONL}?{query}")).splitlines()]
    assert [each["target"] for each in lines if each["action"] != "audit.exported"] == found


@pytest.mark.parametrize(
    "query",
    [
        "action=token.eaten",
        "from=yesterday",
        "to=2026-13-01",
        "from=2026-11-02&to=2026-11-01",
        "token=" + "x" * 65,
    ],
)
def test_a_bad_value_is_answered_with_a_message_and_never_with_everything(admin, fill, query):
    fill(3)
    response = admin.get(f"{URL}?{query}")
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()
    assert response.context["rows"] == []
    for url in (CSV, JSONL):
        answer = admin.get(f"{url}?{query}")
        assert answer.status_code == 302
        assert answer["Location"].startswith(f"{URL}?")


def test_a_parameter_that_no_filter_declares_changes_nothing(admin, fill):
    fill(2)
    query = "?organization_id=0&id=1&actor_label__startswith=x&ordering=id&details__x=1"
    assert targets(admin.get(URL + query)) == ["Token 1", "Token 0"]


def test_a_workspace_that_is_none_is_not_found(admin, acme):
    assert admin.get(f"{URL}?workspace=nowhere").status_code == 404


def test_without_events_the_page_says_so_and_why(admin, acme):
    assert "Nothing has happened yet." in admin.get(URL).content.decode()
    text = admin.get(f"{URL}?token=zzzz").content.decode()
    assert "No events match these filters." in text
    assert "Clear filters" in text


def walk(client, response, name):
    """Follow a page's link called `name` to its end; return the targets of each page."""
    pages = [targets(response)]
    while link := re.search(rf'rel="{name}" href="([^"]+)"', response.content.decode()):
        response = client.get(URL + link[1].replace("&amp;", "&"))
        pages.append(targets(response))
    return pages, response


def test_pages_follow_each_other_there_and_back_and_miss_nothing(admin, fill, monkeypatch):
    monkeypatch.setattr(audit, "PAGE_SIZE", 7)
    # Several events of the same moment across the edges of pages.
    fill(
        *(
            {"target_label": str(i), "created_at": START + timedelta(minutes=i // 5)}
            for i in range(30)
        )
    )
    everything = [str(i) for i in reversed(range(30))]
    there, last = walk(admin, admin.get(f"{URL}?actor=alice@example.org"), "next")
    assert [len(page) for page in there] == [7, 7, 7, 7, 2]
    assert [target for page in there for target in page] == everything
    back, first = walk(admin, last, "prev")
    assert back == there[::-1]
    assert 'rel="prev"' not in first.content.decode()


def test_an_event_that_comes_meanwhile_moves_no_page(admin, fill, acme, monkeypatch):
    monkeypatch.setattr(audit, "PAGE_SIZE", 2)
    fill(4)
    first = admin.get(URL)
    AuditEvent.objects.bulk_create([event(acme, 99)])
    pages, _ = walk(admin, first, "next")
    assert pages == [["Token 3", "Token 2"], ["Token 1", "Token 0"]]


@pytest.mark.parametrize("position", ["junk", "0", "", "00000000-0000-0000-0000-000000000000"])
def test_a_position_that_is_none_is_the_first_page(admin, fill, position):
    fill(2)
    for name in ("after", "before"):
        assert targets(admin.get(f"{URL}?{name}={position}")) == ["Token 1", "Token 0"]


def test_a_position_in_another_organization_is_none(admin, fill, globex):
    fill(2)
    [theirs] = AuditEvent.objects.bulk_create([event(globex, 1)])
    assert targets(admin.get(f"{URL}?after={theirs.public_id}")) == ["Token 1", "Token 0"]


def test_no_primary_key_is_on_the_page_or_in_an_export(admin, fill, acme, alice):
    fill({"actor_id": str(alice.pk)})
    line = json.loads(body(admin.get(JSONL)))
    assert list(line) == list(COLUMNS)
    assert "actor_id" not in line
    stored = AuditEvent.objects.get(organization_id=acme.pk, action="token.created")
    assert line["public_id"] == str(stored.public_id)


def test_the_csv_has_a_row_for_each_event_over_many_pages(admin, fill, acme, monkeypatch):
    monkeypatch.setattr(events, "EXPORT_PAGE", 100)
    fill(1234)
    response = admin.get(CSV)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="audit-acme-\d{4}-\d\d-\d\d\.csv"', response["Content-Disposition"]
    )
    rows = list(csv.DictReader(io.StringIO(body(response))))
    # The event of this very download is not in it.
    assert len(rows) == AuditEvent.objects.filter(organization_id=acme.pk).count() - 1 == 1234
    assert rows[0] == {
        "public_id": rows[0]["public_id"],
        "created_at": "2026-11-01T20:33:00.000000Z",
        "organization": "acme",
        "workspace": "production",
        "action": "token.created",
        "actor_kind": "user",
        "actor": "alice@example.org",
        "token_id": "aaaa",
        "target": "Token 1233",
        "address": "192.0.2.1",
        "request_id": "request-1233",
        "details": '{"scopes": ["notes:read"], "expires_at": null}',
    }
    assert len({row["public_id"] for row in rows}) == 1234


def test_json_lines_are_one_object_each(admin, fill):
    fill({"target_label": 'two\nlines "quoted" ünïcödé'}, {})
    response = admin.get(JSONL)
    assert response["Content-Type"] == "application/jsonl; charset=utf-8"
    newest, oldest = body(response).splitlines()
    assert json.loads(newest)["details"] == {"scopes": ["notes:read"], "expires_at": None}
    assert json.loads(oldest)["target"] == 'two\nlines "quoted" ünïcödé'


def test_an_export_of_nothing_is_a_head_alone(admin, acme):
    assert body(admin.get(CSV)) == ",".join(COLUMNS) + "\r\n"
    [line] = body(admin.get(JSONL)).splitlines()
    assert json.loads(line)["action"] == "audit.exported", "the download before this one"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff20"])
def test_no_cell_is_a_formula(admin, fill, start):
    fill({"target_label": f"{start}cmd|' /C calc'!A0", "actor_label": f"{start}1+1"})
    [row] = csv.DictReader(io.StringIO(body(admin.get(CSV)), newline=""))
    assert row["target"] == f"'{start}cmd|' /C calc'!A0"
    assert row["actor"] == f"'{start}1+1"


HIDDEN_FORMULAS = {
    "after a semicolon": ("x;=1+1;y", "x;'=1+1;y"),
    "after a semicolon and a blank": ("x; =1+1", "x;' =1+1"),
    "after a tab": ("x\t=1+1", "x\t'=1+1"),
    "after a bar": ("x|=1+1", "x|'=1+1"),
    "after a line break": ("x\r\n=1+1", "x\r\n'=1+1"),
    "after a semicolon and a line break": ("x;\n@SUM(A1)", "x;\n'@SUM(A1)"),
    "in quotes after a semicolon": ('x;"=1+1"', 'x;\'"=1+1"'),
    "behind a zero width space": ("\u200b=1+1", "'\u200b=1+1"),
    "behind a byte order mark": ("\ufeff=1+1", "'\ufeff=1+1"),
    "behind a soft hyphen": ("\u00ad=1+1", "'\u00ad=1+1"),
    "behind a hard blank": ("\u00a0=1+1", "'\u00a0=1+1"),
    "behind a quote mark": ('"=1+1', "'\"=1+1"),
    "a wide one behind": ("\u200b\uff1d1+1", "'\u200b\uff1d1+1"),
    "a wide one after a semicolon": ("x;\uff1d1+1", "x;'\uff1d1+1"),
    "a wide plus": ("\uff0b1", "'\uff0b1"),
    "a small equals sign": ("\ufe661+1", "'\ufe661+1"),
    "a minus sign": ("\u22121", "'\u22121"),
    "two": ("=1;=2;+3", "'=1;'=2;'+3"),
}


@pytest.mark.parametrize(("text", "cell"), HIDDEN_FORMULAS.values(), ids=HIDDEN_FORMULAS)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_program_finds_a_formula_whatever_it_takes_for_a_separator(
    admin, fill, text, cell, separator
):
    fill({"target_label": text, "actor_label": text, "details": {"reason": text}})
    file = body(admin.get(CSV))
    [row] = csv.DictReader(io.StringIO(file, newline=""))
    assert (row["target"], row["actor"]) == (cell, cell)
    for cells in csv.reader(io.StringIO(file, newline=""), delimiter=separator):
        for each in cells:
            shown = each.lstrip(' \t\r\n"\u00a0\u00ad\u200b\ufeff')
            assert not shown.startswith(tuple("=+-@\uff1d\uff0b\ufe66\u2212")), each


def test_every_cell_is_quoted(admin, fill):
    fill({"target_label": 'a "b", c'})
    line = body(admin.get(CSV)).splitlines()[1]
    assert line.startswith('"')
    assert line.endswith('"')
    assert '"a ""b"", c"' in line


def test_numbers_and_harmless_text_stay_as_they_are():
    assert safe_cell("a; b - c, d = e") == "a; b - c, d = e"
    assert safe_cell(-5) == -5
    assert safe_cell("a=b") == "a=b"
    assert safe_cell("") == ""


def test_reading_leaves_no_event_and_each_export_one(admin, fill, acme):
    fill(1)
    kept = AuditEvent.objects.filter(organization_id=acme.pk)
    before = kept.count()
    admin.get(URL)
    for url in (CSV, JSONL):
        admin.head(url)
    assert kept.count() == before
    unknown = f"%3D1%2B1=1&visited=1&{'x' * 3000}=1"
    for url in (CSV, JSONL):
        body(admin.get(f"{url}?actor=alice@example.org&to=2030-01-01&{unknown}"))
    events = kept.filter(action="audit.exported").order_by("pk")
    assert [event.details for event in events] == [
        {"format": "csv", "filters": ["actor", "to"]},
        {"format": "jsonl", "filters": ["actor", "to"]},
    ]
    assert kept.count() == before + 2


def test_the_log_can_only_be_read(admin, fill):
    fill(1)
    for url in (URL, CSV, JSONL):
        for method in (admin.post, admin.put, admin.patch, admin.delete):
            assert method(url).status_code == 405
    assert AuditEvent.objects.filter(target_label="Token 0").exists()


def test_an_export_streams_and_holds_one_page_at_a_time(admin, fill, monkeypatch):
    monkeypatch.setattr(events, "EXPORT_PAGE", 50)
    fill(3000)
    response = admin.get(CSV)
    assert response.streaming
    lines = iter(response.streaming_content)
    for _ in range(100):
        next(lines)
    tracemalloc.start()
    start = tracemalloc.get_traced_memory()[0]
    for _ in lines:
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 2,900 events together are over 4 MB; a page of 50 and its query are well under one.
    assert peak - start < 1_000_000


def test_every_action_reads_as_words():
    assert action_label(Action.TOKEN_OVERLAP_ENDED) == "Token overlap ended"
    for action in Action:
        assert re.fullmatch(r"[A-Z][a-z ]+", action_label(action))


def test_where_a_change_came_from_is_in_the_log(admin, issue, alice, rf):
    token = issue().token
    request = rf.get("/", REMOTE_ADDR="203.0.113.5")
    request.user = alice
    revoke_token(actor=actor_of(request), token=token, reason="Leaked")
    row = admin.get(URL).context["rows"][0]
    assert (row.action, row.event.address) == ("Token revoked", "203.0.113.5")
    assert row.facts == [("Reason", "Leaked")]


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("field", "value", "index"),
    [
        ("to", "2026-11-20", "apikeys_audit_listing"),
        ("actor", "alice@example.org", "apikeys_audit_actor"),
        ("action", "token.created", "apikeys_audit_action"),
        ("token", "aaaa", "apikeys_audit_token"),
        ("workspace", "production", "apikeys_audit_workspace"),
    ],
)
def test_each_filter_walks_an_index_of_its_own_and_sorts_nothing(acme, fill, field, value, index):
    fill(3)
    filtered = AuditEventFilter(
        {field: value}, queryset=AuditEvent.objects.filter(organization_id=acme.pk)
    )
    with connection.cursor() as cursor:
        # So few rows are read whole; what is asked here is whether the index could serve.
        for setting in ("enable_seqscan", "enable_bitmapscan", "enable_sort"):
            cursor.execute(f"SET LOCAL {setting} = off")
    plan = filtered.qs.order_by("-created_at", "-id")[:50].explain()
    assert f"using {index}" in plan
    assert "Sort" not in plan
