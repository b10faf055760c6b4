"""``crash_everywhere``: a workflow that is dropped at every entry and re-driven, to find what does not replay.

Owns the comparison of two drives over one journal. The first drive is a simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NoReturn, TypeVar, TypeVarTuple

from dataflows.commands import Flow
from dataflows.duration import Duration
from dataflows.errors import Mismatch
from dataflows.logs import replaying
from dataflows.outcome import Error, Outcome, Value
from interpreter.machine import Entry, format_position
from interpreter.testing.answers import REFUSED, Answer
from interpreter.testing.comparing import differences, same_value
from interpreter.testing.describing import describe_command, describe_outcome
from interpreter.testing.driver import Driver
from interpreter.testing.endings import Failures, check_ended_as_meant
from interpreter.testing.generation import Generation
from interpreter.testing.history import describe_fact
from interpreter.testing.script import TimedSignal
from interpreter.testing.simulation import START, Simulation, check_arguments, simulate
from interpreter.testing.watching import Sighting, WatchedMachine

__all__ = ["crash_everywhere"]

__tracebackhide__ = True  # by pytest: a failure shows the test and the workflow, not what lies between

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_ADVICE = (
    "Between two yields a workflow only decides: clocks, chance and I/O belong into steps, now(), uuid(), random()."
)


def crash_everywhere(
    workflow: Callable[[*Ts], Flow[T]],
    /,
    *args: *Ts,
    steps: Mapping[str, Answer] | None = None,
    waits: Mapping[str, Answer] | None = None,
    children: Mapping[str, Answer] | None = None,
    signals: Iterable[TimedSignal] = (),
    otherwise: Answer = REFUSED,
    cancel_at: Duration | None = None,
    until: Duration | None = None,
    start: datetime = START,
    seed: int | str = 0,
    passed: Iterable[str] = (),
    fails: Failures | None = (),
) -> Simulation[T]:
    """Simulate a workflow; then crash it after each entry, and feed the journal to a fresh generator.

    ::

        crash_everywhere(order, "A-1", steps={"charge": "charge-1", "ship": "tracking-7"})

    Each fresh generator has to yield the same commands, with the same arguments, and the last one to come to the same
    result. No step runs more than once: what was journaled is all that a re-driven workflow may depend on.

    It also has to come to an end as it is meant to: one that fails at once, or waits for a signal that nobody sends,
    would replay to there and show nothing of the rest. That it is to fail is said by ``fails=OutOfStock``, that it is
    looked at on its way, by ``until=``.

    Found is what differs from one drive to the next in this process: chance, clocks, ids, counters, values that a step
    changed in place. A branch on something that changes seldom (the day of the week) is not.

    :param workflow: and all that follows: as for ``simulate``.
    :param fails: the exception with which it is to fail, or a tuple of those that will do; None: the test looks itself
        at how it has ended, or whether it has.
    :return: the simulation, uninterrupted.
    :raises AssertionError: it yielded something else, and where: entry, file and line, both commands; it failed, which
        is the cause, or did not though it was to; it has not ended, and the clock was not to stop.
    :raises WrongArguments: the workflow takes others.
    """
    check_arguments("crash_everywhere", workflow, args)
    simulation = simulate(
        workflow,
        *args,
        steps=steps,
        waits=waits,
        children=children,
        signals=signals,
        otherwise=otherwise,
        cancel_at=cancel_at,
        until=until,
        start=start,
        seed=seed,
        passed=passed,
    )
    check_replays(simulation.driver)
    if fails is not None:
        check_ended_as_meant(simulation, fails, may_be_open=until is not None)
    return simulation


def check_replays(driver: Driver) -> None:
    """Re-drive what the driver has driven, up to each of its entries.

    :raises AssertionError: the fresh generator did something else.
    """
    token = replaying.set(True)
    try:
        for generation in driver.generations:
            for number in range(2, len(generation) + 1):
                _redrive(generation, number)
    finally:
        replaying.reset(token)


def _redrive(generation: Generation, number: int) -> None:
    machine, seen = generation.new_machine(), 0
    try:
        for entry, mark in zip(generation.entries(number), generation.marks, strict=False):
            _apply(generation, machine, entry)
            _compare(generation, entry, generation.machine.sightings[seen:mark], machine.sightings[seen:])
            seen = mark
        if number == len(generation):
            _compare_ends(generation, machine.outcome)
    finally:
        machine.abandon()


def _apply(generation: Generation, machine: WatchedMachine, entry: Entry) -> None:
    try:
        machine.apply(entry)
    except Mismatch as mismatch:
        _fail(generation, entry.seq, [str(mismatch)])


def _compare(generation: Generation, entry: Entry, first: list[Sighting], again: list[Sighting]) -> None:
    for one, other in zip(first, again, strict=False):
        if one.position != other.position or not same_value(one.command, other.command):
            _fail(generation, entry.seq, _describe_two(one, other))
    if len(first) > len(again):
        _fail(generation, entry.seq, [*_describe("first", first[len(again)]), "  again   yielded nothing there"])
    if len(again) > len(first):
        _fail(generation, entry.seq, ["  first   yielded nothing there", *_describe("again", again[len(first)])])


def _compare_ends(generation: Generation, again: Outcome[Any] | None) -> None:
    first = generation.machine.outcome
    if first is None or again is None or _same_outcome(first, again):
        return
    ends = [f"  first   {describe_outcome(first)}", f"  again   {describe_outcome(again)}"]
    _fail(generation, len(generation), ends)


def _same_outcome(first: Outcome[Any], again: Outcome[Any]) -> bool:
    if isinstance(first, Value) and isinstance(again, Value):
        return same_value(first.value, again.value)
    return isinstance(first, Error) and isinstance(again, Error) and describe_outcome(first) == describe_outcome(again)


def _describe_two(first: Sighting, again: Sighting) -> list[str]:
    fields = [
        f"          {field or 'the command'}: first {expected}, again {actual}"
        for field, expected, actual in differences(first.command, again.command)
        if field
    ]
    return [*_describe("first", first), *_describe("again", again), *fields]


def _describe(which: str, seen: Sighting) -> list[str]:
    text = f"  {which}   {describe_command(seen.command)}   (position {format_position(seen.position)})"
    return [text, f"          at {seen.place}"]


def _fail(generation: Generation, seq: int, lines: list[str]) -> NoReturn:
    head = f"workflow {generation.workflow.name!r} does not replay: fed the same journal, it did something else"
    journaled = generation.entries(seq)[-1].fact  # decoded once more: the workflow may have changed what it was fed
    after = f"  after entry {seq}:  {describe_fact(journaled)}"
    raise AssertionError("\n".join([head, "", after, *lines, "", f"  {_ADVICE}"]))
