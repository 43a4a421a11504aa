"""Requests per second over HTTP: gunicorn and granian, driven by wrk. Run as a module."""

from __future__ import annotations

import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

from django.conf import settings
from django.contrib.auth import get_user_model
from rest_framework_simplejwt.tokens import AccessToken as Jwt

from benchmarks import databases
from benchmarks.names import API_KEY, FLOOR, KNOX, STATELESS, TOKEN
from benchmarks.progress import result, say
from benchmarks.variants import BY_NAME, Variant

WORKERS, CONNECTIONS = 2, 8
NAMES = (
    FLOOR,
    "apikeys",
    "apikeys, CACHE host",
    API_KEY,
    TOKEN,
    KNOX,
    "django-oauth-toolkit",
    STATELESS,
)
# Views measured for the page on what a host can save, beside the variants of the same options.
NEGOTIATION = (
    Variant("floor, JSON only", "/floor-negotiation"),
    Variant("apikeys, JSON only", "/ours-negotiation"),
    Variant("apikeys, CACHE host, JSON only", "/ours-negotiation", options={"CACHE": "host"}),
)
LUA = """
local keys = {KEYS}
local number = 0
request = function()
  number = number % #keys + 1
  return wrk.format("GET", nil, {["Authorization"] = keys[number]})
end
"""


def main(rounds: int, seconds: int) -> None:
    """Measure on the last of the sizes."""
    keys = databases.prepare(settings.SIZES[-1])
    users = get_user_model().objects.in_bulk([int(pk) for pk in keys["users"]])
    keys["jwt"] = [str(Jwt.for_user(user)) for user in users.values()]
    variants = [*(BY_NAME[name] for name in NAMES), *NEGOTIATION]
    found: dict[str, dict[str, list[float]]] = {}
    servers = ("gunicorn", "granian")
    for turn, server in enumerate(servers):
        options = {json.dumps(dict(variant.options)) for variant in variants}
        with ExitStack() as stack:
            ports = {text: stack.enter_context(serving(server, text)) for text in options}
            times: dict[str, list[float]] = {variant.name: [] for variant in variants}
            for done in range(rounds):
                say(f"HTTP, {server}", (turn + done / rounds) / len(servers))
                for variant in random.sample(variants, len(variants)):
                    port = ports[json.dumps(dict(variant.options))]
                    texts = [f"{variant.scheme} {key}" for key in keys[variant.system]]
                    times[variant.name].append(wrk(port, variant.path, texts, seconds))
            found[server] = times
    result(
        {
            server: {
                name: {
                    "per_second": round(statistics.median(rates)),
                    "of_floor": round(_ratio(rates, times[FLOOR]), 3),
                    "of_api_key": round(_ratio(rates, times[API_KEY]), 3),
                }
                for name, rates in times.items()
            }
            for server, times in found.items()
        }
    )


def _ratio(rates: list[float], others: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(rates, others, strict=True))


@contextmanager
def serving(server: str, options: str, **environment: str) -> Iterator[int]:
    """Yield the port of a server with these options of ``APIKEYS``, as JSON."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = {
        "gunicorn": [
            "gunicorn",
            "benchmarks.server:application",
            "--workers",
            str(WORKERS),
            "--bind",
            f"127.0.0.1:{port}",
            "--log-level",
            "error",
            "--no-control-socket",
        ],
        "granian": [
            "granian",
            "benchmarks.server:application",
            "--interface",
            "wsgi",
            "--workers",
            str(WORKERS),
            "--port",
            str(port),
            "--log-level",
            "error",
        ],
        "uvicorn": [
            "uvicorn",
            "benchmarks.server:asgi",
            "--port",
            str(port),
            "--lifespan",
            "off",
            "--no-access-log",
            "--log-level",
            "error",
        ],
    }[server]
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        env={**os.environ, **environment, "BENCH_OPTIONS": options},
        stdout=sys.stderr,
    )
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/floor", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    sys.exit("the server did not start")


def wrk(port: int, path: str, texts: list[str], seconds: int) -> float:
    """Return requests per second, all of them answered with 2xx."""
    quoted = ", ".join(f'"{text}"' for text in texts)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA.replace("KEYS", quoted))
        script.flush()
        run = subprocess.run(
            [
                "wrk",
                "-t1",
                f"-c{CONNECTIONS}",
                f"-d{seconds}s",
                "-s",
                script.name,
                f"http://127.0.0.1:{port}{path}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
    if "Non-2xx" in run.stdout:
        sys.exit(f"{path} refused requests under load: {run.stdout}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)[1])  # type: ignore[index]


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
