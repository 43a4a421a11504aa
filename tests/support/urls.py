"""Where the library's own API lies in a project that has nothing else."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("access/", include("apikeys.api.urls"))]
