"""Values: what a workflow sees of them live is what it would see on replay, and what no journal holds is refused."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest

from dataflows import CannotStore, Flow, Retry, gather, now, random, step, uuid, wait, workflow
from interpreter import Scheduler, Status
from interpreter.machine import Machine
from interpreter.store import claims
from interpreter.store.rows import to_entry
from tests.databases import opened
from tests.machine.plain import plain
from tests.scheduler.stepping import number_of, outcome, retried
from tests.waiting import eventually


@dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: str


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


VALUES: list[Any] = [
    None,
    False,
    0,
    "",
    [],
    {},
    True,
    2**64 + 1,
    -0.0,
    1e22,
    float("inf"),
    "\0 and \ud800 and 日本",
    b"\0\xff",
    (1, (2, [3])),
    {1: "one", "1": "one too"},
    {"set": {1, 2}, "frozen": frozenset({3, 4})},
    datetime(2024, 2, 29, 12, tzinfo=UTC),
    datetime(2024, 2, 29, 12),
    timedelta(days=-1, microseconds=1),
    Decimal("1.10"),
    UUID(int=7),
    Money(Decimal("9.99"), "EUR"),
    [Money(Decimal(1), "EUR"), None],
    Colour.RED,
    Level.HIGH,
    PurePosixPath("/a/b"),
    complex(1, 2),
]


def ids_of(values: list[Any]) -> list[str]:
    return [repr(value)[:30] for value in values]


@workflow("steps/seen")
def seen(index: int) -> Flow[Any]:
    """What it saw of a value, live, and after it was suspended and perhaps replayed."""
    first = yield from step("give", lambda: VALUES[index])
    live = (type(first).__qualname__, repr(first))
    yield from wait("go on")
    return live, (type(first).__qualname__, repr(first))


@pytest.mark.parametrize("value", VALUES, ids=ids_of(VALUES))
def test_a_result_arrives_with_value_and_type(scheduler: Scheduler, value: Any) -> None:
    result = outcome(scheduler, lambda: value)
    assert (type(result), repr(result)) == (type(value), repr(value))


def test_what_is_seen_live_is_what_is_seen_on_replay(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler(cached=0) as first:
        handles = [first.start(seen, index) for index in range(len(VALUES))]
        eventually(lambda: {handle.status() for handle in handles} == {Status.SUSPENDED})
    with new_scheduler() as second:
        for handle, value in zip(handles, VALUES, strict=True):
            second.signal(handle.id, "go on")
            live, replayed = second.result(handle.id)
            assert live == replayed == (type(value).__qualname__, repr(value))


def test_a_value_that_is_changed_after_it_was_returned_is_as_it_was_returned(scheduler: Scheduler) -> None:
    kept: list[int] = []

    def give() -> list[int]:
        kept.append(1)
        return kept

    result = outcome(scheduler, give)
    kept.append(2)
    assert result == [1]
    assert result is not kept


@workflow("steps/changes its values")
def changes_its_values() -> Flow[Any]:
    first = yield from step("give", list)
    first.append("changed by the workflow")
    second = yield from step("take", lambda given: len(given), first)
    return first, second


def test_a_workflow_may_change_what_it_was_given(scheduler: Scheduler) -> None:
    assert scheduler.run(changes_its_values) == (["changed by the workflow"], 1)


class Unstorable:
    """Holds what no journal can."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


def endless() -> list[Any]:
    itself: list[Any] = []
    for _ in range(100_000):
        itself = [itself]
    return itself


UNSTORABLE: dict[str, Callable[[], Any]] = {
    "a lock": threading.Lock,
    "a generator": lambda: (n for n in range(3)),
    "a lambda": lambda: lambda: 1,
    "an instance": Unstorable,
    "a deep list": endless,
}


@pytest.mark.parametrize("what", UNSTORABLE)
def test_a_result_that_cannot_be_stored_fails_that_step_by_name_and_is_not_tried_again(
    scheduler: Scheduler, calls: list[Any], what: str
) -> None:
    def give() -> Any:
        calls.append(what)
        return UNSTORABLE[what]()

    with pytest.raises(CannotStore, match="cannot store the result of step 'one'"):
        scheduler.run(retried, number_of(give))
    assert calls == [what]


@workflow("steps/goes on")
def goes_on() -> Flow[Any]:
    try:
        yield from step("bad", threading.Lock)
    except CannotStore:
        return (yield from step("good", lambda: "went on"))


def test_a_workflow_may_go_on_after_a_result_that_cannot_be_stored(scheduler: Scheduler) -> None:
    assert scheduler.run(goes_on) == "went on"


@workflow("steps/bad result")
def bad_result() -> Flow[Any]:
    yield from step("fine", lambda: 1)
    return threading.Lock()  # dataflows: allow DF203


def test_a_workflows_result_that_cannot_be_stored_fails_the_execution(scheduler: Scheduler) -> None:
    with pytest.raises(CannotStore, match="the result of the workflow"):
        scheduler.run(bad_result)


def test_a_large_value_is_a_value(scheduler: Scheduler) -> None:
    assert len(outcome(scheduler, lambda: "x" * 5_000_000)) == 5_000_000


# Replaying what was live ------------------------------------------------------------------------


def refuse() -> None:
    raise KeyError("out of stock")


@workflow("steps/mixed")
def mixed() -> Flow[Any]:
    begun = yield from now()
    drawn = (yield from uuid()), (yield from random())
    both = yield from gather(step("a", lambda: (1, 2)), step("b", lambda: {"x": None}))
    try:
        yield from step("c", refuse, retry=Retry(attempts=1))
    except KeyError as error:
        left = error.args
    message = yield from wait("m", timeout=0.01, default="late")
    ended = yield from now()
    return begun, drawn, both, left, message, ended


@pytest.fixture
def replay(database: str) -> Iterator[Callable[[str], Machine]]:
    """A machine to which the journal of an execution was applied."""
    machines: list[Machine] = []

    def apply_all(id: str) -> Machine:
        with opened(database) as connection:
            machines.append(Machine(mixed))
            for line in claims.read_journals(connection, [(id, 1, 0)])[id]:
                machines[-1].apply(to_entry(*line))
        return machines[-1]

    yield apply_all
    for machine in machines:
        machine.abandon()


def test_the_history_replayed_on_a_fresh_machine_has_the_outcome_that_was_live(
    scheduler: Scheduler, id: str, replay: Callable[[str], Machine]
) -> None:
    handles = [scheduler.start(mixed, id=f"{id}-{n}") for n in range(20)]  # many, so that they share commits
    for handle in handles:
        live = handle.result()
        machine = replay(handle.id)
        assert machine.outcome is not None
        assert plain(machine.outcome) == ("Value", plain(live))
        assert machine.open == {}
