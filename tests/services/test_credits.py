"""Credits: granted by the operator, taken by requests that cost, given back on failure."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.http import Http404
from django.urls import path
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from apikeys.authentication import AccessTokenAuthentication
from apikeys.credits import ChargesCredits
from apikeys.limits import Limit
from apikeys.models import AuditEvent, Organization
from apikeys.permissions import HasScope
from apikeys.services.actors import Actor
from apikeys.services.credits import LARGEST_BALANCE, LARGEST_GRANT, grant_credits
from apikeys.services.errors import Invalid, NotAllowed
from apikeys.throttling import AccessTokenThrottle
from tests.conftest import SecureAPIClient

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


class Priced(ChargesCredits, APIView):
    authentication_classes = (AccessTokenAuthentication,)
    permission_classes = (HasScope,)
    scope_resource = "notes"
    throttle_classes = (AccessTokenThrottle,)
    limits = (Limit("100/hour", on="write"),)
    cost = {"POST": 5}

    def get(self, request):
        return Response({})

    def post(self, request):
        match request.query_params.get("end"):
            case "404":
                raise Http404
            case "400":
                raise ValidationError({"file": "is missing"})
            case "returned":
                return Response({}, status=422)
            case "fault":
                raise RuntimeError("a fault of ours")
        return Response({"balance": Organization.objects.get(slug="acme").credits})


class PricedToRead(Priced):
    cost = {"GET": 3}


class Limited(Priced):
    limits = (Limit("1/hour", on="write"),)


class Cheap(Priced):
    cost = 1


class PricedSet(ChargesCredits, ViewSet):
    authentication_classes = (AccessTokenAuthentication,)
    permission_classes = (HasScope,)
    scopes_not_needed = True
    cost = 2

    def list(self, request):
        return Response({})

    @action(detail=False)
    def dear(self, request):
        return Response({})

    dear.cost = 7


class Anonymous(Priced):
    anonymous_access = "everyone"


urlpatterns = [
    path("priced", Priced.as_view()),
    path("read", PricedToRead.as_view()),
    path("limited", Limited.as_view()),
    path("cheap", Cheap.as_view()),
    path("set", PricedSet.as_view({"get": "list"})),
    path("set/dear", PricedSet.as_view({"get": "dear"})),
    path("anonymous", Anonymous.as_view()),
]

WRITER = ("notes:read", "notes:write")


def balance():
    return Organization.objects.get(slug="acme").credits


def put(amount):
    Organization.objects.filter(slug="acme").update(credits=amount)


@pytest.fixture
def writer(api, issue):
    return api.key(issue(scopes=WRITER))


def test_an_organization_starts_with_500_credits(acme):
    assert acme.credits == 500


def test_a_request_is_paid_before_its_handler_runs(writer):
    assert writer.post("/priced").json() == {"balance": 495}
    assert balance() == 495


def test_head_costs_what_get_does_because_its_handler_runs(writer):
    assert writer.head("/read").status_code == 200
    assert balance() == 497
    assert writer.get("/read").status_code == 200
    assert balance() == 494


def test_methods_without_a_price_cost_nothing(writer):
    assert writer.get("/priced").status_code == 200
    assert writer.options("/priced").status_code == 200
    assert balance() == 500


def test_too_few_credits_are_a_402_that_says_how_many_and_takes_none(writer):
    put(2)
    response = writer.post("/priced")
    assert response.status_code == 402
    assert response.json() == {
        "title": "Payment Required",
        "status": 402,
        "error": "entitlements.insufficient_credits",
        "detail": "Insufficient credits. Required: 5, Available: 2",
        "required": 5,
        "available": 2,
    }
    assert balance() == 2


def test_the_last_credits_can_be_spent(writer):
    put(5)
    assert writer.post("/priced").status_code == 200
    assert balance() == 0


@pytest.mark.parametrize(("end", "status"), [("404", 404), ("400", 400), ("returned", 422)])
@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.django_db(transaction=True)
def test_a_4xx_gives_the_credits_back(writer, monkeypatch, atomic, end, status):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic)
    assert writer.post(f"/priced?end={end}").status_code == status
    assert balance() == 500


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.django_db(transaction=True)
def test_a_fault_of_ours_gives_the_credits_back(api, issue, settings, monkeypatch, atomic, debug):
    settings.DEBUG = debug
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic)
    api.key(issue(scopes=WRITER)).raise_request_exception = False
    assert api.post("/priced?end=fault").status_code == 500
    assert balance() == 500


@pytest.mark.django_db(transaction=True)
def test_a_success_under_atomic_requests_is_paid_once(writer, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert writer.post("/priced").status_code == 200
    assert balance() == 495


def test_credits_that_cannot_be_given_back_are_logged_and_the_answer_stands(
    writer, monkeypatch, caplog
):
    from django.db import OperationalError

    from apikeys.services import credits as service

    def fail(**kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr(service, "give_back_credits", fail)
    assert writer.post("/priced?end=404").status_code == 404
    assert "5 credits not given back to acme" in caplog.text


def test_a_key_without_the_scope_pays_nothing(api, issue):
    assert api.key(issue(scopes=["notes:read"])).post("/priced").status_code == 403
    assert balance() == 500


def test_a_request_beyond_a_limit_pays_nothing(writer):
    assert writer.post("/limited").status_code == 200
    assert writer.post("/limited").status_code == 429
    assert balance() == 495


def test_a_method_the_view_does_not_have_pays_nothing(writer):
    put(0)
    assert writer.put("/cheap").status_code == 405


def test_a_request_without_a_token_on_an_open_view_pays_nothing(api, acme):
    assert api.post("/anonymous").status_code == 200
    assert balance() == 500


def test_an_extra_action_may_have_a_price_of_its_own(writer):
    assert writer.get("/set").status_code == 200
    assert balance() == 498
    assert writer.get("/set/dear").status_code == 200
    assert balance() == 491


@pytest.mark.django_db(transaction=True)
def test_64_requests_at_once_on_50_credits_are_50_answers_and_14_refusals(issue):
    put_key = issue(scopes=WRITER)
    put(50)
    barrier = threading.Barrier(64)
    statuses = Counter()
    lock = threading.Lock()

    def send():
        client = SecureAPIClient().key(put_key)
        barrier.wait()
        try:
            status = client.post("/cheap").status_code
        finally:
            connections.close_all()
        with lock:
            statuses[status] += 1

    threads = [threading.Thread(target=send) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == {200: 50, 402: 14}
    assert balance() == 0


def test_the_operator_grants_credits_with_an_audit_event(acme, actor):
    granted = grant_credits(actor=actor, organization=acme, amount=100)
    assert granted.credits == balance() == 600
    event = AuditEvent.objects.get(action="credits.granted")
    assert event.organization_slug == "acme"
    assert event.details == {
        "amount": 100,
        "before": {"credits": 500},
        "after": {"credits": 600},
    }


def test_an_admin_grants_themselves_nothing(acme, alice):
    with pytest.raises(NotAllowed):
        grant_credits(actor=Actor.person(alice), organization=acme, amount=100)
    assert balance() == 500
    assert not AuditEvent.objects.filter(action="credits.granted").exists()


@pytest.mark.parametrize("amount", [0, -1, LARGEST_GRANT + 1, True])
def test_an_amount_out_of_range_is_refused(acme, actor, amount):
    with pytest.raises(Invalid):
        grant_credits(actor=actor, organization=acme, amount=amount)
    assert balance() == 500


def test_a_balance_has_an_end(acme, actor):
    put(LARGEST_BALANCE)
    with pytest.raises(Invalid):
        grant_credits(actor=actor, organization=acme, amount=1)
    assert balance() == LARGEST_BALANCE


def test_the_command_grants_and_prints_the_balance(acme, capsys):
    call_command("grant_credits", "acme", "25")
    assert capsys.readouterr().out == "acme has 525 credits.\n"
    assert AuditEvent.objects.get(action="credits.granted").actor_label == "grant_credits"


@pytest.mark.parametrize("arguments", [("nobody", "5"), ("acme", "0")])
def test_the_command_says_what_is_wrong(acme, arguments):
    with pytest.raises(CommandError):
        call_command("grant_credits", *arguments)
    assert balance() == 500


def test_the_database_itself_refuses_a_balance_below_zero(acme):
    from django.db import IntegrityError

    with pytest.raises(IntegrityError), transaction.atomic():
        put(-1)
