"""The demo's notes as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class NotesConfig(AppConfig):
    name = "project.demo.notes"
    label = "notes"
    verbose_name = "Demo notes"
