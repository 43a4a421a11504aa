"""Short public names of organizations. Knows nothing of who may make one."""

from __future__ import annotations

from typing import Final

from django.utils.text import slugify
from django.utils.translation import gettext as _

from apikeys.models import Organization
from apikeys.services.errors import Invalid

# Addresses of pages that stand beside the organizations' own.
RESERVED_SLUGS: Final = frozenset({"api-keys", "confirm", "invitations", "log-in", "log-out"})


def free_slug(name: str, wanted: str | None) -> str:
    """Return the slug that is wanted, or one made from the name that nobody has yet.

    Raises:
        Invalid: ``slug.invalid`` or ``slug.taken``; another wanted one may still turn out to be
            taken when the row is written.
    """
    if wanted is not None:
        if not wanted or slugify(wanted) != wanted or len(wanted) > 64:
            raise Invalid(
                "slug.invalid",
                _("Use small letters, digits and hyphens, at most 64."),
                field="slug",
            )
        if wanted in RESERVED_SLUGS:
            raise Invalid("slug.taken", _("This short name is taken."), field="slug")
        return wanted
    base = slugify(name)[:56] or "organization"
    taken = set(Organization.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    taken |= RESERVED_SLUGS
    numbers = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(slug for slug in numbers if slug not in taken)
