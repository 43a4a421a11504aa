"""Rows that were read once, and are handed out as copies: a view may change what it gets.

Knows no model of ours.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
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
Related = Mapping[str, "Snapshot | None"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What all rows of a model have in common.

    Attributes:
        model: the instances' class.
        alias: the database they come from.
        changeable: the attributes whose values a view might be able to change.
        plain: nobody would notice that the constructor is passed by.
    """

    model: type[models.Model]
    alias: str
    changeable: tuple[str, ...]
    plain: bool


class Snapshot:
    """A row and the rows joined to it.

    Attributes:
        values: attribute to value, of every column and of what the query adds; to be looked at.
        related: name of a foreign key to the row it leads to, None for none; to be looked at.
        validity: what ``validity.of`` has worked out of the row and keeps here, None before.

    Args:
        kind: of the model.
        values, related: as the attributes.
    """

    __slots__ = ("_flat", "_kind", "_nested", "related", "validity", "values")

    def __init__(self, kind: Kind, values: dict[str, Any], related: Related) -> None:
        self._kind = kind
        self.values = values
        self.related = related
        self.validity: Any = None
        changeable = [name for name in kind.changeable if not isinstance(values[name], _FIXED)]
        self._flat = [name for name in changeable if _is_flat(values[name])]
        self._nested = [name for name in changeable if name not in self._flat]

    @property
    def model(self) -> type[models.Model]:
        """The instances' class."""
        return self._kind.model

    def copy(self) -> Any:
        """Return an instance as complete as the ORM would have made it."""
        values = self.values.copy()
        for name in self._flat:
            values[name] = values[name].copy()
        for name in self._nested:
            values[name] = copy.deepcopy(values[name])
        related: dict[str, Any] = {}
        if self.related:
            related = _Related()
            related.snapshots = self.related
        kind = self._kind
        if not kind.plain:
            return self._construct(values, related)
        instance: Any = _new(kind.model)
        instance.__dict__ = values
        state = values["_state"] = _new(ModelState)
        state.__dict__ = {"adding": False, "db": kind.alias, "fields_cache": related}
        return instance

    def _construct(self, values: dict[str, Any], related: dict[str, Any]) -> Any:
        model = self._kind.model
        names = [field.attname for field in model._meta.concrete_fields]
        instance = model.from_db(self._kind.alias, names, [values.pop(name) for name in names])
        instance.__dict__.update(values)
        instance._state.fields_cache = related
        return instance


class _Related(dict[str, Any]):
    """The rows joined to a copy, each copied when it is first asked for.

    Django reads, sets, deletes, looks for and copies the entries of a state's ``fields_cache``.
    """

    __slots__ = ("snapshots",)
    snapshots: Related

    def __missing__(self, name: str) -> Any:
        snapshot = self.snapshots[name]
        copied = self[name] = None if snapshot is None else snapshot.copy()
        return copied

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self.snapshots

    def __delitem__(self, name: str) -> None:
        self.snapshots = {
            other: snapshot for other, snapshot in self.snapshots.items() if other != name
        }
        self.pop(name, None)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a row as ``[]`` does."""
        if name not in self:
            return default
        return self[name]

    def copy(self) -> dict[str, Any]:
        """Return them all in a dictionary like any other; models are pickled with it."""
        return {**{name: self[name] for name in self.snapshots}, **self}

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
