"""Listen to a model and to all that inherit from it.

Django sends a signal of a proxy, or of a child with a table of its own, under that class alone.
Listening to every model would do, and cost a host's other models the fast way to delete. Knows no
model and no receiver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from django.db.models import Model
from django.db.models.signals import ModelSignal, class_prepared

Receiver = Callable[..., None]


class _Listening(NamedTuple):
    signal: ModelSignal
    receiver: Receiver
    model: type[Model]
    name: str


_listening: Final[list[_Listening]] = []


def connect(signal: ModelSignal, receiver: Receiver, model: type[Model], *, name: str) -> None:
    """Connect a receiver to a model and its heirs, those that are made later too.

    Args:
        signal: one that models send.
        receiver: a function of a module; it is called once for each row.
        model: the one at the top.
        name: the ``dispatch_uid``: connecting again under it changes nothing.
    """
    _listening.append(_Listening(signal, receiver, model, name))
    for heir in _with_heirs(model):
        signal.connect(receiver, heir, dispatch_uid=name)


def _with_heirs(model: type[Model]) -> Iterator[type[Model]]:
    yield model
    for heir in model.__subclasses__():
        yield from _with_heirs(heir)


def _made(sender: Any, **kwargs: Any) -> None:
    for one in _listening:
        if issubclass(sender, one.model):
            one.signal.connect(one.receiver, sender, dispatch_uid=one.name)


class_prepared.connect(_made, dispatch_uid="apikeys.heirs")
