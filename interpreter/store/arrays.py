"""Columns of a batch as PostgreSQL arrays, in binary and of a fixed type.

psycopg chooses an array's type by its contents, so that one statement would be prepared again
for small and large numbers, or for a column of nulls; and it dumps item by item. These types
are fixed, and are packed in one pass (the binary array format of PostgreSQL's array_recv).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format

__all__ = [
    "BigIntArray",
    "BoolArray",
    "BytesArray",
    "IntArray",
    "TextArray",
    "TimeArray",
    "columns",
    "named_columns",
    "register",
]

_HEADER = struct.Struct("!iiIii")  # dimensions, whether there may be nulls, item type, length, lower bound
_EMPTY = struct.Struct("!iiI")
_LENGTH = struct.Struct("!i")
_NULL = _LENGTH.pack(-1)
_INT = struct.Struct("!ii")
_BIGINT = struct.Struct("!iq")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Array(bytes):
    """A column of a batch. It is packed when it is made, so that what cannot be is refused before anything is sent.

    :param items: None is SQL's null.
    """

    __slots__ = ()

    def __new__(cls, items: Iterable[Any] = ()) -> Self:
        _, item_oid, pack = _FORMATS[cls]
        packed = [_NULL if item is None else pack(item) for item in items]
        header = _HEADER.pack(1, 1, item_oid, len(packed), 1) if packed else _EMPTY.pack(0, 0, item_oid)
        return super().__new__(cls, header + b"".join(packed))


class TextArray(Array):
    """``text[]``: items are ``str``."""

    __slots__ = ()


class BytesArray(Array):
    """``bytea[]``: items are ``bytes``."""

    __slots__ = ()


class IntArray(Array):
    """``int4[]``."""

    __slots__ = ()


class BigIntArray(Array):
    """``int8[]``."""

    __slots__ = ()


class BoolArray(Array):
    """``bool[]``."""

    __slots__ = ()


class TimeArray(Array):
    """``timestamptz[]``: items are aware ``datetime``."""

    __slots__ = ()


def _pack_bytes(item: bytes) -> bytes:
    return _LENGTH.pack(len(item)) + item


def _pack_text(item: str) -> bytes:
    return _pack_bytes(item.encode())


def _pack_int(item: int) -> bytes:
    return _INT.pack(4, item)


def _pack_bigint(item: int) -> bytes:
    return _BIGINT.pack(8, item)


def _pack_bool(item: bool) -> bytes:
    return b"\0\0\0\1\1" if item else b"\0\0\0\1\0"


def _pack_time(item: datetime) -> bytes:
    return _BIGINT.pack(8, (item - _EPOCH) // _MICROSECOND)


_FORMATS: dict[type[Array], tuple[int, int, Callable[[Any], bytes]]] = {
    TextArray: (1009, 25, _pack_text),
    BytesArray: (1001, 17, _pack_bytes),
    IntArray: (1007, 23, _pack_int),
    BigIntArray: (1016, 20, _pack_bigint),
    BoolArray: (1000, 16, _pack_bool),
    TimeArray: (1185, 1184, _pack_time),
}
"""PostgreSQL's numbers for the array and its items (pg_type.dat), and how one item is packed."""


def register(adapters: AdaptersMap) -> None:
    """Teach a connection to send these arrays."""
    for kind, dumper in _DUMPERS.items():
        adapters.register_dumper(kind, dumper)


def columns(rows: Iterable[tuple[Any, ...]], *kinds: type[Array]) -> list[Array]:
    """A batch's rows as one array a column; no rows give empty columns."""
    transposed = list(zip(*rows, strict=True))
    return [kind(column) for kind, column in zip(kinds, transposed or [()] * len(kinds), strict=True)]


def named_columns(kinds: dict[str, type[Array]], rows: Iterable[tuple[Any, ...]]) -> dict[str, Array]:
    """The same as the parameters of a statement, by name."""
    return dict(zip(kinds, columns(rows, *kinds.values()), strict=True))


def _dumper(array_oid: int) -> type[Dumper]:
    class ArrayDumper(Dumper):
        format = Format.BINARY
        oid = array_oid

        def dump(self, obj: Array) -> bytes:
            return obj

    return ArrayDumper


_DUMPERS = {kind: _dumper(array_oid) for kind, (array_oid, _, _) in _FORMATS.items()}
