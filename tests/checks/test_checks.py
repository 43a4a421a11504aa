"""`manage.py check`: each message appears for its mistake and is silent for the rest."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.http import HttpResponse
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from apikeys import checks
from apikeys.authentication import AccessTokenAuthentication
from apikeys.limits import Limit
from apikeys.middleware import TrustedProxyMiddleware
from apikeys.models import AccessToken
from apikeys.permissions import HasScope
from apikeys.throttling import AccessTokenThrottle

urlpatterns: list = []


def with_settings(**changes):
    return override_settings(APIKEYS={**django_settings.APIKEYS, **changes})


def ids(messages):
    return [message.id for message in messages]


def test_the_project_itself_has_nothing_to_say():
    assert checks.settings.check_settings(None) == []
    assert checks.wiring.check_wiring(None) == []
    assert checks.views.check_views(None) == []
    assert checks.authenticators.check_authenticators(None) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"SCOPE": {}}, "Did you mean 'SCOPES'?"),
        ({"SCOPES": {"Not A Scope": "x"}}, "is not a scope name"),
        ({"DIALECTS": {"own": "tests.nowhere.Own"}}, "No module named"),
        ({"DIALECTS": {"own": "tests.checks.test_checks.Plain"}}, "is not a Dialect"),
        ({"LIMITS": {"log_in": "often"}}, "is not a rate"),
        ({"LIMITS_STORAGE": "memcached://u:hunter2@h"}, "use memory:// or redis://"),
        ({"AUTOMATION_USER": "token"}, "such as mysite.users.token"),
        ({"AUTOMATION_USER": "mysite users.token"}, "must be a dotted path"),
        ({"AUTOMATION_USER": "tests.nowhere.account"}, "No module named"),
        ({"AUTOMATION_USER": "tests.checks.test_checks.nobody"}, "nobody"),
        ({"AUTOMATION_USER": "tests.checks.test_checks.urlpatterns"}, "can't be called"),
        ({"REAUTHENTICATED_AT": "tests.nowhere.at"}, "No module named"),
        ({"REAUTHENTICATED_AT": "tests.checks.test_checks.urlpatterns"}, "can't be called"),
        ({"REAUTHENTICATE_URL": "no-such-name"}, "REAUTHENTICATE_URL"),
    ],
)
def test_settings_that_can_t_be_used_are_an_error(changes, says):
    with with_settings(**changes):
        found = checks.settings.check_settings(None)
    assert ids(found) == ["apikeys.E001"]
    assert says in found[0].msg
    assert "hunter2" not in found[0].msg


def test_argon2_without_its_library_is_an_error(monkeypatch):
    with with_settings(TOKEN_HASHER="argon2"):
        assert checks.settings.check_settings(None) == []
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        assert ids(checks.settings.check_settings(None)) == ["apikeys.E002"]
    assert checks.settings.check_settings(None) == []


def test_redis_without_its_library_is_an_error_that_names_the_extra(monkeypatch):
    with with_settings(LIMITS_STORAGE="redis://127.0.0.1:1/5?here=1"):
        monkeypatch.setitem(sys.modules, "redis", None)
        (found,) = checks.settings.check_settings(None)
        assert (found.id, found.hint) == ("apikeys.E005", "pip install 'django-apikeys[redis]'")
        assert checks.clock._of_redis() is None
        monkeypatch.undo()
        assert checks.settings.check_settings(None) == []


def test_the_operators_table_of_checks_has_every_id():
    root = Path(__file__).resolve().parents[2]
    sources = "".join(path.read_text() for path in (root / "apikeys/checks").glob("*.py"))
    rows = re.findall(r"(?m)^\| `(apikeys\.[EW]\d+)` \|", (root / "docs/operating.md").read_text())
    assert rows == sorted(rows, key=lambda row: (int(row[-3:]), row))
    assert sorted(rows) == sorted(set(re.findall(r'id="(apikeys\.[EW]\d+)"', sources)))


@override_settings(USE_TZ=False)
def test_naive_times_are_an_error():
    assert ids(checks.settings.check_settings(None)) == ["apikeys.E003"]


def test_each_missing_wire_is_named_with_what_to_write(settings):
    settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if not m.startswith("apikeys")]
    settings.REST_FRAMEWORK = {}
    settings.ROOT_URLCONF = "tests.checks.test_checks"
    found = checks.wiring.check_wiring(None)
    assert ids(found) == ["apikeys.E010", "apikeys.E011"]
    found += checks.urlconfs.check_urlconfs(None)
    assert ids(found) == ["apikeys.E010", "apikeys.E011", "apikeys.W012"]
    assert "apikeys.middleware.AccessTokenMiddleware" in found[0].hint
    assert "apikeys.exceptions.exception_handler" in found[1].hint
    assert 'include("apikeys.api.urls")' in found[2].hint


class Plain(APIView):
    """Somebody else's business."""

    def get(self, request):
        return Response()


