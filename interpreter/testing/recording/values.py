"""A value as the source of an expression that makes an equal one.

Owns how each type is written. What no expression can make is written as it is stored.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, ClassVar
from uuid import UUID

from dataflows.errors import StepFailed
from interpreter.codec import Encoded, decode, encode
from interpreter.testing.recording.imports import Imports
from interpreter.testing.recording.layout import Brackets, Source, on_one_line

__all__ = ["ValueWriter", "restored"]


def restored(encoding: str, data: str) -> Any:
    """A value that has no readable form, as the journal holds it: the bytes in base 64."""
    return decode(Encoded(encoding, base64.b64decode(data)))


class ValueWriter:
    """Writes values, and notes what has to be imported for them."""

    def __init__(self, imports: Imports) -> None:
        self._imports = imports
        self.readable = True
        """Whether all that was written so far is the plain source of it."""

    def write(self, value: Any) -> Source:
        """The expression."""
        write = self._by_type.get(type(value))
        if write is not None:
            return write(self, value)
        return self._by_shape(value) or self._as_stored(value)

    def _by_shape(self, value: Any) -> Source | None:
        if isinstance(value, BaseException):
            return self._exception(value)
        if isinstance(value, Enum):
            return f"{self._class(value)}.{value.name}"
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return self._call(value, {name: getattr(value, name) for name in getattr(value, "_fields", ())})
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._dataclass(value)
        return None

    def _dataclass(self, value: Any) -> Source | None:
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
        written = {field.name for field in dataclasses.fields(value) if field.init and not _is_default(field, value)}
        try:
            if type(value)(**fields) != value:
                return None
        except Exception:
            return None
        return self._call(value, {name: item for name, item in fields.items() if name in written})

    def _exception(self, error: BaseException) -> Source | None:
        args = error.args[:2] if isinstance(error, StepFailed) else error.args
        try:
            again = type(error)(*args)
        except Exception:
            return None
        if str(again) != str(error):
            return None
        return Brackets(f"{self._class(error)}(", [self.write(argument) for argument in args], ")")

    def _call(self, value: Any, arguments: dict[str, Any]) -> Source:
        items = [_behind(f"{name}=", self.write(item)) for name, item in arguments.items()]
        return Brackets(f"{self._class(value)}(", items, ")")

    def _class(self, value: Any) -> str:
        kind = type(value)
        return self._imports.name(kind.__module__, kind.__qualname__)

    def _as_stored(self, value: Any) -> Source:
        self.readable = False
        encoded = encode(value, "a recorded value")
        data = base64.b64encode(encoded.data).decode()
        return Brackets(
            f"{self._imports.name('interpreter.testing', 'restored')}(",
            [_text(encoded.encoding), _text(data)],
            ")",
        )

    def _dict(self, value: dict[Any, Any]) -> Source:
        items = [_behind(f"{on_one_line(self.write(key))}: ", self.write(item)) for key, item in value.items()]
        return Brackets("{", items, "}")

    def _list(self, value: list[Any]) -> Source:
        return Brackets("[", [self.write(item) for item in value], "]")

    def _tuple(self, value: tuple[Any, ...]) -> Source:
        return Brackets("(", [self.write(item) for item in value], ")", comma=True)

    def _set(self, value: set[Any] | frozenset[Any]) -> Source:
        items = Brackets("{", [self.write(item) for item in sorted(value, key=repr)], "}")
        if type(value) is set:
            return items if value else "set()"
        return Brackets("frozenset(", [items] if value else [], ")")

    def _float(self, value: float) -> Source:
        return repr(value) if isfinite(value) else f'float("{value}")'

    def _datetime(self, value: datetime) -> Source:
        if value.fold or (value.tzinfo is not None and value.tzinfo is not UTC):
            return self._as_stored(value)
        parts = [value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond]
        while len(parts) > 3 and not parts[-1]:
            parts.pop()
        zone = [f"tzinfo={self._imports.name('datetime', 'UTC')}"] if value.tzinfo is not None else []
        return Brackets(f"{self._class(value)}(", [*map(str, parts), *zone], ")")

    def _from_repr(self, value: object) -> Source:
        """Of a class of the standard library whose ``repr`` is an expression."""
        arguments = repr(value).partition("(")[2].removesuffix(")")
        return f"{self._class(value)}({arguments.replace(chr(39), chr(34))})"

    _by_type: ClassVar[dict[type, Callable[[Any, Any], Source]]] = {
        type(None): lambda self, value: "None",
        bool: lambda self, value: repr(value),
        int: lambda self, value: repr(value),
        float: _float,
        str: lambda self, value: _text(value),
        bytes: lambda self, value: "b" + _quoted(repr(value)[1:]),
        dict: _dict,
        list: _list,
        tuple: _tuple,
        set: _set,
        frozenset: _set,
        datetime: _datetime,
        date: _from_repr,
        timedelta: _from_repr,
        Decimal: _from_repr,
        UUID: _from_repr,
    }


def _text(value: str) -> str:
    return _quoted(repr(value))


def _quoted(literal: str) -> str:
    """The literal between double quotes, where that takes no backslash more."""
    body = literal[1:-1]
    return literal if '"' in body or "\\'" in body else f'"{body}"'


def _behind(prefix: str, source: Source) -> Source:
    return prefix + source if isinstance(source, str) else source.behind(prefix)


def _is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    return default is not dataclasses.MISSING and bool(getattr(value, field.name) == default)
