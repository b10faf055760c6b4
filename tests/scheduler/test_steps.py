"""Steps: where they run, what they come to, and that what a workflow sees live is what it would see on replay."""

from __future__ import annotations

import asyncio
import enum
import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest

from dataflows import (
    CannotStore,
    Flow,
    Retry,
    StepFailed,
    current_attempt,
    gather,
    now,
    random,
    step,
    uuid,
    wait,
    workflow,
)
from interpreter import Scheduler, Status
from interpreter.machine import Machine
from interpreter.store import journal
from interpreter.store.rows import to_entry
from tests.databases import opened
from tests.machine.plain import plain
from tests.waiting import eventually

ONCE = Retry(attempts=1)


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
    {"set": {1, 2}, "frozen": frozenset("ab")},
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


@workflow("steps/one")
def one_step(fn: int, *args: Any) -> Flow[Any]:
    """``fn`` is the place of the function in ``FUNCTIONS``, since a function is no value."""
    return (yield from step("one", FUNCTIONS[fn], *args, retry=ONCE))


@workflow("steps/seen")
def seen(index: int) -> Flow[Any]:
    """What it saw of a value, live, and after it was suspended and perhaps replayed."""
    first = yield from step("give", lambda: VALUES[index])
    live = (type(first).__qualname__, repr(first))
    yield from wait("go on")
    return live, (type(first).__qualname__, repr(first))


FUNCTIONS: list[Callable[..., Any]] = []


def number_of(fn: Callable[..., Any]) -> int:
    FUNCTIONS.append(fn)
    return len(FUNCTIONS) - 1


def outcome(scheduler: Scheduler, fn: Callable[..., Any], *args: Any) -> Any:
    """What an execution comes to whose only step calls this."""
    return scheduler.run(one_step, number_of(fn), *args)


# Where they run ---------------------------------------------------------------------------------


def test_a_plain_function_runs_on_a_thread_of_the_schedulers(scheduler: Scheduler) -> None:
    assert outcome(scheduler, lambda: threading.current_thread().name) == "dataflows step"


def test_an_async_function_runs_on_the_schedulers_loop(scheduler: Scheduler) -> None:
    async def where() -> tuple[str, bool]:
        await asyncio.sleep(0)
        return threading.current_thread().name, asyncio.get_running_loop().is_running()

    class Callable_:
        async def __call__(self) -> tuple[str, bool]:
            return await where()

    for fn in (where, Callable_(), functools.partial(where), lambda: where()):
        assert outcome(scheduler, fn) == ("dataflows async steps", True)


def test_async_steps_run_beside_each_other_on_one_loop(scheduler: Scheduler) -> None:
    async def main() -> Any:
        await meeting.wait()
        return "met"

    async def open_it() -> str:
        meeting.set()
        return "opened"

    meeting = asyncio.Event()
    numbers = number_of(main), number_of(open_it)
    handles = [scheduler.start(one_step, number) for number in numbers]
    assert [handle.result(20) for handle in handles] == ["met", "opened"]


def test_a_step_knows_which_attempt_it_is(scheduler: Scheduler, id: str) -> None:
    def look() -> tuple[Any, ...]:
        attempt = current_attempt()
        return attempt.execution_id, attempt.position, attempt.name, attempt.number, attempt.idempotency_key

    async def look_too() -> tuple[Any, ...]:
        return look()

    plain_step = scheduler.start(one_step, number_of(look), id=id)
    async_step = scheduler.start(one_step, number_of(look_too), id=f"{id}a")
    assert plain_step.result() == (id, "0", "one", 1, f"{id}/1/0")
    assert async_step.result() == (f"{id}a", "0", "one", 1, f"{id}a/1/0")
    with pytest.raises(LookupError):
        current_attempt()


# Values -----------------------------------------------------------------------------------------


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


@workflow("steps/retried")
def retried(fn: int) -> Flow[Any]:
    return (yield from step("one", FUNCTIONS[fn], retry=Retry(attempts=3, first=0)))


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
    return threading.Lock()


def test_a_workflows_result_that_cannot_be_stored_fails_the_execution(scheduler: Scheduler) -> None:
    with pytest.raises(CannotStore, match="the result of the workflow"):
        scheduler.run(bad_result)


def test_a_large_value_is_a_value(scheduler: Scheduler) -> None:
    assert len(outcome(scheduler, lambda: "x" * 5_000_000)) == 5_000_000


# Errors -----------------------------------------------------------------------------------------


class OutOfStock(Exception):
    def __init__(self, item: str, left: int) -> None:
        super().__init__(item, left)
        self.item = item
        self.left = left


