"""A column that keeps the form in which names are compared. Knows no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from apikeys.visible import compared

if TYPE_CHECKING:
    CharField = models.CharField[str, str]
else:
    CharField = models.CharField


class ComparedField(CharField):
    """``visible.compared`` of another text field, made anew whenever the row is saved.

    Args:
        source: the name of that field.
    """

    def __init__(self, *args: Any, source: str, **kwargs: Any) -> None:
        self.source = source
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "source": self.source}

    def made_from(self, text: str) -> str:
        """Return what this column holds for that text; what is too long is cut off."""
        return compared(text)[: self.max_length]

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = self.made_from(str(getattr(model_instance, self.source)))
        setattr(model_instance, self.attname, value)
        return value
