"""Rows that were read once, and are handed out as copies: a view may change what it gets.

Knows no model of ours.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from types import NoneType
from typing import Any, Final
from uuid import UUID

from django.db import models
from django.db.models.base import ModelState
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query_utils import DeferredAttribute
from django.db.models.signals import post_init, pre_init

_new: Final = object.__new__
# What nobody can change. Of everything else a view gets a copy.
_FIXED: Final = (str, bytes, int, float, bool, NoneType, Decimal, date, time, timedelta, UUID)
# Descriptors that take whatever value the instance's dictionary has.
_PASSIVE: Final = (DeferredAttribute, ForeignKeyDeferredAttribute)
# Name of a foreign key to the row it leads to.
Related = Mapping[str, "Prototype | None"]


class Prototype:
    """A row and the rows joined to it.

    Attributes:
        instance: one to look at, with the joined ones; it is never handed out.
        standing: what ``standing.of`` has worked out of the row and keeps here, None before.

    Args:
        model: the instances' class.
        alias: the database they come from.
        values: attribute to value, of every column and of what the query adds to them.
        related: name of a foreign key to the row it leads to, None for none.
    """

    __slots__ = (
        "_alias",
        "_flat",
        "_model",
        "_nested",
        "_plain",
        "_related",
        "_values",
        "instance",
        "standing",
    )

    def __init__(
        self,
        model: type[models.Model],
        alias: str,
        values: Mapping[str, Any],
        *,
        related: Related | None = None,
    ) -> None:
        self._model = model
        self._alias = alias
        self._values = dict(values)
        self._plain = is_plain(model)
        self.standing: Any = None
        self._related = dict(related or {})
        changeable = [name for name, value in values.items() if not isinstance(value, _FIXED)]
        self._flat = [name for name in changeable if _is_flat(values[name])]
        self._nested = [name for name in changeable if name not in self._flat]
        self.instance: Any = self._make(self._values.copy())
        self.instance._state.fields_cache.update(
            {name: prototype and prototype.instance for name, prototype in self._related.items()}
        )

    def copy(self) -> Any:
        """Return an instance as complete as the ORM would have made it."""
        values = self._values.copy()
        for name in self._flat:
            values[name] = values[name].copy()
        for name in self._nested:
            values[name] = copy.deepcopy(values[name])
        return self._make(values)

    def _make(self, values: dict[str, Any]) -> Any:
        related: dict[str, Any] = {}
        if self._related:
            related = _Related()
            related.prototypes = self._related
        if self._plain:
            instance: Any = _new(self._model)
            instance.__dict__ = values
            state = values["_state"] = _new(ModelState)
            state.__dict__ = {"adding": False, "db": self._alias, "fields_cache": related}
            return instance
        names = [field.attname for field in self._model._meta.concrete_fields]
        instance = self._model.from_db(self._alias, names, [values.pop(name) for name in names])
        instance.__dict__.update(values)
        instance._state.fields_cache = related
        return instance


class _Related(dict[str, Any]):
    """The rows joined to a copy, each copied when it is first asked for.

    Django reads, sets, deletes, looks for and copies the entries of a state's ``fields_cache``.
    """

    __slots__ = ("prototypes",)
    prototypes: Related

    def __missing__(self, name: str) -> Any:
        prototype = self.prototypes[name]
        copied = self[name] = None if prototype is None else prototype.copy()
        return copied

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self.prototypes

    def __delitem__(self, name: str) -> None:
        self.prototypes = {
            other: prototype for other, prototype in self.prototypes.items() if other != name
        }
        self.pop(name, None)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a row as ``[]`` does."""
        if name not in self:
            return default
        return self[name]

    def copy(self) -> dict[str, Any]:
        """Return them all in a dictionary like any other; models are pickled with it."""
        return {**{name: self[name] for name in self.prototypes}, **self}

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self.copy(),)


def is_plain(model: type[models.Model]) -> bool:
    """Whether nobody would notice that a model's constructor and its signals are passed by."""
    return (
        model.__init__ is models.Model.__init__
        and model.__setattr__ is models.Model.__setattr__
        and model.from_db.__func__ is models.Model.from_db.__func__  # type: ignore[attr-defined]
        and all(field.descriptor_class in _PASSIVE for field in model._meta.concrete_fields)
        and not pre_init.has_listeners(model)
        and not post_init.has_listeners(model)
    )


def _is_flat(value: object) -> bool:
    """Whether a copy of the outermost is a whole copy."""
    if type(value) is dict:
        value = value.values()
    elif type(value) is not list:
        return False
    return all(isinstance(part, _FIXED) for part in value)
