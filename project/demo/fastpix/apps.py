"""FastPix as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class FastPixConfig(AppConfig):
    name = "project.demo.fastpix"
    label = "fastpix"
    verbose_name = "FastPix"
