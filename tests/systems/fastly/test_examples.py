"""The examples of the seed as files, against a real server."""

from __future__ import annotations

import json
import time

import pytest

from apikeys.services.tokens import revoke_token
from project.demo.fastly.models import Service

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.project,
    pytest.mark.slow,
    pytest.mark.once,
]


def test_s4_01_the_example_lists_services_and_is_refused_once_revoked(
    run_example, issue, production, actor
):
    Service.objects.create(workspace=production, name="www")
    issued = issue(scopes=["global:read"])
    done = run_example("fastly/service.sh", key=issued)
    assert done.returncode == 0, done.stderr
    assert [service["name"] for service in json.loads(done.stdout)] == ["www"]
    revoke_token(actor=actor, token=issued.token)
    done = run_example("fastly/service.sh", key=issued)
    assert json.loads(done.stdout) == {"msg": "Provided credentials are missing or invalid"}


def test_s4_01_the_header_as_the_seed_prints_it(send_recorded, issue):
    status, _, body = send_recorded("fastly/service.http", key=issue(scopes=["global"]))
    assert (status, body) == (200, b"[]")


def test_s4_05_the_headers_of_the_seed_are_on_the_answer(run_example, issue):
    done = run_example("fastly/service_with_headers.sh", key=issue(scopes=["global"]))
    head = done.stdout.decode().partition("\r\n\r\n")[0]
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    assert headers["Fastly-RateLimit-Remaining"] == "5999"
    assert 0 < int(headers["Fastly-RateLimit-Reset"]) - time.time() <= 61
