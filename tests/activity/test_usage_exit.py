"""What a process has counted is written when it ends, by itself alone, fork or not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Run Python in a process of its own, on a migrated database of its own."""
    folder = tmp_path_factory.mktemp("usage")
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "ENV_FILE": "",
        "SECRET_KEY": "only-for-tests-" + "0123456789" * 5,
        "DATABASE_URL": f"sqlite:///{folder}/usage.sqlite3",
        "FLUSH_SECONDS": "600",
        "PYTHONPATH": str(ROOT),
    }

    def start(text):
        return subprocess.Popen(
            [sys.executable, "-c", "import django; django.setup()\n" + text],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(text):
        process = start(text)
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
        return output

    run.start = start
    run(
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0)\n"
        "from django.contrib.auth import get_user_model\n"
        "from apikeys.services.actors import Actor\n"
        "from apikeys.services.organizations import create_organization\n"
        "from apikeys.services.tokens import create_token\n"
        "alice = get_user_model().objects.create_user('alice@example.org', 'x')\n"
        "acme = create_organization(actor=Actor.system('t'), name='Acme', admin=alice)\n"
        "create_token(actor=Actor.system('t'), workspace=acme.workspaces.first(),\n"
        "    name='T', scopes=[])\n"
    )
    return run


RECORD = (
    "from apikeys.activity import usage\n"
    "from apikeys.models import AccessToken\n"
    "pk = AccessToken.objects.get().pk\n"
    "def use(n):\n"
    "    for _ in range(n): usage.record(pk, 'success', address=None, agent='')\n"
)
TOTAL = (
    "from apikeys.models import UsageCounter\n"
    "print(sum(UsageCounter.objects.values_list('count', flat=True)))\n"
)


def test_processes_write_at_exit_and_their_counts_add_up(program):
    before = int(program(TOTAL))
    processes = [program.start(RECORD + "use(500)") for _ in range(3)]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
    assert int(program(TOTAL)) == before + 1500


def test_a_second_signal_does_not_end_the_writing_that_the_first_one_began(program):
    before = int(program(TOTAL))
    program(
        RECORD
        + "import os, signal, sys\n"
        + "from apikeys.activity import counters\n"
        + "signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))\n"
        + "add = counters.add_uses\n"
        + "def interrupted(*args):\n"
        + "    os.kill(os.getpid(), signal.SIGTERM)\n"
        + "    add(*args)\n"
        + "counters.add_uses = interrupted\n"
        + "use(7)\n"
    )
    assert int(program(TOTAL)) == before + 7


def test_a_forked_child_counts_its_own_and_nothing_of_its_parent(program):
    before = int(program(TOTAL))
    program(
        RECORD
        + "import os, sys, threading, warnings\n"
        + "warnings.simplefilter('ignore')\n"
        + "from django.db import connections\n"
        + "use(3)\n"
        + "connections.close_all()\n"
        + "child = os.fork()\n"
        + "if child == 0:\n"
        + "    assert not usage._buffer._batch and usage._buffer._thread is None\n"
        + "    use(10)\n"
        + "    assert usage._buffer._thread.is_alive()\n"
        + "    sys.exit()\n"
        + "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
    )
    assert int(program(TOTAL)) == before + 13


def test_the_thread_writes_while_the_process_lives(program):
    before = int(program(TOTAL))
    program(
        "from django.conf import settings\n"
        "settings.APIKEYS = {**settings.APIKEYS, 'FLUSH_SECONDS': 0.05}\n"
        + RECORD
        + "import os, time\n"
        + "from apikeys.models import UsageCounter\n"
        + "use(7)\n"
        + "deadline = time.monotonic() + 30\n"
        + f"while sum(UsageCounter.objects.values_list('count', flat=True)) != {before + 7}:\n"
        + "    assert time.monotonic() < deadline\n"
        + "    time.sleep(0.02)\n"
        + "os._exit(0)\n"
    )
    assert int(program(TOTAL)) == before + 7
