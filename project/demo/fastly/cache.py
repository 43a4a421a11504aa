"""The cache itself: store and purge, each change whole.

Every change locks its service first, so that of overlapping ones none is lost: a store and a
purge at the same moment happen one after the other, and two stores never mix their keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apikeys.models import Workspace
from project.demo.fastly.models import CachedObject, Service, SurrogateKey

_SCHEME: Final = re.compile(r"\Ahttps?:/{1,2}", re.IGNORECASE)


@transaction.atomic
def change_service(service: Service, changes: dict[str, Any]) -> Service:
    """Change the given fields and leave the others as they are in the database now."""
    Service.objects.filter(pk=service.pk).update(
        version=F("version") + 1, updated_at=timezone.now(), **changes
    )
    return Service.objects.select_related("workspace__organization").get(pk=service.pk)


@transaction.atomic
def store(
    service: Service, name: str, *, content: bytes, content_type: str, keys: Iterable[str]
) -> CachedObject:
    """Cache an object, in the place of the one of this name."""
    _lock(service)
    cached, _created = CachedObject.objects.update_or_create(
        service=service,
        name=name,
        defaults={"content": content, "content_type": content_type},
    )
    cached.surrogates.all().delete()
    SurrogateKey.objects.bulk_create(SurrogateKey(cached=cached, key=key) for key in keys)
    return cached


@transaction.atomic
def purge_key(service: Service, key: str) -> None:
    """Remove the service's objects that have this surrogate key."""
    _lock(service)
    service.objects_cached.filter(surrogates__key=key).delete()


@transaction.atomic
def purge_all(service: Service) -> None:
    """Remove all objects of the service."""
    _lock(service)
    service.objects_cached.all().delete()


def purge_url(workspace: Workspace, url: str) -> None:
    """Remove what the workspace's services have cached for this address.

    Args:
        workspace: whose services.
        url: with or without scheme; the query belongs to it.
    """
    name = name_of(url)
    found = Service.objects.filter(workspace=workspace, objects_cached__name=name)
    for service in found.order_by("pk"):
        with transaction.atomic():
            _lock(service)
            service.objects_cached.filter(name=name).delete()


def name_of(url: str) -> str:
    """Return the name an address is cached under: the address without its scheme."""
    return _SCHEME.sub("", url, count=1)


def _lock(service: Service) -> None:
    Service.objects.select_for_update().get(pk=service.pk)
