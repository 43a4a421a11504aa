"""What a view demands of a token, and that a view which demands nothing lets no token in."""

from __future__ import annotations

import pytest
from django.core.checks import Error
from rest_framework.test import APIRequestFactory

from apikeys import checks
from apikeys.activity import usage
from apikeys.authentication import AccessTokenAuthentication
from apikeys.drf import endpoints
from apikeys.models import RefusalCounter, UsageCounter
from apikeys.permissions import requires_scopes
from apikeys.scopes import any_of
from apikeys.testing.headers import headers_of
from tests.support import apis
from tests.support.apis import say
from tests.support.notes.models import Note

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.support.apis"),
    pytest.mark.usefixtures("limits_in_memory"),
]

EVERYTHING = ("notes:read", "notes:write", "notes:delete")
UNDECLARED = {
    "title": "Forbidden",
    "status": 403,
    "error": "scope.undeclared",
    "detail": "This endpoint does not accept API keys yet.",
}
SILENT = {
    "/undeclared": "it declares no scope for GET",
    "/without-has-scope": "HasScope is not a mandatory part of its permissions",
    "/or-composed": "in AllowAny | HasScope a key comes in by AllowAny without its scopes",
    "/not-composed": "HasScope is not a mandatory part of its permissions",
    "/and-of-others": "HasScope is not a mandatory part of its permissions",
    "/misdeclared": "required_scopes for GET: ",
}


def lacks(*names: str, joined: str = " ") -> dict:
    text = joined.join(sorted(names))
    return {
        "title": "Forbidden",
        "status": 403,
        "error": "scope.insufficient",
        "detail": f"This API key does not have the required scope: {text}.",
        "required_scope": text,
    }


@pytest.mark.parametrize("path", SILENT)
def test_a_view_that_declares_nothing_refuses_every_token_and_every_stranger(
    api, issue, path, caplog, django_assert_num_queries
):
    key = {"X-API-Key": issue(scopes=EVERYTHING).api_key}
    for headers in (key, {}, {"X-API-Key": "junk"}):
        with django_assert_num_queries(0):
            response = api.get(path, headers=headers)
        assert response.status_code == 403
        assert response.json() == UNDECLARED
        assert "RateLimit" not in response
    assert f"accepts no token: {SILENT[path]}" in caplog.text


def test_check_names_a_view_of_a_dialect_that_is_not_configured():
    found = {m.msg for m in checks.views.check_views(None) if m.id == "apikeys.E022"}
    assert (
        "tests.support.apis.Files (GET /files) has no dialect: "
        "APIKEYS['DIALECTS'] has no dialect 'cms'." in found
    )


def test_check_names_every_view_that_refuses_all_tokens_and_no_other(settings):
    say(settings, DIALECTS=apis.DIALECTS)
    found = [m for m in checks.views.check_views(None) if isinstance(m, Error)]
    assert {m.id for m in found} == {"apikeys.E020"}
    named = {m.msg.split(" ")[0].rpartition(".")[2] for m in found}
    # Explicit says nothing of DELETE and PATCH; Note1 of all but GET; Actions of two handlers.
    assert named == {
        "Undeclared",
        "WithoutHasScope",
        "OrComposed",
        "NotComposed",
        "AndOfOthers",
        "Misdeclared",
        "Explicit",
        "Note1",
        "Actions",
        "AlmostOptedOut",
        "PermissionsByAction",
    }
    of_actions = [m.msg for m in found if ".Actions " in m.msg]
    assert len(of_actions) == 2
    assert "Actions (POST /^actions/undeclared$)" in of_actions[0] + of_actions[1]
    assert "Actions (DELETE /^actions/share$)" in of_actions[0] + of_actions[1]


@pytest.mark.parametrize(
    ("method", "scope"),
    [
        ("get", "notes:read"),
        ("head", "notes:read"),
        ("post", "notes:write"),
        ("put", "notes:write"),
        ("patch", "notes:write"),
        ("delete", "notes:delete"),
    ],
)
def test_scope_resource_demands_read_write_or_delete(api, issue, method, scope):
    for held in EVERYTHING:
        response = getattr(api.key(issue(scopes=[held])), method)("/protected")
        assert response.status_code == (200 if held == scope else 403)
        if held != scope and method != "head":
            assert response.json() == lacks(scope)
            assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "held", "missing"),
    [
        ("get", ["notes:read", "notes:write"], None),
        ("get", ["notes:read"], lacks("notes:write")),
        ("get", [], lacks("notes:read", "notes:write")),
        ("head", ["notes:read", "notes:write"], None),
        ("post", ["notes:write"], None),
        ("post", ["notes:delete"], None),
        ("post", ["notes:read"], lacks("notes:delete", "notes:write", joined=" or ")),
        ("put", ["notes:write"], None),
        ("put", ["notes:delete"], lacks("notes:write")),
        ("delete", EVERYTHING, UNDECLARED),
    ],
)
def test_required_scopes_say_it_method_by_method(api, issue, method, held, missing):
    response = getattr(api.key(issue(scopes=held)), method)("/explicit")
    assert response.status_code == (200 if missing is None else 403)
    if missing is not None:
        assert response.json() == missing