class Awkward(Exception):
    """Not built by what its args say, and no text to be had."""

    def __init__(self, a: int, b: int) -> None:
        self.sum = a + b

    def __str__(self) -> str:
        raise RuntimeError("no text")


@workflow("steps/caught")
def caught(fn: int) -> Flow[Any]:
    """What a workflow can tell of the error that a step raised, before and after it was suspended."""
    try:
        yield from step("fail", FUNCTIONS[fn], retry=ONCE)
    except Exception as error:
        told = plain(error), [type(error).__qualname__, vars(error).get("item")], bool(error.__cause__)
    else:
        told = None
    yield from wait("go on")
    return told


def sell_out() -> None:
    try:
        raise KeyError("tea")
    except KeyError as error:
        sold_out = OutOfStock("tea", 0)
        sold_out.add_note("try coffee")
        raise sold_out from error


def test_an_exception_keeps_type_attributes_notes_cause_and_where_it_came_from(scheduler: Scheduler) -> None:
    with pytest.raises(OutOfStock) as raised:
        outcome(scheduler, sell_out)
    error = raised.value
    assert (error.item, error.left, error.args) == ("tea", 0, ("tea", 0))
    assert isinstance(error.__cause__, KeyError) and error.__cause__.args == ("tea",)
    assert error.__notes__[0] == "try coffee"
    assert "sell_out" in error.__notes__[-1], "the traceback of where it was raised first"


def test_an_exception_is_the_same_after_a_restart(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler() as first:
        handle = first.start(caught, number_of(sell_out))
        eventually(lambda: handle.status() == Status.SUSPENDED)
    expected = ["OutOfStock: ('tea', 0)", "KeyError: 'tea'"], ["OutOfStock", "tea"], True
    with new_scheduler() as second:
        second.signal(handle.id, "go on")
        assert second.result(handle.id) == expected


def test_an_exception_that_cannot_be_built_again_still_arrives(scheduler: Scheduler) -> None:
    def fail() -> None:
        raise Awkward(1, 2)

    class Local(Exception):
        pass

    def fail_locally() -> None:
        raise Local("here")

    with pytest.raises(Awkward) as awkward:
        outcome(scheduler, fail)
    assert awkward.value.sum == 3
    with pytest.raises(StepFailed, match=r"Local: here") as raised:
        outcome(scheduler, fail_locally)
    assert "fail_locally" in raised.value.traceback_text


def test_a_group_of_exceptions_is_one_exception(scheduler: Scheduler) -> None:
    def fail() -> None:
        raise ExceptionGroup("both", [ValueError("a"), OutOfStock("tea", 0)])

    with pytest.raises(ExceptionGroup) as raised:
        outcome(scheduler, fail)
    assert [type(error) for error in raised.value.exceptions] == [ValueError, OutOfStock]


CONTROL_FLOW = [StopIteration, StopAsyncIteration, GeneratorExit, asyncio.CancelledError]


@pytest.mark.parametrize("kind", CONTROL_FLOW)
def test_an_exception_that_would_steer_python_itself_is_a_failed_step(
    scheduler: Scheduler, kind: type[BaseException]
) -> None:
    def fail() -> None:
        raise kind("x")

    with pytest.raises(StepFailed, match=f"{kind.__qualname__}: x"):
        outcome(scheduler, fail)
    assert outcome(scheduler, lambda: "the scheduler goes on") == "the scheduler goes on"


def test_an_async_step_that_is_cancelled_by_its_own_code_is_a_failed_step(scheduler: Scheduler) -> None:
    async def fail() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(10)

    with pytest.raises(StepFailed, match="CancelledError"):
        outcome(scheduler, fail)


class Odd(BaseException):
    """Not an ``Exception``, and nothing that Python knows."""


def test_a_base_exception_of_the_authors_fails_the_execution_and_is_not_retried(
    scheduler: Scheduler, calls: list[Any]
) -> None:
    def fail() -> None:
        calls.append(1)
        raise Odd("odd")

    with pytest.raises(Odd, match="odd"):
        scheduler.run(retried, number_of(fail))
    assert calls == [1]


# Replaying what was live ------------------------------------------------------------------------


@workflow("steps/mixed")
def mixed() -> Flow[Any]:
    begun = yield from now()
    drawn = (yield from uuid()), (yield from random())
    both = yield from gather(step("a", lambda: (1, 2)), step("b", lambda: {"x": None}))
    try:
        yield from step("c", sell_out, retry=ONCE)
    except OutOfStock as error:
        left = error.left
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
            for line in journal.read_journals(connection, [(id, 1, 0)])[id]:
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
