"""The first argument that Django hands to every check."""

from __future__ import annotations

from collections.abc import Sequence

from django.apps import AppConfig

Apps = Sequence[AppConfig] | None
