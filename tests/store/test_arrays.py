"""Every kind of array, through a real server and back."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg import Connection

from interpreter.store.arrays import (
    Array,
    BigIntArray,
    BoolArray,
    BytesArray,
    IntArray,
    TextArray,
    TimeArray,
    columns,
)
from tests.databases import opened

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12, minutes=-30))])
# A year away from what a datetime can hold at all, so that every zone can show it.
TIMES = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=ZONES)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def connection(database: str) -> Iterator[Connection[Any]]:
    with opened(database) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def there_and_back(connection: Connection[Any], array: Array) -> tuple[str, list[Any]]:
    """What type the server takes it for, and what it gives back."""
    cursor = connection.cursor(binary=True)
    row = cursor.execute("SELECT pg_typeof(%(array)b)::text, %(array)b", {"array": array}, prepare=True).fetchone()
    assert row is not None
    return row[0], row[1]


def with_nulls(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | items, max_size=20)


@given(with_nulls(TEXTS))
@example([""])
@example(["NULL", "{}", '"', "\\", ",", "\U0010ffff", "\x01"])
def test_texts_come_back(connection: Connection[Any], items: list[str | None]) -> None:
    assert there_and_back(connection, TextArray(items)) == ("text[]", items)


@given(with_nulls(st.binary()))
@example([b"", b"\0", b"\xff" * 100_000])
def test_bytes_come_back(connection: Connection[Any], items: list[bytes | None]) -> None:
    assert there_and_back(connection, BytesArray(items)) == ("bytea[]", items)


@given(with_nulls(st.integers(-(2**31), 2**31 - 1)))
@example([-(2**31), -1, 0, 1, 2**31 - 1])
def test_integers_come_back(connection: Connection[Any], items: list[int | None]) -> None:
    assert there_and_back(connection, IntArray(items)) == ("integer[]", items)


@given(with_nulls(st.integers(-(2**63), 2**63 - 1)))
@example([-(2**63), -1, 0, 1, 2**63 - 1])
def test_big_integers_come_back(connection: Connection[Any], items: list[int | None]) -> None:
    assert there_and_back(connection, BigIntArray(items)) == ("bigint[]", items)


@given(with_nulls(st.booleans()))
def test_booleans_come_back(connection: Connection[Any], items: list[bool | None]) -> None:
    assert there_and_back(connection, BoolArray(items)) == ("boolean[]", items)


@given(with_nulls(TIMES))
@example([FIRST, LAST, datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)])
def test_moments_come_back_to_the_microsecond(connection: Connection[Any], items: list[datetime | None]) -> None:
    assert there_and_back(connection, TimeArray(items)) == ("timestamp with time zone[]", items)


@pytest.mark.parametrize("kind", [TextArray, BytesArray, IntArray, BigIntArray, BoolArray, TimeArray])
def test_an_array_without_items_or_of_nulls_alone_keeps_its_type(
    connection: Connection[Any], kind: type[Array]
) -> None:
    expected = {
        TextArray: "text[]",
        BytesArray: "bytea[]",
        IntArray: "integer[]",
        BigIntArray: "bigint[]",
        BoolArray: "boolean[]",
        TimeArray: "timestamp with time zone[]",
    }
    assert there_and_back(connection, kind()) == (expected[kind], [])
    assert there_and_back(connection, kind([None, None])) == (expected[kind], [None, None])


def test_rows_become_columns_and_no_rows_empty_columns() -> None:
    assert columns([("a", 1), ("b", None)], TextArray, IntArray) == [TextArray("ab"), IntArray([1, None])]
    assert columns([], TextArray, IntArray) == [TextArray(), IntArray()]
    with pytest.raises(ValueError, match="zip"):
        columns([("a", 1), ("b",)], TextArray, IntArray)


@pytest.mark.parametrize(
    ("kind", "item"),
    [(TextArray, "\ud800"), (TextArray, 1), (IntArray, 2**31), (BigIntArray, 2**63), (TimeArray, "now")],
)
def test_what_cannot_be_packed_is_refused_when_the_array_is_made(kind: type[Array], item: object) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError, struct.error)):
        kind([item])
