"""What a view declares is asked of one route and method, and remembered for no other."""

from __future__ import annotations

import pytest
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.viewsets import ViewSet

from apikeys.permissions import HasScope, Undeclared, declaration, requires_scopes


class Notes(ViewSet):
    """A list and a detail route that take the same methods for different things."""

    permission_classes = [HasScope]
    required_scopes = {
        "GET": {"notes:read"},
        "HEAD": {"notes:peek"},
        "POST": {"notes:write"},
    }

    def list(self, request):
        raise NotImplementedError

    def create(self, request):
        raise NotImplementedError

    @requires_scopes("notes:publish")
    @action(methods=["post"], detail=True)
    def publish(self, request, pk):
        raise NotImplementedError


class Open(Notes):
    """Its permissions do not include ``HasScope``."""

    permission_classes = [AllowAny]


class ByGetAlone(Notes):
    required_scopes = {"GET": {"notes:read"}}


def route(view_set, action_name, **methods):
    view = view_set()
    view.action_map = methods
    view.action = action_name
    return view


def test_head_is_judged_by_its_own_entry_and_by_that_of_get_where_there_is_none():
    routes = {"get": "list", "head": "list"}
    assert declaration(route(Notes, "list", **routes), "HEAD") == {"notes:peek"}
    assert declaration(route(Notes, "list", **routes), "GET") == {"notes:read"}
    assert declaration(route(ByGetAlone, "list", **routes), "HEAD") == {"notes:read"}
    with pytest.raises(Undeclared, match="no entry for POST"):
        declaration(route(ByGetAlone, "create", post="create"), "POST")


@pytest.mark.parametrize("turn", [1, -1])
def test_options_asks_each_route_of_a_view_set_for_itself(turn):
    asked = [
        (route(Notes, "metadata", get="list", post="create"), {"notes:write"}),
        (route(Notes, "metadata", post="publish"), {"notes:publish"}),
    ][::turn]
    for _ in range(2):
        for view, scopes in asked:
            assert declaration(view, "POST") == scopes


def test_what_options_was_told_is_not_taken_for_what_a_method_needs():
    declaration(route(Notes, "metadata", post="publish"), "POST")
    assert declaration(route(Notes, "create", post="create"), "POST") == {"notes:write"}


def test_options_of_a_view_set_without_a_mandatory_has_scope_is_refused():
    assert declaration(route(Notes, "metadata", get="list"), "OPTIONS") is None
    with pytest.raises(Undeclared, match="HasScope is not a mandatory part"):
        declaration(route(Open, "metadata", get="list"), "OPTIONS")
