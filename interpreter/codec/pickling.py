"""Values that JSON does not hold, by pickle and dill.

Owns the rules: classes and functions go by name, what is no value is refused, and nothing is
written that could not be read again. The standard pickler is tried first, since it is written
in C; dill's knows more types, and is slower. Its reader reads both.
"""

from __future__ import annotations

import io
import pickle
import sys
from typing import Any, ClassVar

import dill  # type: ignore[import-untyped]  # it has no types, and so its classes have none

from interpreter.codec.encoded import LARGEST
from interpreter.codec.names import MAINS, NAMED, find, main_name, name_of
from interpreter.codec.refusals import reason_against
from interpreter.codec.stack import on_fresh_stack

__all__ = ["DEEPEST", "DillPickler", "Unstorable", "dump", "dump_with", "load"]

DEEPEST = 5_000
"""How many objects may be open at once while a value is pickled; each level of nesting takes one to three."""

_OPEN_PER_STACK = 100
_SAFE_LIMIT = 10_000
# A recursion limit above this was raised by hand, and lets C code run off the end of its stack.

_PROTOCOL = 5


class Unstorable(Exception):
    """Raised by ``dump``: the object at fault and the reason."""

    def __init__(self, culprit: object, reason: str) -> None:
        super().__init__(reason)
        self.culprit = culprit
        self.reason = reason


def dump(value: object) -> bytes:
    """The value as a pickle; one that is not too large to be stored has been read back once.

    :raises Unstorable: it holds what is no value, nests too deeply, or cannot be rebuilt.
    """
    try:
        data = _dump_fast(value)
    except Unstorable:
        raise
    except Exception:
        data = dump_with(DillPickler, value)
    if len(data) <= LARGEST:
        _check_rebuilds(data, value)
    return data


def dump_with(kind: type[DillPickler], value: object) -> bytes:
    """The value as a pickle of this pickler.

    :raises Unstorable: as ``dump``.
    """
    file = io.BytesIO()
    pickler = kind(file, _PROTOCOL)
    try:
        pickler.dump(value)
    except Unstorable:
        raise
    except RecursionError:
        raise Unstorable(value, "it nests too deeply") from None
    except Exception as error:
        raise Unstorable(pickler.culprit, f"it cannot be pickled ({_brief(error)})") from error
    return file.getvalue()


def load(data: bytes) -> Any:
    """A fresh value. Whatever importing and rebuilding its classes raises comes through."""
    return _Unpickler(io.BytesIO(data), ignore=True).load()


def _check_rebuilds(data: bytes, value: object) -> None:
    # Refused here, it fails one step; found out at the replay, it would block the execution.
    try:
        again = load(data)
    except Exception as error:
        raise Unstorable(value, f"it could not be rebuilt from what would be stored ({_brief(error)})") from error
    if type(again) is not type(value):
        raise Unstorable(value, f"it would come back as a {type(again).__name__}")


def _dump_fast(value: object) -> bytes:
    if sys.getrecursionlimit() > _SAFE_LIMIT:
        raise RecursionError("too high a limit to rely on")
    file = io.BytesIO()
    _FastPickler(file, _PROTOCOL).dump(value)
    return file.getvalue()


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _reduce(node: Any) -> Any:
    """The reducer of both picklers: refuse what is no value, write what has a name under that name."""
    if reason := reason_against(node):
        raise Unstorable(node, reason)
    if not issubclass(type(node), NAMED) or (name := name_of(node)) is None:
        return NotImplemented
    return (find, name) if node.__module__ in MAINS else name[1]


class _FastPickler(pickle.Pickler):
    def reducer_override(self, node: Any) -> Any:
        return _reduce(node)


class DillPickler(dill.Pickler):  # type: ignore[misc]  # as dill
    """Remembers the innermost object that it failed on, and goes to a fresh stack before one is full."""

    # dill would look whether each dict is that of a module, comparing it with __main__'s. Python's own does not, of
    # which type checkers know only the pickler in C.
    dispatch: ClassVar[dict[type, Any]] = {**dill.Pickler.dispatch, dict: pickle._Pickler.save_dict}  # type: ignore[attr-defined]

    def __init__(self, file: io.BytesIO, protocol: int) -> None:
        super().__init__(file, protocol, byref=True, recurse=True)
        self.culprit: object = None
        self._open = 0

    def save(self, obj: object, save_persistent_id: bool = True) -> None:
        self._open += 1
        if self._open > DEEPEST:
            raise RecursionError("more open objects than may be")
        try:
            if self._open % _OPEN_PER_STACK:
                super().save(obj, save_persistent_id)
            else:
                on_fresh_stack(super().save, obj, save_persistent_id)
        except Exception:
            self.culprit = obj if self.culprit is None else self.culprit
            raise
        self._open -= 1

    def reducer_override(self, node: Any) -> Any:
        return _reduce(node)


class _Unpickler(dill.Unpickler):  # type: ignore[misc]  # as dill
    def find_class(self, module: str, name: str) -> Any:
        return find(module, name) if module == main_name() else super().find_class(module, name)
