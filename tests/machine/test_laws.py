"""The laws, over any workflow, any order of what happens, and any crash.

``DATAFLOWS_EXAMPLES`` is the number of examples for each law, ``DATAFLOWS_SEED`` repeats a run; both
are printed at the head of the report, and with what fails::

    DATAFLOWS_EXAMPLES=20000 pytest tests/machine/test_laws.py -o timeout=0
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis.strategies import SearchStrategy

from dataflows.commands import Start
from interpreter.machine import (
    ENDED,
    AttemptFailed,
    AwaitSignal,
    CallbackOpened,
    CancelRequested,
    ChildEnded,
    ChildStarted,
    Close,
    Ended,
    Entry,
    Machine,
    Open,
    Published,
    Renewed,
    SignalSent,
    Slept,
    StartChild,
    StepBegun,
    StepEnded,
    StepStopped,
    WaitTimedOut,
    fold,
)
from tests.machine.examples import EXAMPLES, SEED
from tests.machine.memory import Memory, World
from tests.machine.plain import plain, plain_open
from tests.machine.player import Program
from tests.machine.programs import Change, Look
from tests.machine.reference import reference
from tests.machine.strategies import PLAIN_PROGRAMS, PROGRAMS, REPEATABLE_PROGRAMS, WORLDS

SETTLED = (StepEnded, StepStopped, AttemptFailed)
Check = Callable[[Program, World], None]


def law(programs: SearchStrategy[Program] = PROGRAMS) -> Callable[[Check], Callable[[], None]]:
    """The check holds for any of these programs in any world."""

    def decorate(check: Check) -> Callable[[], None]:
        def test(program: Program, world: World) -> None:
            note(f"DATAFLOWS_SEED={SEED}\n{program.block}\n{world}")
            check(program, world)

        test.__name__ = check.__name__
        setting = settings(
            max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
        )
        return seed(SEED)(setting(given(programs, WORLDS)(test)))

    return decorate


@contextmanager
def played(
    program: Program, world: World, crash_after: Container[int] = (), evict_after: Container[int] = ()
) -> Iterator[Memory]:
    """The program, played to its end, with these losses on the way."""
    memory = Memory(program.workflow, world=world)
    try:
        memory.run(crash_after, evict_after)
        yield memory
    finally:
        memory.machine.abandon()


@contextmanager
def replaying(memory: Memory) -> Iterator[Iterator[tuple[Entry, Machine]]]:
    """A fresh machine, about to be given each entry of that journal."""
    machine = Machine(memory.workflow)
    try:
        yield ((entry, machine) for entry in memory.decoded())
    finally:
        machine.abandon()


def all_of(memory: Memory) -> tuple[Any, ...]:
    """Everything that must be the same in two runs."""
    return plain(memory.journal), memory.opened, plain(memory.machine.outcome)


# Replay -----------------------------------------------------------------------------------------


@law()
def test_a_fresh_machine_given_the_journal_is_where_the_live_one_was_and_has_seen_the_same(
    program: Program, world: World
) -> None:
    with played(program, world) as memory:
        seen, state = list(program.run.notes), (plain_open(memory.machine), plain(memory.machine.outcome))
        memory.rebuild()
        assert program.run.notes == seen
        assert (plain_open(memory.machine), plain(memory.machine.outcome)) == state


@law()
def test_every_prefix_of_the_journal_has_the_actions_open_that_the_live_machine_had(
    program: Program, world: World
) -> None:
    with played(program, world) as memory, replaying(memory) as entries:
        for entry, machine in entries:
            machine.apply(entry)
            assert plain_open(machine) == memory.opened[entry.seq - 1]


@law()
def test_the_actions_of_a_whole_replay_are_what_is_open_and_what_was_closed(program: Program, world: World) -> None:
    with played(program, world) as memory, replaying(memory) as entries:
        machine = Machine(memory.workflow)
        for entry, machine in entries:
            machine.apply(entry)
        actions = [action for action in machine.actions() if not isinstance(action, Close)]
        assert sorted(map(repr, actions)) == sorted(map(repr, machine.open.values()))


@law()
def test_time_never_goes_back(program: Program, world: World) -> None:
    with played(program, world) as memory:
        looks = [answer for _, node, answer in program.run.notes if node is Look]
        clock = [answer for answer in looks if isinstance(answer, datetime)]
        assert clock == sorted(clock)
        assert [entry.at for entry in memory.journal] == sorted(entry.at for entry in memory.journal)


# One settled entry a position -------------------------------------------------------------------


@law()
def test_a_fact_that_comes_late_changes_nothing_and_no_position_is_settled_twice(
    program: Program, world: World
) -> None:
    settled: Counter[Any] = Counter()
    with played(program, world) as memory, replaying(memory) as entries:
        for entry, machine in entries:
            before, seen = dict(machine.open), len(program.run.notes)
            machine.apply(entry)
            position = getattr(entry.fact, "position", None)
            if position is not None and position not in before:
                assert (machine.open, len(program.run.notes)) == (before, seen)
            elif position is not None and settles(entry.fact, before[position]):
                assert machine.open.get(position) != before[position]
                settled[position] += 1
    assert set(settled.values()) <= {1}


def settles(fact: Any, action: Open) -> bool:
    """Whether the command there has come to something; a child that is waited for has not when it has started."""
    if isinstance(fact, ChildStarted):
        return isinstance(action, StartChild) and isinstance(action.command, Start)
    ends = StepEnded | StepStopped | Slept | WaitTimedOut | SignalSent | Published | CallbackOpened | ChildEnded
    return isinstance(fact, ends)


@law()
def test_a_finished_scope_has_no_open_action_below_it(program: Program, world: World) -> None:
    with played(program, world) as memory, replaying(memory) as entries:
        for entry, machine in entries:
            machine.apply(entry)
            finished = [f"{path}." for path, active in program.run.scopes.items() if not active]
            names = [getattr(action, "name", "") for action in machine.open.values()]
            assert not [name for name in names if name.startswith(tuple(finished))]


@law()
def test_it_ends_with_nothing_open_or_waits_for_signals_that_never_come(program: Program, world: World) -> None:
    with played(program, world) as memory:
        if memory.has_ended:
            assert memory.machine.fibers == {}
            last = memory.journal[-1].fact
            assert not isinstance(last, Ended) or last.status in ENDED
        else:
            assert memory.machine.outcome is None
            assert memory.machine.open
            assert all(isinstance(a, AwaitSignal) and a.due is None for a in memory.machine.open.values())


# Changes ----------------------------------------------------------------------------------------


@law()
def test_the_journal_of_an_execution_that_has_ended_before_the_code_was_patched_is_replayed_as_it_was(
    program: Program, world: World
) -> None:
    older = program.before_its_changes()
    with played(older, world) as memory:
        if isinstance(memory.journal[-1].fact, Ended | Renewed):
            machine = fold(program.workflow, memory.decoded)
            assert machine.open == {}
            assert plain(machine.outcome) == plain(memory.machine.outcome)
            assert [seen for seen in program.run.notes if seen[1] is not Change] == older.run.notes


# Crashes ----------------------------------------------------------------------------------------


@law(REPEATABLE_PROGRAMS)
def test_a_crash_after_any_commit_changes_nothing_of_what_follows(program: Program, world: World) -> None:
    with played(program, world) as unharmed:
        expected = all_of(unharmed)
    for seq in unharmed.commits:
        with played(program, world, crash_after={seq}) as memory:
            assert all_of(memory) == expected


@law(REPEATABLE_PROGRAMS)
def test_a_crash_after_every_commit_changes_nothing_at_all(program: Program, world: World) -> None:
    with played(program, world) as unharmed:
        expected = all_of(unharmed)
    with played(program, world, crash_after=unharmed.commits) as memory:
        assert all_of(memory) == expected


@law()
def test_letting_the_machine_go_after_any_commit_changes_nothing(program: Program, world: World) -> None:
    with played(program, world) as unharmed:
        expected = (*all_of(unharmed), unharmed.performed)
    for seqs in (*([seq] for seq in unharmed.commits), unharmed.commits):
        with played(program, world, evict_after=seqs) as memory:
            assert (*all_of(memory), memory.performed) == expected


@law(REPEATABLE_PROGRAMS)
def test_a_journaled_step_never_runs_again_and_an_attempt_that_was_lost_does(program: Program, world: World) -> None:
    with played(program, world, crash_after=range(10_000)) as memory:
        for attempt in memory.performed:
            before = [entry.fact for entry in memory.journal[: attempt.seq]]
            here = [fact for fact in before if isinstance(fact, SETTLED) and fact.position == attempt.position]
            assert all(isinstance(fact, AttemptFailed) for fact in here)
            assert attempt.number == 1 + len(here)
        begun = Counter((attempt.position, attempt.number) for attempt in memory.performed)
        lost = Counter((attempt.position, attempt.number) for attempt in memory.lost)
        assert begun == lost + Counter(set(begun))


@law()
def test_a_step_that_runs_at_most_once_does_and_its_start_is_journaled_before(program: Program, world: World) -> None:
    with played(program, world, crash_after=range(0, 10_000, 2)) as memory:
        begun = Counter(attempt.position for attempt in memory.performed)
        for entry in memory.journal:
            if isinstance(entry.fact, StepBegun):
                assert begun[entry.fact.position] <= 1
                assert all(a.seq >= entry.seq for a in memory.performed if a.position == entry.fact.position)


@law()
def test_cancelled_after_any_entry_it_ends_or_waits_for_signals_in_its_cleanup(program: Program, world: World) -> None:
    with played(program, world) as memory:
        journal, commits = memory.journal, memory.commits
    for seq in commits:
        cancelled = Memory(program.workflow, world=world)
        try:
            cancelled.take_over(journal[:seq])
            cancelled.put(CancelRequested())
            cancelled.run()
            assert not cancelled.machine.open or cancelled.machine.outcome is None
            assert all(isinstance(a, AwaitSignal) and a.due is None for a in cancelled.machine.open.values())
        finally:
            cancelled.machine.abandon()


# What the answers are ---------------------------------------------------------------------------


@law()
def test_a_step_answers_its_value_a_gather_what_its_branches_returned_and_a_race_what_its_winner_did(
    program: Program, world: World
) -> None:
    with played(program, world):
        assert program.run.surprises == []


@law()
def test_no_fiber_is_cancelled_twice(program: Program, world: World) -> None:
    with played(program, world):
        assert all(len(paths) <= 1 for paths in program.run.cancellations)


@law(PLAIN_PROGRAMS)
def test_a_program_of_one_fiber_sees_what_plain_calls_would_have_given_it(program: Program, world: World) -> None:
    untouched = World(attempt=world.attempt, longest=world.longest, seed=world.seed)
    with played(program, untouched) as memory:
        seen, outcome = list(program.run.notes), plain(memory.machine.outcome)
    assert outcome == plain(reference(program))
    assert program.run.notes == seen
