"""now, uuid and random: computed from the journal."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from dataflows import Flow, gather, now, random, sleep, step, uuid
from dataflows.outcome import Value
from interpreter.machine import Begun, Entry, Machine, Started
from interpreter.machine.chance import chance
from tests.machine.by_hand import START, ByHand, seconds_after_start, work

Begin = Callable[..., ByHand]


def three_chances() -> Flow[list[Any]]:
    return [(yield from uuid()), (yield from random()), (yield from uuid()), (yield from random())]


def test_the_clock_starts_when_the_execution_begins_and_not_when_it_was_accepted(begin: Begin) -> None:
    def flow() -> Flow[datetime]:
        return (yield from now())

    hand = begin(flow)
    machine = Machine(hand.workflow)
    machine.apply(Entry(1, START, Started()))
    machine.apply(Entry(2, seconds_after_start(7), Begun()))
    assert machine.outcome == Value(seconds_after_start(7))


def test_now_is_the_time_of_the_last_entry_and_aware(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        first = yield from now()
        yield step("a", work)
        second, again = (yield from now()), (yield from now())
        yield sleep("nap", 60)
        return first, second, again, (yield from now())

    hand = begin(flow)
    hand.pass_time(5)
    hand.succeed("a")
    hand.fire("nap")
    assert hand.result == (START, seconds_after_start(5), seconds_after_start(5), seconds_after_start(65))
    assert hand.result[0].tzinfo is UTC


def test_time_and_chance_are_equal_on_every_replay(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        before = yield from three_chances()
        yield step("a", work)
        return before, (yield from now()), (yield from gather(three_chances(), three_chances()))

    hand = begin(flow)
    hand.pass_time(3.25)
    hand.succeed("a")
    assert hand.replayed().outcome == hand.machine.outcome


def test_every_uuid_and_every_random_number_is_another_in_each_branch_too(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        first = yield from three_chances()
        second, third = yield from gather(three_chances(), three_chances())
        return [*first, *second, *third]

    drawn = begin(flow).result
    assert len(set(drawn)) == 12
    assert all(value.version == 4 for value in drawn if isinstance(value, uuids.UUID))
    assert all(0 <= value < 1 for value in drawn if isinstance(value, float))


def test_two_executions_draw_differently(begin: Begin) -> None:
    machines = [Machine(begin(three_chances).workflow) for _ in range(2)]
    for seed, machine in zip(("one", "two"), machines, strict=True):
        machine.apply(Entry(1, START, Started(seed=seed)))
        machine.apply(Entry(2, START, Begun()))
    assert machines[0].outcome != machines[1].outcome


def test_chance_is_spread_evenly() -> None:
    drawn = [chance("seed", (number,)) for number in range(10_000)]
    for tenth in range(10):
        assert 900 < sum(tenth / 10 <= value < (tenth + 1) / 10 for value in drawn) < 1100
