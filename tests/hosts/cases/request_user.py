"""What request.user is, and what other packages make of it, under each `AUTOMATION_USER`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.hosts.papers import MODELS, VIEWS, Case, host, routes
from tests.hosts.people import recipe
from tests.hosts.visit import same

# Written as by who thinks of people alone.
NAIVE = """

class Naive(Papers):
    def perform_create(self, serializer):
        token = self.request.auth
        serializer.save(workspace=token.workspace, made_with=token.token_id{more})
"""


def _by_the_recipe(case: Case) -> None:
    for issued, person in ((case.automation, None), (case.personal, case.visit.alice)):
        answer = case.write(issued)
        same(answer.status_code, 201, f"{case.choice}: {answer.content[-500:]!r}")
        paper = case.written()
        said = (paper.created_by, paper.made_with, paper.workspace)
        same(said, (person, issued.token.token_id, case.visit.workspace), case.choice)
    listed = case.visit.get("/papers", case.automation.api_key).json()
    assert {row["made_with"] for row in listed} >= {case.automation.token.token_id}
    elsewhere = case.visit.issue(
        "notes:read", workspace=case.visit.acme.workspaces.get(slug="production")
    )
    same(case.visit.get("/papers", elsewhere.api_key).json(), [], "another workspace's")


def _by_user(case: Case) -> None:
    """``created_by=request.user``, ``CurrentUserDefault`` and a filter by it."""
    from papers.models import Paper

    answer = case.write(case.personal)
    same((answer.status_code, case.written().created_by), (201, case.visit.alice), "personal")
    answer = case.write(case.automation)
    same(answer.status_code, 500 if case.row is None else 201, case.choice)
    if case.row is not None:
        same(case.written().created_by, case.row, "automation")
        same(Paper.objects.filter(created_by=case.user).count(), 1, "a filter")


def _permissions(case: Case) -> None:
    from django.contrib.auth.models import Permission
    from papers.views import Papers
    from rest_framework.permissions import DjangoModelPermissions, IsAdminUser, IsAuthenticated
    from rest_framework.throttling import UserRateThrottle

    from apikeys.permissions import HasScope

    def asked(*classes: Any) -> int:
        Papers.permission_classes = [HasScope, *classes]
        return int(case.write(case.automation).status_code)

    authenticated = 403 if case.choice == "anonymous" else 201
    same(asked(IsAuthenticated), authenticated, f"IsAuthenticated, {case.choice}")
    same(asked(IsAdminUser), 403, f"IsAdminUser, {case.choice}")
    same(asked(DjangoModelPermissions), 403, f"DjangoModelPermissions, {case.choice}")
    if case.row is not None:
        case.row.user_permissions.add(Permission.objects.get(codename="add_paper"))
        same(asked(DjangoModelPermissions), 201, "granted to the row")
    same(asked(), 201, "HasScope alone")

    class Throttle(UserRateThrottle):
        rate, scope = "9/day", "papers"

    counted = {"token": f"token:{case.automation.token.token_id}", "anonymous": "192.0.2.1"}
    request = SimpleNamespace(user=case.user, META={"REMOTE_ADDR": "192.0.2.1"}, headers={})
    key = Throttle().get_cache_key(request, None)
    same(key, f"throttle_papers_{counted.get(case.choice) or case.user.pk}", "counted by")


def _simple_history(case: Case) -> None:
    for issued, person in ((case.automation, case.row), (case.personal, case.visit.alice)):
        answer = case.write(issued)
        same(answer.status_code, 201, f"{case.choice}: {answer.content[-500:]!r}")
        [entry] = case.written().history.all()
        same(entry.history_user, person, case.choice)


def _simple_history_by_itself(case: Case) -> None:
    answer = case.write(case.automation)
    same(answer.status_code, 500 if case.choice == "token" else 201, case.choice)
    found = [entry.history_user for entry in case.written().history.all()]
    same(found, [] if case.choice == "token" else [case.row], case.choice)


def _reversion(case: Case) -> None:
    from reversion.models import Revision

    answer = case.write(case.personal)
    same((answer.status_code, Revision.objects.latest("pk").user), (201, case.visit.alice), "own")
    answer = case.write(case.automation)
    same(answer.status_code, 500 if case.choice == "token" else 201, case.choice)
    if case.choice != "token":
        same(Revision.objects.latest("pk").user, case.row, case.choice)


def _auditlog(case: Case) -> None:
    from auditlog.models import LogEntry

    for issued, person in ((case.automation, case.row), (case.personal, case.visit.alice)):
        answer = case.write(issued)
        same(answer.status_code, 201, f"{case.choice}: {answer.content[-500:]!r}")
        entry = LogEntry.objects.get_for_object(case.written()).latest("pk")
        same(entry.actor, person, case.choice)


def _guardian(case: Case) -> None:
    from guardian.exceptions import NotUserNorGroup
    from guardian.shortcuts import assign_perm, get_perms

    same(case.write(case.automation).status_code, 201, case.choice)
    paper = case.written()
    if case.choice == "token":
        try:
            get_perms(case.user, paper)
        except NotUserNorGroup:
            return
        raise AssertionError("guardian takes the principal for a user")
    same(get_perms(case.user, paper), [], case.choice)
    if case.row is not None:
        assign_perm("change_paper", case.row, paper)
        same(
            (get_perms(case.row, paper), case.row.has_perm("papers.change_paper", paper)),
            (["change_paper"], True),
            "granted to the row",
        )


def _rules(case: Case) -> None:
    import rules

    same(case.write(case.automation).status_code, 201, case.choice)
    same(rules.has_perm("papers.retract", case.user), case.choice != "token", case.choice)
    same(rules.has_perm("papers.retract", case.visit.alice), True, "alice")
    same(rules.is_staff(case.user), False, "rules' own predicate")


def _tracking(case: Case) -> None:
    from rest_framework_tracking.models import APIRequestLog

    before = APIRequestLog.objects.count()
    same(case.write(case.automation).status_code, 201, case.choice)
    logged = APIRequestLog.objects.order_by("pk")[before:]
    found = [(entry.user, entry.username_persistent) for entry in logged]
    name = case.row.get_username() if case.row is not None else "Anonymous"
    same(found, [] if case.choice == "token" else [(case.row, name)], case.choice)
    assert case.automation.secret not in str([vars(entry) for entry in APIRequestLog.objects.all()])


def _kept(records: str, imported: str) -> str:
    """The model with a history."""
    return f"{imported}\n{MODELS}    history = {records}\n"


HISTORY = """
INSTALLED_APPS += ["simple_history"]
MIDDLEWARE += ["simple_history.middleware.HistoryRequestMiddleware"]
"""
HOSTS = [
    host("the recipe for who made it", _by_the_recipe),
    host(
        "created_by=request.user",
        _by_user,
        view="Naive",
        files={"papers/views.py": VIEWS + NAIVE.format(more=", created_by=self.request.user")},
    ),
    host("permissions and throttles of DRF", _permissions),
    host(
        "simple-history with get_user",
        _simple_history,
        settings=HISTORY,
        packages=("django-simple-history",),
        files={
            "papers/history.py": recipe("papers/history.py"),
            "papers/models.py": _kept("records()", "from papers.history import records"),
        },
    ),
    host(
        "simple-history by itself",
        _simple_history_by_itself,
        settings=HISTORY,
        packages=("django-simple-history",),
        files={
            "papers/models.py": _kept(
                "HistoricalRecords()", "from simple_history.models import HistoricalRecords"
            ),
        },
    ),
    host(
        "django-reversion",
        _reversion,
        view="Revised",
        settings='\nINSTALLED_APPS += ["reversion"]\n',
        packages=("django-reversion",),
        files={
            "papers/models.py": f"import reversion\n{MODELS}\n\nreversion.register(Paper)\n",
            "papers/views.py": f"from reversion.views import RevisionMixin\n{VIEWS}\n\n"
            "class Revised(RevisionMixin, Papers):\n    pass\n",
        },
    ),
    host(
        "django-auditlog",
        _auditlog,
        view="AuditedPapers",
        settings="""