class Ours(APIView):
    authentication_classes = (AccessTokenAuthentication,)
    permission_classes = (HasScope,)

    def get(self, request):
        return Response()


class Declared(Ours):
    required_scopes = {"GET": {"notes:read"}}


class Optional(Ours):
    permission_classes = (IsAuthenticated | HasScope,)
    required_scopes = {"GET": {"notes:read"}}


class Without(Ours):
    permission_classes = (IsAuthenticated,)
    required_scopes = {"GET": {"notes:read"}}


class Misspelt(Ours):
    required_scopes = {"GET": {"note:read"}}


class OptedOut(Ours):
    scopes_not_needed = True


class ByAction(ViewSet):
    authentication_classes = (AccessTokenAuthentication,)
    permission_classes = (HasScope,)
    scope_resource = "notes"

    def list(self, request):
        return Response()

    @action(detail=False, methods=["post"])
    def polish(self, request):
        return Response()


def view_checks(settings, *patterns):
    urlpatterns[:] = patterns
    settings.ROOT_URLCONF = "tests.checks.test_checks"
    from django.urls import clear_url_caches

    clear_url_caches()
    return checks.views.check_views(None)


@pytest.mark.parametrize("view", [Plain, Declared, OptedOut])
def test_a_view_that_says_what_it_needs_is_passed_over(settings, view):
    assert view_checks(settings, path("here", view.as_view())) == []


@pytest.mark.parametrize("view", [Ours, Optional, Without])
def test_a_view_that_would_refuse_every_token_is_named_with_its_method(settings, view):
    found = view_checks(settings, path("deep/", include([path("here", view.as_view())])))
    assert ids(found) == ["apikeys.E020"]
    assert f"tests.checks.test_checks.{view.__name__} (GET /deep/here)" in found[0].msg


class Graph(View):
    """A view of another framework, which answers by itself."""

    def dispatch(self, request, *args, **kwargs):
        return HttpResponse()


class HandsOn:
    def dispatch(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)


class GraphFirst(Graph, Ours):
    """Nobody asks for a key, and no method of DRF's is there."""

    get = None


class GraphLast(Declared, Graph): ...


@method_decorator(never_cache, name="dispatch")
class Decorated(HandsOn, Declared):
    cost = 1


@pytest.mark.parametrize(
    ("view", "found"), [(GraphFirst, ["apikeys.E024"]), (GraphLast, []), (Decorated, [])]
)
def test_a_view_that_never_asks_for_a_key_is_an_error(settings, view, found):
    view_checks(settings, path("here", view.as_view()))
    messages = checks.authenticators.check_authenticators(None)
    assert ids(messages) == found
    if messages:
        assert messages[0].msg.endswith(
            "GraphFirst (/here) answers without a key: dispatch is that of Graph."
        )


class Uncounted(Ours):
    scope_resource = "notes"
    limits = [Limit("1/hour")]


class Counted(Uncounted):
    throttle_classes = [AccessTokenThrottle]


def test_limits_that_nothing_counts_are_an_error(settings):
    [found] = view_checks(settings, path("here", Uncounted.as_view()))
    assert (found.id, found.hint) == (
        "apikeys.E027",
        "Add AccessTokenThrottle to its throttle_classes.",
    )
    assert found.msg.endswith("Uncounted (GET /here) declares limits, and nothing counts them.")
    assert view_checks(settings, path("here", Counted.as_view())) == []


def test_a_scope_that_no_token_can_hold_is_a_warning(settings):
    found = view_checks(settings, path("here", Misspelt.as_view()))
    assert ids(found) == ["apikeys.W021"]
    assert "note:read" in found[0].msg


def test_each_action_of_a_view_set_is_looked_at(settings):
    router = SimpleRouter(trailing_slash=False)
    router.register("here", ByAction, basename="here")
    found = view_checks(settings, *router.urls)
    assert ids(found) == ["apikeys.E020"]
    assert "(POST /^here/polish$)" in found[0].msg


def test_settings_that_can_t_be_read_are_told_once(settings):
    settings.APIKEYS = {"NONSENSE": 1}
    assert view_checks(settings, path("here", Ours.as_view())) == []


@pytest.mark.django_db  # Django 6.1 asks SQLite whether it knows JSON
def test_manage_check_fails_for_such_a_view(settings):
    view_checks(settings, path("here", Ours.as_view()))
    with pytest.raises(SystemCheckError, match=r"Ours .* accepts no token"):
        call_command("check", "apikeys")


