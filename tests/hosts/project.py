"""The files of a host project: what ``startproject`` makes, the README's blocks, the host's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.hosts.host import Host
from tests.hosts.texts import blocks

SETTINGS = "mysite/settings.py"
# Sessions and passwords are no subject here, and hashing on purpose takes its time.
FASTER = """
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["OPTIONS"] = {"init_command": "PRAGMA synchronous=OFF;"}
"""


def make(host: Host, folder: Path) -> None:
    """Write the project of a host into an empty folder."""
    # In a process of its own: the command leaves Django with settings that are not the project's.
    start = [sys.executable, "-m", "django", "startproject", "mysite", str(folder)]
    subprocess.run(start, check=True, env={**os.environ, "DJANGO_SETTINGS_MODULE": ""})
    for name, text in blocks("README.md"):
        path = folder / name
        path.write_text((path.read_text() + "\n" if name == SETTINGS else "") + text)
    for name, text in host.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with (folder / SETTINGS).open("a") as settings:
        settings.write(FASTER + host.settings)
