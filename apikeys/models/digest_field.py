"""A column that holds what is stored of a secret, and shows it to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from apikeys.credentials.digests import SHOWN, Digest, text_of

if TYPE_CHECKING:
    CharField = models.CharField[str, str]
else:
    CharField = models.CharField


class DigestField(CharField):
    """A ``CharField`` whose values are ``Digest``: files, JSON, templates and logs show ``***``.

    So do packages that write every column of a model into a file, or into a table of changes. What
    Django serializes for itself is whole: ``dumpdata`` is a copy of the database and must bring
    back tokens that work.
    """

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs  # the column is no other

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        """Return the value as one that shows nothing."""
        return None if value is None else Digest(value)

    def get_prep_value(self, value: Any) -> Any:
        """Return what is stored.

        Raises:
            ValueError: it is what a digest shows, such as from a file that was exported before.
        """
        text = super().get_prep_value(value)
        if type(text) is str and text == SHOWN:
            raise ValueError(f"{self.name} is withheld in this data: it can't be stored.")
        return text_of(text) if isinstance(text, str) else text

    def value_to_string(self, obj: models.Model) -> str:
        """Return what is stored, for Django's serializers."""
        return text_of(self.value_from_object(obj))
