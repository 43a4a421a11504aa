"""Fastly as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class FastlyConfig(AppConfig):
    name = "project.demo.fastly"
    label = "fastly"
    verbose_name = "Fastly"
