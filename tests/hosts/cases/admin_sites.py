"""Hosts whose Django admin looks otherwise, or is one of their own."""

from __future__ import annotations

from typing import Any

from tests.hosts.host import Host
from tests.hosts.texts import ROUTES, urls
from tests.hosts.visit import Visit, same


def _admin(visit: Visit) -> None:
    """Every list and page of the admin, deleting a person included, and no digest on any."""
    from django.contrib import admin

    _admin_of(visit, admin.site, "/admin")


def _admin_of(visit: Visit, site: Any, where: str) -> None:
    from apikeys.models import AccessToken, Membership

    client = visit.client(visit.superuser())
    digest = AccessToken.objects.get(pk=visit.token.pk).digest
    models = [model for model in site._registry if model._meta.app_label == "apikeys"]
    assert len(models) >= 5, models
    for model in models:
        page = f"{where}/apikeys/{model._meta.model_name}/"
        answer = client.get(page)
        same(answer.status_code, 200, page)
        assert digest not in answer.content.decode(), page
        row = model._default_manager.first()
        if row is not None:
            answer = client.get(f"{page}{row.pk}/change/")
            same(answer.status_code, 200, f"{page}{row.pk}")
            assert digest not in answer.content.decode(), page
    person = f"{where}/auth/user/{visit.bob.pk}/delete/"
    if client.get(person).status_code == 404:
        return  # this site shows no people
    same(client.post(person, {"post": "yes"}).status_code, 302, "deleting bob")
    same(Membership.objects.filter(organization=visit.acme).count(), 1, "members of Acme")


def _own_site(visit: Visit) -> None:
    from mysite.sites import site

    _admin_of(visit, site, "/office")


SKINNED = 'INSTALLED_APPS = ["{}", *INSTALLED_APPS]\n'
OWN_SITE = """
from django.contrib.admin import AdminSite, site as stock
from django.contrib.auth.admin import UserAdmin


class Office(AdminSite):
    site_header = "Office"


class People(UserAdmin):
    list_display = ("username", "is_active")


site = Office(name="office")


def fill():
    for model, admin in stock._registry.items():
        if model._meta.label == "auth.User":
            site.register(model, People)
        elif not site.is_registered(model):
            site.register(model, type(admin))
"""

HOSTS = [
    Host(
        name="unfold",
        settings=SKINNED.format("unfold"),
        packages=("django-unfold",),
        steps=_admin,
    ),
    Host(
        name="jazzmin",
        settings=SKINNED.format("jazzmin"),
        packages=("django-jazzmin",),
        steps=_admin,
    ),
    Host(name="Django's own admin", steps=_admin),
    Host(
        name="An admin site of the host's own",
        files={
            "mysite/sites.py": OWN_SITE,
            "mysite/urls.py": urls(
                *ROUTES,
                'path("office/", site.urls)',
                before="from mysite.sites import fill, site\n\nfill()\n",
            ),
        },
        steps=_own_site,
    ),
]
