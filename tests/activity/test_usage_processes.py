"""Usage over real processes: a graceful stop loses nothing, `kill -9` a flush interval's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db.models import Sum

from apikeys.models import AccessToken, UsageCounter
from tests.systems import server as servers

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

CLIENTS = 4
REQUESTS = 2500
# Over the time a flush itself takes, on a machine that is busy.
FLUSH_TAKES = 1.0

# Sends requests one after the other over one connection; with no number, until the server is gone.
# Prints the moment before each request that was answered, and what the answers were.
CLIENT = """
import http.client, json, sys, time

port, key, number = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
sent, answers = [], {}
try:
    while not number or len(sent) < number:
        at = time.time()
        connection.request("GET", "/access/v1/token", headers={"X-API-Key": key})
        response = connection.getresponse()
        response.read()
        sent.append(at)
        answers[response.status] = answers.get(response.status, 0) + 1
except (OSError, http.client.HTTPException):
    if number:
        raise
print(json.dumps({"sent": sent, "answers": answers}))
"""


class Clients:
    """Processes that send requests at the same time."""

    def __init__(self, server: servers.Server, key: str, *, each: int) -> None:
        command = [sys.executable, "-c", CLIENT, str(server.port), key, str(each)]
        self.processes = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(CLIENTS)
        ]

    def running(self) -> bool:
        return any(process.poll() is None for process in self.processes)

    def results(self) -> list[dict]:
        outputs = [process.communicate(timeout=120)[0] for process in self.processes]
        assert [process.returncode for process in self.processes] == [0] * CLIENTS
        return [json.loads(output) for output in outputs]


def counted() -> dict[str, int]:
    rows = UsageCounter.objects.values_list("outcome").annotate(requests=Sum("count"))
    return dict(rows)


def last_used(token: AccessToken) -> datetime | None:
    return AccessToken.objects.values_list("last_used_at", flat=True).get(pk=token.pk)


def await_flushes(number: int) -> None:
    """Wait until the stored count has grown so many times."""
    deadline = time.monotonic() + 60
    seen = 0
    for _ in range(number):
        while (now := counted().get("success", 0)) <= seen:
            assert time.monotonic() < deadline, "nothing is flushed"
            time.sleep(0.05)
        seen = now


def kill(server: servers.Server) -> None:
    """End the server and its workers at once, as a machine that loses power does."""
    pid = server.process.pid
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert workers
    for number in (pid, *map(int, workers)):
        os.kill(number, signal.SIGKILL)
    server.process.wait(timeout=30)


def test_every_request_of_four_processes_is_counted_after_a_graceful_stop(tmp_path, issue):
    issued = issue()
    server = servers.start(tmp_path, workers=2, FLUSH_SECONDS="0.5")
    clients = Clients(server, issued.api_key, each=REQUESTS)
    seen: list[datetime] = []
    try:
        while clients.running():
            if (at := last_used(issued.token)) is not None:
                seen.append(at)
            time.sleep(0.05)
        results = clients.results()
    finally:
        server.stop()
    assert [result["answers"] for result in results] == [{"200": REQUESTS}] * CLIENTS
    assert counted() == {"success": CLIENTS * REQUESTS}
    final = last_used(issued.token)
    assert final is not None
    assert sorted([*seen, final]) == [*seen, final], "last_used_at went back"
    last_sent = max(result["sent"][-1] for result in results)
    assert final.timestamp() >= last_sent
    assert final <= datetime.now(UTC)


def test_kill_9_loses_at_most_what_came_since_the_last_flush(tmp_path, issue):
    interval = 2.0
    issued = issue()
    server = servers.start(tmp_path, workers=2, FLUSH_SECONDS=str(interval))
    clients = Clients(server, issued.api_key, each=0)
    try:
        await_flushes(3)
        before = last_used(issued.token)
        killed_at = time.time()
    finally:
        kill(server)
    sent = sorted(at for result in clients.results() for at in result["sent"])
    kept = counted().get("success", 0)
    safe = sum(at < killed_at - interval - FLUSH_TAKES for at in sent)
    assert safe > 0, "the server answered nothing in time to be flushed"
    # A worker may have counted one more request of each client than it could answer.
    assert safe <= kept <= len(sent) + CLIENTS
    after = last_used(issued.token)
    assert before is not None
    assert after is not None
    assert after >= before
