"""Facts to rows and back: what a replay reads is what was live."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from psycopg import Connection

from dataflows.errors import CannotStore, ExecutionCancelled, IdInUse, Mismatch, NotFound, StepFailed
from dataflows.outcome import Error, Value
from interpreter.codec import encode
from interpreter.machine import (
    AttemptFailed,
    Begun,
    CallbackOpened,
    CancelRequested,
    ChildEnded,
    ChildStarted,
    Ended,
    Fact,
    PatchMarked,
    Published,
    Renewed,
    SignalReceived,
    SignalSent,
    Slept,
    Started,
    Status,
    StepBegun,
    StepEnded,
    StepStopped,
    Terminated,
    WaitTimedOut,
)
from interpreter.store import claims, journal, leases
from interpreter.store.records import Batch, Line
from interpreter.store.rows import Row, to_entry, to_row
from tests.databases import opened
from tests.machine.plain import plain

AT = datetime(2024, 2, 29, 12, 0, 0, 123_456, tzinfo=UTC)


@dataclass(frozen=True)
class Point:
    x: int
    y: tuple[int, ...]


FACTS: list[Fact] = [
    Started(),
    Started((1, "two", None, Point(1, (2, 3))), {"key": b"\0"}, seed="abc"),
    Begun(),
    StepBegun((0, 1, 2), "charge", "card"),
    StepEnded((0,), "fetch", outcome=Value(None)),
    StepEnded((3, 0, 2), "fetch", "paid/card", outcome=Value({"a": [1, 2.5, "\0", "\ud800"]})),
    StepEnded((7,), "fetch", outcome=Value(Point(1, (2, 3)))),
    StepEnded((7,), "fetch", outcome=Error(KeyError("missing"))),
    AttemptFailed((1,), "charge", error=TimeoutError("late"), retry_at=AT + timedelta(seconds=5)),
    AttemptFailed((1, 1, 0), "charge", "b", error=StepFailed("a.B", "gone", "trace"), retry_at=AT),
    StepStopped((2, 0, 0), "charge", "card"),
    Slept((5,), "nap"),
    WaitTimedOut((6, 1, 0), "approval", "no"),
    SignalReceived("approval", None, AT),
    SignalReceived("approval", {"by": "Ann"}, AT - timedelta(days=1)),
    SignalReceived("payment", {"paid": True}, AT, "order-7"),
    SignalSent((4,), "approval", outcome=Value(None)),
    SignalSent((4, 0, 0), "approval", "b", outcome=Error(NotFound("no execution has that id"))),
    Published((2,), "progress", outcome=Value(Point(1, ()))),
    Published((2,), "progress", "b", outcome=Error(CannotStore("a lock"))),
    CallbackOpened((3,), "approval", url="https://flows.example/callbacks/1"),
    CallbackOpened((3, 0, 0), "approval", "b", url="https://flows.example/callbacks/2"),
    ChildStarted((3,), "order", id="order-7"),
    ChildStarted((3, 0, 0), "order", "b", id='any "id" of 200 characters'),
    ChildEnded((3,), "order", outcome=Value([1, None])),
    ChildEnded((3,), "order", "b", outcome=Error(IdInUse("by another workflow"))),
    PatchMarked((3, 1), "send-invoice", "b"),
    CancelRequested(),
    Renewed(),
    Terminated(Status.CANCELLED, ExecutionCancelled("terminated")),
    Terminated(Status.FAILED, ValueError("over its limit")),
    Ended(Status.COMPLETED, Value((1, 2))),
    Ended(Status.FAILED, Error(ValueError("no"))),
    Ended(Status.CANCELLED, Error(ValueError("cancelled"))),
]


def test_the_facts_tried_here_are_all_there_are() -> None:
    assert {type(fact) for fact in FACTS} == set(get_args(Fact))


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_a_fact_comes_back_from_its_row(fact: Fact) -> None:
    entry = to_entry(7, AT, to_row(fact))
    assert (entry.seq, entry.at) == (7, AT)
    assert plain(entry.fact) == plain(fact)


@pytest.fixture(scope="module")
def connection(database: str) -> Iterator[Connection[Any]]:
    with opened(database) as connection:
        # A server far from Greenwich tells every time in its own zone.
        connection.execute("SET TimeZone = 'Pacific/Kiritimati'")
        yield connection


def test_facts_come_back_from_the_database_in_utc(connection: Connection[Any]) -> None:
    scheduler, _ = leases.register(connection, "test", timedelta(minutes=1))
    lines = [Line("all facts", 1, seq, AT, to_row(fact)) for seq, fact in enumerate(FACTS, 1)]
    committed = journal.commit(connection, scheduler, Batch(lines))
    written = claims.read_journals(connection, [("all facts", 1, 0)])["all facts"]
    entries = [to_entry(*line) for line in written]
    assert [plain(entry.fact) for entry in entries] == [plain(fact) for fact in FACTS]
    assert {entry.at for entry in entries} == {committed.now}
    times = [entry.at for entry in entries] + [
        getattr(entry.fact, name) for entry in entries for name in ("retry_at", "sent_at") if hasattr(entry.fact, name)
    ]
    assert {time.tzinfo for time in times} == {UTC}


def test_a_decoded_value_is_a_fresh_one_each_time() -> None:
    row = to_row(StepEnded((0,), "fetch", outcome=Value([1])))
    first, second = (to_entry(1, AT, row).fact for _ in range(2))
    assert isinstance(first, StepEnded) and isinstance(first.outcome, Value)
    first.outcome.value.append(2)
    assert plain(second) == plain(StepEnded((0,), "fetch", outcome=Value([1])))


def test_a_time_in_another_zone_is_the_same_moment_in_utc() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=-7)))
    entry = to_entry(1, elsewhere, to_row(SignalReceived("s", None, elsewhere)))
    assert (entry.at, entry.fact) == (AT, SignalReceived("s", None, AT))
    assert entry.at.tzinfo is UTC


# What cannot be stored --------------------------------------------------------------------------


def error_of(fact: Fact) -> BaseException:
    assert isinstance(fact, StepEnded | Ended) and isinstance(fact.outcome, Error)
    return fact.outcome.exception


def stored(fact: Fact) -> Fact:
    return to_entry(1, AT, to_row(fact)).fact


def test_a_result_that_cannot_be_stored_becomes_the_steps_error_by_name() -> None:
    error = error_of(stored(StepEnded((0,), "fetch", outcome=Value({"lock": threading.Lock()}))))
    assert isinstance(error, CannotStore)
    assert "the result of step 'fetch'" in str(error) and "['lock'] is of type _thread.lock" in str(error)


def test_a_published_value_that_cannot_be_stored_is_the_publishings_error_by_name() -> None:
    published = stored(Published((0,), "progress", outcome=Value(threading.Lock())))
    assert isinstance(published, Published) and isinstance(published.outcome, Error)
    assert isinstance(published.outcome.exception, CannotStore)
    assert "the published value of 'progress'" in str(published.outcome.exception)


def test_a_childs_error_keeps_its_notes_over_the_journals_of_its_parents() -> None:
    error = ValueError("no")
    error.add_note("in child execution 'a' of workflow 'order'")
    ended = stored(ChildEnded((0,), "order", outcome=Error(error)))
    assert isinstance(ended, ChildEnded) and isinstance(ended.outcome, Error)
    assert error.__notes__ == [note for note in ended.outcome.exception.__notes__ if note.startswith("in child")]


def test_a_workflows_result_that_cannot_be_stored_fails_it() -> None:
    ended = stored(Ended(Status.COMPLETED, Value(threading.Lock())))
    assert isinstance(ended, Ended) and ended.status is Status.FAILED
    error = error_of(ended)
    assert isinstance(error, CannotStore) and "the result of the workflow" in str(error)


# Rows that cannot be read -----------------------------------------------------------------------


def a_value_of_a_class_that_is_gone() -> Row:
    data = encode(Point(1, ()), "a test").data
    assert b"Point" in data
    return Row("step", "0", "fetch", None, True, "dill", data.replace(b"Point", b"Pwint"))


@pytest.mark.parametrize(
    "row",
    [
        Row("teleported"),
        Row(""),
        Row("step", "0", "fetch", None, True, "json", b"{"),
        Row("step", "0", "fetch", None, True, "json", None),
        Row("step", "0", "fetch", None, True, "yaml", b"a: 1"),
        Row("step", "zero", "fetch", None, True, "json", b"1"),
        Row("attempt", "0", "fetch", None, False, "error", b"{}"),
        Row("signal", None, "approval", None, None, "json", b"1"),
        Row("terminated", None, "torn down", None, False, "json", b"1"),
        Row("child-started", "0", "order", None, None, None, None),
        Row("started", None, None, None, None, "json", b"[]"),
        a_value_of_a_class_that_is_gone(),
    ],
    ids=lambda row: f"{row.kind}-{row.encoding}-{row.data!r}"[:40],
)
def test_a_row_that_cannot_be_read_is_a_mismatch_that_names_the_entry(row: Row) -> None:
    with pytest.raises(Mismatch, match="entry 12 "):
        to_entry(12, AT, row)


class Fizzled(Exception):
    """Its class is gone when it is read."""


def test_an_exception_whose_class_is_gone_is_no_mismatch_but_a_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    row = to_row(StepEnded((0,), "fetch", outcome=Error(Fizzled("out"))))
    monkeypatch.delattr(sys.modules[__name__], "Fizzled")
    error = error_of(to_entry(1, AT, row).fact)
    assert isinstance(error, StepFailed)
    assert (error.type_name, error.message) == (f"{__name__}.Fizzled", "out")