def test_the_answer_is_the_same_whatever_carried_the_token(api, issue):
    issued = issue(scopes=["notes:read"])
    for headers in (
        {"X-API-Key": issued.api_key},
        {"Authorization": f"Bearer {issued.api_key}"},
        headers_of(issued, "Basic"),
    ):
        assert api.get("/protected", headers=headers).status_code == 200
        assert api.post("/protected", headers=headers).json() == lacks("notes:write")


def test_two_routes_of_one_view_demand_what_each_says_for_itself(api, issue):
    reader, deleter = issue(scopes=["notes:read"]), issue(scopes=["notes:delete"])
    for _ in range(2):
        assert api.key(reader).get("/read-said-here").status_code == 200
        assert api.key(reader).get("/delete-said-here").json() == lacks("notes:delete")
        assert api.key(deleter).get("/read-said-here").json() == lacks("notes:read")
        assert api.key(deleter).get("/delete-said-here").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "held", "missing"),
    [
        ("get", "", ["notes:read"], None),
        ("post", "/undeclared", EVERYTHING, UNDECLARED),
        ("post", "/below", ["notes:delete"], None),
        ("post", "/below", ["notes:write"], lacks("notes:delete")),
        ("post", "/above", ["notes:write"], None),
        ("post", "/above", ["notes:read"], lacks("notes:delete", "notes:write", joined=" or ")),
        ("post", "/by_keyword", ["notes:read", "notes:write"], None),
        ("post", "/by_keyword", ["notes:write"], lacks("notes:read")),
        ("get", "/share", ["notes:read"], None),
        ("delete", "/share", EVERYTHING, UNDECLARED),
        ("post", "/share", ["notes:write"], None),
        ("post", "/share", ["notes:read"], lacks("notes:write")),
        ("get", "/pin", ["notes:read"], None),
        ("delete", "/pin", ["notes:delete"], None),
        ("delete", "/pin", ["notes:read"], lacks("notes:delete")),
    ],
)
def test_an_extra_action_states_its_own(api, issue, method, path, held, missing):
    response = getattr(api.key(issue(scopes=held)), method)(f"/actions{path}")
    assert response.status_code == (200 if missing is None else 403)
    if missing is not None:
        assert response.json() == missing


def test_scopes_not_needed_is_an_opt_out_in_writing(api, issue):
    assert api.key(issue(scopes=[])).get("/opted-out").status_code == 200
    api.credentials()
    assert api.get("/opted-out").status_code == 401


def test_only_true_opts_out(api, issue):
    response = api.key(issue(scopes=["notes:read"])).get("/almost-opted-out")
    assert response.json() == lacks("notes:delete")


def test_composed_with_and_it_is_mandatory(api, issue):
    assert api.key(issue()).get("/and-composed").status_code == 200
    assert api.post("/and-composed").json() == lacks("notes:write")
    api.credentials()
    assert api.get("/and-composed").status_code == 401


def test_permissions_that_depend_on_the_action_are_judged_for_each(api, issue):
    api.key(issue(scopes=EVERYTHING))
    assert api.options("/by-action").status_code == 200
    assert api.get("/by-action").status_code == 200
    assert api.post("/by-action").json() == UNDECLARED
    api.credentials()
    assert api.options("/by-action").status_code == 401
    assert api.post("/by-action").json() == UNDECLARED


def test_options_costs_no_scope_and_is_no_refusal(api, issue, caplog):
    issued = issue(scopes=["notes:read"])
    for path in ("/notes", "/notes/00000000-0000-4000-8000-000000000000", "/protected", "/actions"):
        response = api.key(issued).options(path)
        assert response.status_code == 200
        assert "actions" not in response.json()
    usage.flush()
    assert not RefusalCounter.objects.exists()
    assert [c.outcome for c in UsageCounter.objects.all()] == ["success"]
    assert "refused" not in caplog.text
    described = api.key(issue(scopes=EVERYTHING)).options("/notes").json()
    assert set(described["actions"]) == {"POST"}
    api.credentials()
    assert api.options("/notes").status_code == 401


def test_a_method_without_a_handler_is_a_405_that_lists_the_others(api, issue):
    api.key(issue(scopes=[]))
    for method in ("PUT", "PURGE", "TRACE", "DISPATCH", "GET_QUERYSET"):
        response = api.generic(method, "/only-get", secure=True)
        assert response.status_code == 405
        assert response["Allow"] == "GET, HEAD, OPTIONS"
        assert response.json() == {
            "title": "Method Not Allowed",
            "status": 405,
            "error": "method_not_allowed",
            "detail": f'Method "{method}" not allowed.',
        }
    assert api.put("/actions").status_code == 405
    api.credentials()
    assert api.put("/only-get").status_code == 401


