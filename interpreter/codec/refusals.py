"""Which objects are no values, and what to do instead.

Owns the reasons, by type. Some of these could be pickled, and would come back as something else:
an unlocked lock, a file opened anew, a function that is a copy of itself.
"""

from __future__ import annotations

import inspect
import io
import socket
import threading
import types
import weakref
from functools import lru_cache
from typing import Any

from dataflows.commands import Command, Task
from interpreter.codec.names import NAMED, name_of

__all__ = ["reason_against"]

_ITERATE = "it is used up by reading; return list(...) of it"
_AWAIT = "it has not been awaited; return what it gives"
_CLOSE = "it lives in this process only; return what was read from it, or its path or address"
_LOCK = "it lives in this process only; leave it out of the value"
_CODE = "it is a piece of the running program; return what you need of it"

_REASONS: tuple[tuple[type, str], ...] = (
    (types.GeneratorType, _ITERATE),
    (types.AsyncGeneratorType, _ITERATE),
    (types.CoroutineType, _AWAIT),
    (io.IOBase, _CLOSE),
    (socket.socket, _CLOSE),
    (type(threading.Lock()), _LOCK),
    (type(threading.RLock()), _LOCK),
    (threading.Thread, "a running thread cannot be stored; return its result"),
    (Command, "it is a command and not its answer; write `yield from` before it"),
    (types.ModuleType, "a module is no value; return what you need of it"),
    (types.CodeType, _CODE),
    (types.FrameType, _CODE),
    (types.TracebackType, _CODE),
    (types.CellType, _CODE),
    (weakref.ReferenceType, "a weak reference keeps nothing; return what it refers to"),
    (memoryview, "it is a view of other memory; return bytes(...) of it"),
)

_VALUES = (io.BytesIO, io.StringIO, Task)
"""These are of types that are none otherwise."""


def reason_against(node: Any) -> str | None:
    """Why this object itself is no value, whatever it holds; None if it may be one."""
    kind: Any = type(node)
    if issubclass(kind, NAMED):
        return _reason_against_name(node)
    return _reason_against_kind(kind)


def _reason_against_name(node: Any) -> str | None:
    if any(node is kind for kind in _NAMELESS) or name_of(node) is not None:
        return None
    if node.__qualname__.endswith("<lambda>"):
        return "a lambda cannot be found again by name; define a function at the top of a module"
    where = "inside a function" if "<locals>" in node.__qualname__ else "under another name than its own"
    kind = "class" if inspect.isclass(node) else "function"
    return f"a {kind} defined {where} cannot be found again by name; define it at the top of a module"


# Python has these types but no name for them; pickle knows them all the same.
_NAMELESS = (type(None), type(NotImplemented), type(...))


@lru_cache(maxsize=1024)
def _reason_against_kind(kind: type) -> str | None:
    if issubclass(kind, _VALUES):
        return None
    return next((reason for refused, reason in _REASONS if issubclass(kind, refused)), None)