def test_a_deployment_without_pepper_redis_or_https_is_warned_of_each():
    with with_settings(PEPPERS={}, LIMITS_STORAGE="memory://", REQUIRE_HTTPS=False):
        found = checks.deployment.check_deployment(None)
    assert ids(found) == ["apikeys.W030", "apikeys.W031", "apikeys.W032"]
    with with_settings(LIMITS_STORAGE="redis://h", REQUIRE_HTTPS=True):
        assert checks.deployment.check_deployment(None) == []
    known = {1: "replace-me-0123456789abcdefghijklmnop", 2: "a" * 64}
    with with_settings(PEPPERS=known, LIMITS_STORAGE="redis://h", REQUIRE_HTTPS=True):
        assert ids(checks.deployment.check_deployment(None)) == ["apikeys.W034"]
    with with_settings(NONSENSE=1):
        assert checks.deployment.check_deployment(None) == []


def test_the_example_of_the_readme_is_the_pepper_that_is_warned_of():
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    assert '"PEPPERS": {1: "replace-me-' in readme


PROXIES = "apikeys.middleware.TrustedProxyMiddleware"


def test_pages_behind_a_proxy_need_a_middleware_or_django_s_own_header(settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != PROXIES]
    settings.SECURE_PROXY_SSL_HEADER = None
    proxied = with_settings(
        LIMITS_STORAGE="redis://h", REQUIRE_HTTPS=True, TRUSTED_PROXIES=["10.0.0.0/8"]
    )
    with proxied:
        (found,) = checks.deployment.check_deployment(None)
        assert found.id == "apikeys.W033"
        assert f'MIDDLEWARE = ["{PROXIES}", …]' in found.hint
        with override_settings(MIDDLEWARE=[f"{__name__}.OwnProxies", *settings.MIDDLEWARE]):
            assert checks.deployment.check_deployment(None) == []
        with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
            assert checks.deployment.check_deployment(None) == []
        without_pages = [name for name in settings.INSTALLED_APPS if name != "dashboard"]
        with override_settings(INSTALLED_APPS=without_pages):
            assert checks.deployment.check_deployment(None) == []


class OwnProxies(TrustedProxyMiddleware):
    """A host's own."""


def test_the_warning_of_plain_http_names_the_setting_that_allows_it():
    own = {key: value for key, value in django_settings.APIKEYS.items() if key != "REQUIRE_HTTPS"}
    with with_settings(REQUIRE_HTTPS=False):
        said = [found.hint for found in checks.deployment.check_deployment(None)]
    assert 'Leave out APIKEYS["REQUIRE_HTTPS"].' in said
    with override_settings(APIKEYS=own, DEBUG=True):
        said = [found.hint for found in checks.deployment.check_deployment(None)]
    assert "Set DEBUG = False." in said


def test_a_pepper_that_a_live_token_needs_is_missed(issue):
    token = issue().token
    assert checks.database.check_peppers(None, databases=["default"]) == []
    with with_settings(PEPPERS={2: "b" * 64}):
        found = checks.database.check_peppers(None, databases=["default"])
        assert ids(found) == ["apikeys.E040"]
        assert "need pepper 1" in found[0].msg
        assert checks.database.check_peppers(None, databases=None) == []
        AccessToken.objects.filter(pk=token.pk).update(revoked_at=token.created_at)
        assert checks.database.check_peppers(None, databases=["default"]) == []
    with with_settings(NONSENSE=1):
        assert checks.database.check_peppers(None, databases=["default"]) == []


def test_a_token_that_waits_for_its_owner_or_its_organization_needs_its_pepper(issue, acme):
    token = issue().token
    AccessToken.objects.filter(pk=token.pk).update(disabled_at=token.created_at)
    type(acme).objects.filter(pk=acme.pk).update(suspended_at=token.created_at)
    with with_settings(PEPPERS={2: "b" * 64}):
        assert ids(checks.database.check_peppers(None, databases=["default"])) == ["apikeys.E040"]
        AccessToken.objects.filter(pk=token.pk).update(expires_at=timezone.now())
        assert checks.database.check_peppers(None, databases=["default"]) == []


def test_peppers_are_looked_for_in_the_table_of_tokens_alone(issue):
    issue()
    with with_settings(PEPPERS={2: "b" * 64}), CaptureQueriesContext(connection) as asked:
        checks.database.check_peppers(None, databases=["default"])
    [sql] = [one["sql"] for one in asked if "digest" in one["sql"]]
    assert "JOIN" not in sql
    assert "EXISTS" not in sql


def test_peppers_are_not_missed_before_the_first_migration(monkeypatch, db):
    monkeypatch.setattr(connection.introspection, "table_names", lambda: [])
    assert checks.database.check_peppers(None, databases=["default"]) == []


def test_an_id_belongs_to_one_subject():
    modules = list(Path(checks.__path__[0]).glob("*.py"))
    found = [
        (name, path.stem)
        for path in modules
        for name in set(re.findall(r'id="(apikeys\.[A-Z][0-9]{3})"', path.read_text()))
    ]
    assert len(found) > 15
    assert len({name for name, _ in found}) == len(found)
