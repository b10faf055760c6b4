"""A story played by the in-memory driver, with a crash after every entry; and that the driver plays what it should."""

from __future__ import annotations

from typing import Any

import pytest

from dataflows import Cancelled, Flow, Retry, Winner, gather, now, race, sleep, step, wait
from dataflows.outcome import Value
from dataflows.workflow import Workflow
from interpreter.machine import CancelRequested, Ended, Slept, Status, WaitTimedOut
from tests.machine.by_hand import seconds_after_start, work
from tests.machine.memory import Memory, Signal, World, from_table
from tests.machine.plain import plain


def copy_item() -> Flow[Any]:
    """The main job in small: fetch, approve, cool down, create."""
    item = yield from step("fetch", work, retry=Retry(first=10, factor=1, jitter=0))
    try:
        decision = yield from race(answer=wait("approval"), late=sleep("late", "7d"))
        yield from sleep("cooldown", "24h")
    except Cancelled:
        yield step("apologise", work)
        raise
    created = yield from gather(step("create", work), step("mail", work))
    return item, decision, created, (yield from now())


TABLE: dict[str, list[Any]] = {
    "fetch": [OSError("unreachable"), {"id": 42}],
    "create": ["task 1"],
    "mail": [None],
    "apologise": ["done"],
}
APPROVED = World(from_table(TABLE), longest=0, signals=[Signal(60, "approval", "yes")])
STORY = ({"id": 42}, Winner("answer", "yes"), ("task 1", None), seconds_after_start(60 + 86_400))


def play(world: World, **losses: Any) -> Memory:
    memory = Memory(Workflow(copy_item, "copy-item"), world=world)
    memory.run(**losses)
    memory.machine.abandon()
    return memory


def test_the_story_without_a_crash() -> None:
    memory = play(APPROVED)
    assert memory.machine.outcome == Value(STORY)
    assert [attempt.position for attempt in memory.performed] == [(0,), (0,), (3, 0, 0), (3, 1, 0)]


@pytest.mark.parametrize("seq", range(2, 10))
def test_a_crash_after_any_entry_has_the_result_of_no_crash(seq: int) -> None:
    memory = play(APPROVED, crash_after={seq})
    assert memory.machine.outcome == Value(STORY)
    assert plain(memory.journal) == plain(play(APPROVED).journal)


def test_an_attempt_that_was_lost_in_a_crash_runs_again_and_a_journaled_one_does_not() -> None:
    crashed = World(from_table(TABLE), longest=5, signals=APPROVED.signals, seed=1)
    memory = play(crashed, crash_after=range(1, 100))
    assert isinstance(memory.machine.outcome, Value)
    assert memory.machine.outcome.value[:3] == STORY[:3]
    assert len(memory.performed) == 4 + len(memory.lost)
    assert memory.lost


def test_without_an_approval_the_week_passes_and_the_story_goes_on() -> None:
    memory = play(World(from_table(TABLE)))
    assert isinstance(memory.machine.outcome, Value)
    assert memory.machine.outcome.value[1] == Winner("late", None)


def test_cancelled_in_its_cooldown_it_apologises() -> None:
    memory = play(World(from_table(TABLE), longest=0, signals=APPROVED.signals, cancel_after=3600))
    ended = memory.journal[-1].fact
    assert isinstance(ended, Ended)
    assert ended.status is Status.CANCELLED
    assert [attempt.position for attempt in memory.performed][-1] == (3,)
    (cancelled,) = [entry for entry in memory.journal if isinstance(entry.fact, CancelRequested)]
    assert cancelled.at == seconds_after_start(3600)


# The driver itself ------------------------------------------------------------------------------


def tie() -> Flow[Any]:
    return (yield from race(a=sleep("a", 1), b=wait("b", timeout=1, default=None), c=sleep("c", 1)))


def test_what_happens_in_one_moment_is_journaled_in_an_order_drawn_from_the_seed_and_repeatable() -> None:
    winners = set()
    for seed in range(20):
        outcomes = [Memory(Workflow(tie, "tie"), world=World(seed=seed)).run() for _ in range(2)]
        assert outcomes[0] == outcomes[1]
        assert isinstance(outcomes[0], Value)
        winners.add(outcomes[0].value.name)
    assert winners == {"a", "b", "c"}


def test_in_a_commit_of_several_entries_timers_come_late_and_change_nothing() -> None:
    late = 0
    for seed in range(20):
        memory = Memory(Workflow(tie, "tie"), world=World(seed=seed, most_together=4))
        outcome = memory.run()
        timers = [entry.fact for entry in memory.journal if isinstance(entry.fact, Slept | WaitTimedOut)]
        assert isinstance(outcome, Value)
        assert outcome.value.name == timers[0].branch
        late += len(timers) - 1
    assert late > 10
