"""The README tells the truth: its five steps work in an empty project, its tables are right."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from apikeys import conf
from tests.support.listening import free_port, hear_ctrl_c, wait_for_port

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def console():
    """Every command line of the README, in its order."""
    return [
        line for kind, _, text in BLOCKS if kind == "console" for line in text.splitlines() if line
    ]


class Project:
    """What `startproject` makes, with the README's blocks pasted in."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SUPERUSER_PASSWORD": "correct horse battery staple",
        }
        self.run([sys.executable, "-m", "django", "startproject", "mysite", "."])
        for kind, name, text in BLOCKS:
            if kind == "python":
                path = folder / name
                keep = path.read_text() if name.endswith("settings.py") else ""
                path.write_text(keep + "\n" + text)

    def run(self, arguments):
        done = subprocess.run(
            arguments,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def manage(self, line):
        python, *arguments = shlex.split(line)
        assert python == "python"
        if "createsuperuser" in arguments:
            arguments.append("--no-input")  # the password comes from the environment
        return self.run([sys.executable, *arguments])

    def serve(self):
        self.port = free_port()
        self.log = (self.folder / "server.log").open("w")
        self.server = subprocess.Popen(
            [sys.executable, "manage.py", "runserver", f"127.0.0.1:{self.port}", "--noreload"],
            cwd=self.folder,
            env=self.environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            preexec_fn=hear_ctrl_c,
        )
        wait_for_port(self.server, self.port, self.folder / "server.log")

    def stop(self):
        self.server.send_signal(signal.SIGINT)
        self.server.wait(timeout=30)
        self.log.close()

    def curl(self, line, made):
        """Do what the README's curl does; return status and body."""
        for name, key in (
            ("$API_KEY", "api_key"),
            ("$TOKEN_ID", "token_id"),
            ("$SECRET", "secret"),
        ):
            line = line.replace(name, made[key])
        curl, fail, url, option, value = shlex.split(line)
        assert (curl, fail) == ("curl", "--fail")
        request = urllib.request.Request(url.replace(":8000", f":{self.port}"))
        if option == "--user":
            request.add_header(
                "Authorization", "Basic " + base64.b64encode(value.encode()).decode()
            )
        else:
            assert option == "--header"
            request.add_header(*value.split(": ", 1))
        return self.open(request)

    def open(self, request):
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("mysite"))


@pytest.mark.slow
@pytest.mark.once
def test_the_five_steps_work_in_an_empty_project(project):
    lines = console()
    assert (
        lines.pop(0) == "python -m pip install ."
    )  # tests/packaging/test_packaging.py does this one
    start = lines.index("python manage.py runserver")
    printed = [project.manage(line) for line in lines[:start]]
    made = json.loads(next(text for text in printed if text.startswith("{")))
    assert "no issues" in printed[-1]
    *curls, revoke = lines[start + 1 :]
    assert [line.partition(" ")[0] for line in curls] == ["curl"] * 3
    project.serve()
    try:
        for line in curls:
            status, body = project.curl(line, made)
            assert (status, json.loads(body)) == (200, {"notes": [], "workspace": "development"})
        here = f"http://127.0.0.1:{project.port}"
        assert project.open(f"{here}/notes")[0] == 401
        post = urllib.request.Request(
            f"{here}/notes", b"", {"X-API-Key": made["api_key"]}, method="POST"
        )
        status, body = project.open(post)
        assert (status, json.loads(body)["required_scope"]) == (403, "notes:write")
        status, page = project.open(f"{here}/dashboard/")
        assert status == 200
        assert "Log in" in page
        project.manage(revoke.replace("$TOKEN_ID", made["token_id"]))
        assert [project.curl(line, made)[0] for line in curls] == [401] * 3
    finally:
        project.stop()


def table(heading):
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {name.strip().strip("`"): rest for name, *rest in rows}


def test_the_table_of_settings_is_the_settings_with_their_defaults():
    rows = table("Settings")
    assert list(rows) == [name.upper() for name in conf.Settings.__dataclass_fields__]
    defaults = conf.Settings()
    for name, (default, meaning) in rows.items():
        text = default.strip().strip("`")
        assert meaning.strip().endswith(".")
        if name == "REQUIRE_HTTPS":
            assert text == "not DEBUG"
            continue
        value = eval(text, {"timedelta": timedelta})
        assert value == getattr(defaults, name.lower()), name


def test_the_table_of_commands_is_the_commands():
    rows = table("Commands")
    ours = {name for name, app in get_commands().items() if app == "apikeys"}
    assert {row.split()[0] for row in rows} == ours
    for name in ours:
        parser = load_command_class("apikeys", name).create_parser("manage.py", name)
        line = next(f"{row} {rest}" for row, rest in rows.items() if row.split()[0] == name)
        for option in re.findall(r"--[a-z-]+", line):
            assert option in parser._option_string_actions, (name, option)


def test_what_the_readme_points_at_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
