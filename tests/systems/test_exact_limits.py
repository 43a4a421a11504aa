"""A limit lets through exactly its amount, however many processes and clients there are."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from apikeys.models import Organization
from tests.support.redis_server import needs_redis, redis_uri
from tests.systems.server import Server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.project, pytest.mark.slow]

AMOUNT = 200
CLIENTS = 32
EACH = 10


@pytest.fixture
def fastly(account) -> Organization:
    """Its own limit is long enough not to end while the test runs."""
    organization = account("fastly")
    organization.limits = {"read-principal": f"{AMOUNT}/hour"}
    organization.save()
    return organization


def hammer(server: Server, key: str) -> Counter[int]:
    """Send CLIENTS times EACH requests with one key; return how often each status came."""

    def client(_: int) -> Counter[int]:
        seen: Counter[int] = Counter()
        with requests.Session() as session:
            session.trust_env = False
            for _ in range(EACH):
                answer = session.get(
                    f"{server.url}/service", headers={"Fastly-Key": key}, timeout=60
                )
                seen[answer.status_code] += 1
        return seen

    with ThreadPoolExecutor(CLIENTS) as clients:
        return sum(clients.map(client, range(CLIENTS)), Counter())


def expected() -> Counter[int]:
    return Counter({200: AMOUNT, 429: CLIENTS * EACH - AMOUNT})


@needs_redis
@pytest.mark.redis
def test_s4_04_four_processes_let_through_exactly_the_limit_five_times_in_a_row(
    serve, fastly, issue_for
):
    # Patient with Redis: a busy machine that lets 50 ms pass would count in each process.
    patient = f"{redis_uri()}?socket_timeout=5&socket_connect_timeout=5"
    server = serve(workers=4, REDIS_URL=patient)
    counts = [hammer(server, issue_for(fastly, scopes=["global:read"]).api_key) for _ in range(5)]
    assert counts == [expected()] * 5


def test_s4_04_one_process_without_redis_lets_through_exactly_the_limit(serve, fastly, issue_for):
    server = serve(workers=1, REDIS_URL="")
    assert hammer(server, issue_for(fastly, scopes=["global:read"]).api_key) == expected()