def test_a_header_that_overrides_the_method_does_nothing(api, issue, production):
    note = Note.objects.create(workspace=production, text="kept")
    api.key(issue(scopes=["notes:read"]))
    for override in ("DELETE", "PATCH"):
        headers = {"X-HTTP-Method-Override": override, "X-Method-Override": override}
        assert api.get(f"/notes/{note.public_id}", headers=headers).status_code == 200
        assert api.post(f"/notes/{note.public_id}?_method={override}").status_code == 405
    assert Note.objects.get().text == "kept"


def test_a_read_only_token_changes_nothing_by_any_method(api, issue, production):
    Note.objects.create(workspace=production, text="kept")
    api.key(issue(scopes=["notes:read"]))
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "MOVE"):
        body = '{"text": "changed"}'
        api.generic(method, "/notes", body, content_type="application/json", secure=True)
    assert [note.text for note in Note.objects.all()] == ["kept"]


def test_another_workspaces_object_is_the_same_404_as_a_missing_one(
    api, issue, production, development
):
    note = Note.objects.create(workspace=production, text="ours")
    assert api.key(issue()).get(f"/notes/{note.public_id}").status_code == 200
    api.key(issue(workspace=development))
    foreign = api.get(f"/notes/{note.public_id}")
    missing = api.get("/notes/00000000-0000-4000-8000-000000000000")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.content == missing.content
    assert dict(foreign.items()) == dict(missing.items())
    assert api.get("/notes").json() == []


def test_what_a_token_makes_lies_in_its_workspace(api, issue, development):
    api.key(issue(workspace=development, scopes=["notes:write"]))
    made = api.post("/notes", {"text": "new", "workspace": 1}, format="json")
    assert made.status_code == 201
    assert Note.objects.get().workspace == development


def test_not_even_a_careless_serializer_moves_an_object_out_of_its_workspace(
    api, issue, production, development
):
    api.key(issue(scopes=EVERYTHING))
    elsewhere = {"text": "new", "workspace": development.pk}
    made = api.post("/careless", elsewhere, format="json")
    assert made.status_code == 201
    changed = api.patch(f"/careless/{made.json()['id']}", elsewhere, format="json")
    assert changed.status_code == 200
    assert Note.objects.get().workspace == production


def test_without_a_token_there_is_nothing_in_any_workspace(api, issue, production):
    Note.objects.create(workspace=production, text="ours")
    assert len(api.key(issue()).get("/open-notes").json()) == 1
    api.credentials()
    stranger = api.get("/open-notes")
    assert (stranger.status_code, stranger.json()) == (200, [])


def test_has_scope_behind_another_authenticator_lets_nobody_through(make_user, rf):
    user = make_user("dora@example.org")
    view = apis.Protected.as_view(authentication_classes=[apis.SessionAuthentication])
    request = APIRequestFactory().get("/")
    request.user = user
    assert view(request).status_code == 403


def test_without_a_view_nothing_is_declared_and_nothing_demanded(api, issue, rf):
    from rest_framework.request import Request

    issued = issue()
    http = rf.get("/", headers={"X-API-Key": issued.api_key}, secure=True)
    request = Request(http, authenticators=[AccessTokenAuthentication()])
    assert request.auth.token_id == issued.token.token_id


def test_a_requirement_of_nothing_is_an_error_where_it_is_written():
    with pytest.raises(ValueError, match="at least one scope"):
        requires_scopes()
    with pytest.raises(ValueError, match="scope name"):
        requires_scopes("Notes Read")

    @requires_scopes("a:b", "c:d")
    def view():
        pass

    assert view.required_scopes == {"a:b", "c:d"}
    assert requires_scopes(any_of("a", "b"))(lambda: None).required_scopes == any_of("a", "b")


def test_a_verdict_is_made_once_for_a_view_and_a_handler(api, issue, monkeypatch):
    issued = issue()
    assert api.key(issued).get("/protected").status_code == 200
    monkeypatch.setattr(endpoints, "_declare", None)
    assert api.key(issued).get("/protected").status_code == 200


def test_a_scope_that_left_the_dialect_is_held_no_more(api, issue, settings):
    issued = issue()
    say(settings, SCOPES={"notes:write": "Write"})
    assert api.key(issued).get("/protected").json() == lacks("notes:read")


@pytest.mark.parametrize("scopes", [[], ["tokens:manage"], ["unknown:name"]])
def test_what_is_not_granted_opens_nothing(api, issue, scopes):
    issued = issue(scopes=[])
    type(issued.token).objects.filter(pk=issued.token.pk).update(scopes=scopes)
    for method in ("get", "post", "put", "patch", "delete"):
        assert getattr(api.key(issued), method)("/protected").status_code == 403
