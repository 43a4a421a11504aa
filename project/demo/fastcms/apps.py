from __future__ import annotations

from django.apps import AppConfig


class FastCMSConfig(AppConfig):
    name = "project.demo.fastcms"
    label = "fastcms"
    verbose_name = "FastCMS"
