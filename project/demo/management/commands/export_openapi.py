"""Write the OpenAPI documents of this project to ``docs/openapi``, so that a change is seen."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apikeys.openapi import catalogue

FOLDER = Path(settings.BASE_DIR) / "docs" / "openapi"


class Command(BaseCommand):
    """Compare with ``--check``: exit code 1 when a document differs from its copy."""

    help = "Writes the OpenAPI documents to docs/openapi."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="compare, write nothing")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        wanted = {
            FOLDER / f"{name}.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n"
            for name, document in catalogue.documents().items()
        }
        stale = [path for path in FOLDER.glob("*.json") if path not in wanted]
        changed = [
            path
            for path, text in wanted.items()
            if not path.exists() or path.read_text(encoding="utf-8") != text
        ]
        if check and (changed or stale):
            names = ", ".join(sorted(path.name for path in [*changed, *stale]))
            raise CommandError(f"Run `manage.py export_openapi` and commit: {names}.")
        if check:
            return
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path in changed:
            path.write_text(wanted[path], encoding="utf-8")
            self.stdout.write(f"Wrote {path.name}.")
        for path in stale:
            path.unlink()
            self.stdout.write(f"Removed {path.name}.")
