"""The notes of the tests as a Django app; they know nothing of the demo's."""

from __future__ import annotations

from django.apps import AppConfig


class NotesConfig(AppConfig):
    name = "tests.support.notes"
    label = "support_notes"
    default_auto_field = "django.db.models.BigAutoField"
