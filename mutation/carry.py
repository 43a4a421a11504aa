"""Carries a changed source over into a module that is imported already.

The source runs once in a scratch module. Functions keep their identity and get the new code, so
whoever imported them meets the change; plain values are replaced wherever their name was imported.
Classes stay what they are and get what changed inside them. What can't be carried (a dataclass's
flags, a Protocol's body) changes nothing, which ``carry`` says.
"""

from __future__ import annotations

import ast
import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, Final

_PLAIN: Final = (str, bytes, int, float, tuple, list, dict, set, frozenset, re.Pattern, type(None))
_MISSING: Final = object()
_OURS: Final = ("apikeys", "dashboard", "project", "tests")


def carry(module: types.ModuleType, tree: ast.Module) -> bool:
    """Make the module behave as the tree says.

    Returns:
        Whether anything is other than it was.
    """
    scratch = types.ModuleType(module.__name__)
    scratch.__dict__.update(
        {
            name: vars(module)[name]
            for name in ("__package__", "__file__", "__spec__", "__path__")
            if name in vars(module)
        }
    )
    exec(compile(tree, str(module.__file__), "exec"), scratch.__dict__)
    changed = False
    for name, new in list(vars(scratch).items()):
        old = vars(module).get(name, _MISSING)
        if name.startswith("__") or old is _MISSING or old is new:
            continue
        changed |= _carry_one(module, name, old, new)
    # What the scratch module made is alive where a decorator went: let it meet the real names.
    scratch.__dict__.update(vars(module))
    forget()
    return changed


def forget() -> None:
    """Empty every cache of functions of ours."""
    for module in _modules():
        for value in list(vars(module).values()):
            for each in (value, *vars(value).values()) if isinstance(value, type) else (value,):
                clear = getattr(each, "cache_clear", None)
                if callable(clear) and getattr(each, "__module__", "").startswith(_OURS):
                    clear()


def _modules() -> Iterator[types.ModuleType]:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _OURS and isinstance(module, types.ModuleType):
            yield module


def _carry_one(holder: Any, name: str, old: Any, new: Any) -> bool:
    if isinstance(old, type) and isinstance(new, type):
        if old.__module__ != new.__module__ or old.__module__ != getattr(holder, "__name__", ""):
            return False
        return _carry_class(old, new)
    olds, news = _wrapped(old), _wrapped(new)
    if olds and news and len(olds) == len(news):
        return _swap_code(olds[-1], news[-1])
    if olds and news:
        _replace(old, new)
        return True
    if type(old) is type(new) and isinstance(new, _PLAIN) and not isinstance(holder, type):
        if _same(old, new):
            return False
        _rename(name, old, new)
        return True
    return False


def _carry_class(old: type, new: type) -> bool:
    changed = False
    for name, value in list(vars(new).items()):
        was = vars(old).get(name, _MISSING)
        if was is _MISSING or name in ("__dict__", "__weakref__", "__module__", "__doc__"):
            continue
        parts = _parts(was), _parts(value)
        if all(parts) and len(parts[0]) == len(parts[1]):
            for each, other in zip(*parts, strict=True):
                changed |= _carry_one(old, name, each, other)
        elif type(was) is type(value) and isinstance(value, _PLAIN) and not _same(was, value):
            if name.startswith("__"):
                continue
            setattr(old, name, value)
            changed = True
    return changed


def _parts(value: Any) -> list[Any]:
    """Return the functions inside what stands in a class."""
    if isinstance(value, property):
        return [each for each in (value.fget, value.fset, value.fdel) if each is not None]
    if isinstance(value, classmethod | staticmethod):
        return [value.__func__]
    if isinstance(getattr(value, "func", None), types.FunctionType):  # cached_property
        return [value.func]
    return [value] if _wrapped(value) else []


def _wrapped(value: Any) -> list[Any]:
    """Return a function and what it wraps, outermost first; nothing for what is no function."""
    chain = []
    while value is not None and value not in chain:
        if not isinstance(value, types.FunctionType) and not hasattr(value, "__wrapped__"):
            return []
        chain.append(value)
        value = getattr(value, "__wrapped__", None)
    return chain if chain and isinstance(chain[-1], types.FunctionType) else []


def _swap_code(old: Any, new: Any) -> bool:
    changed = not _same_code(old.__code__, new.__code__)
    if changed:
        old.__code__ = new.__code__
    for name in ("__defaults__", "__kwdefaults__"):
        was, now = getattr(old, name), getattr(new, name)
        if was != now and repr(was) != repr(now):
            setattr(old, name, now)
            changed = True
    return changed


def _same_code(old: types.CodeType, new: types.CodeType) -> bool:
    """Whether two codes do the same, wherever they stand in their file."""
    if old.co_code != new.co_code or len(old.co_consts) != len(new.co_consts):
        return False
    if (old.co_names, old.co_freevars) != (new.co_names, new.co_freevars):
        return False
    return all(
        _same_code(a, b)
        if isinstance(a, types.CodeType) and isinstance(b, types.CodeType)
        else type(a) is type(b) and a == b
        for a, b in zip(old.co_consts, new.co_consts, strict=True)
    )


def _same(old: Any, new: Any) -> bool:
    try:
        return bool(old == new) or repr(old) == repr(new)
    except Exception:
        return True


def _rename(name: str, old: Any, new: Any) -> None:
    for module in _modules():
        held = vars(module).get(name, _MISSING)
        if held is old or (type(held) is type(old) and _same(held, old)):
            setattr(module, name, new)


def _replace(old: Any, new: Callable[..., Any]) -> None:
    for module in _modules():
        for name, value in list(vars(module).items()):
            if value is old:
                setattr(module, name, new)