INSTALLED_APPS += ["auditlog"]
MIDDLEWARE += ["auditlog.middleware.AuditlogMiddleware"]
""",
        packages=("django-auditlog",),
        files={
            "papers/models.py": f"from auditlog.registry import auditlog\n{MODELS}\n\n"
            "auditlog.register(Paper)\n",
            "papers/audited.py": recipe("papers/audited.py"),
            "mysite/urls.py": routes("AuditedPapers", "audited"),
        },
    ),
    host(
        "django-guardian",
        _guardian,
        settings="""
INSTALLED_APPS += ["guardian"]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
""",
        packages=("django-guardian",),
    ),
    host(
        "rules",
        _rules,
        settings='\nINSTALLED_APPS += ["rules.apps.AutodiscoverRulesConfig"]\n',
        packages=("rules",),
        files={"papers/rules.py": recipe("papers/rules.py")},
    ),
    host(
        "drf-api-tracking of people and tokens",
        _tracking,
        view="Logged",
        settings='\nINSTALLED_APPS += ["rest_framework_tracking"]\n',
        packages=("drf-api-tracking",),
        files={
            "papers/views.py": "from rest_framework_tracking.mixins import LoggingMixin\n"
            f"{VIEWS}\n\nclass Logged(LoggingMixin, Papers):\n    pass\n",
        },
    ),
]
