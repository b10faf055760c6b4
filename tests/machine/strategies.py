"""Hypothesis strategies: any program, and any world for it to run in."""

from __future__ import annotations

from typing import Any, TypeAlias

from hypothesis import strategies as st

from tests.machine.player import Program, attempt
from tests.machine.programs import (
    CATCHES,
    FATES,
    Again,
    Anew,
    Ask,
    Await,
    Block,
    Change,
    Child,
    Do,
    DoOnce,
    Fail,
    First,
    Guard,
    Helper,
    Inquire,
    Later,
    Leave,
    Look,
    Mistake,
    Nap,
    NapUntil,
    Show,
    Start,
    Stop,
    Tell,
    Together,
)
from tests.machine.world import Signal, World

Nodes: TypeAlias = st.SearchStrategy[Any]

# Seconds are few, so that much happens in one moment.
SECONDS = st.integers(0, 3)
SIGNALS = st.sampled_from(["red", "blue"])
VALUES: Nodes = st.sampled_from([None, False, 0, "", 1, "text", (1, 2), [1.5, None]])
TIMEOUTS = st.none() | SECONDS
KEYS = st.sampled_from([None, None, "key"])
FAILURES = st.sampled_from([0, 0, 1, 2])
ATTEMPTS = st.sampled_from([3, 1, 2])
RARELY = st.sampled_from([False, False, False, True])

STEPS: Nodes = st.builds(Do, FAILURES, ATTEMPTS, st.booleans(), VALUES, st.booleans())
ONCE: Nodes = st.builds(DoOnce, RARELY, VALUES)
NAPS: Nodes = st.builds(Nap, SECONDS)
MOMENTS: Nodes = st.builds(NapUntil, SECONDS)
WAITS: Nodes = st.builds(Await, SIGNALS, st.sampled_from([None, None, int]), TIMEOUTS, st.booleans(), KEYS)
LOOKS: Nodes = st.builds(Look, st.sampled_from(["now", "uuid", "random"]))
MESSAGES: Nodes = st.builds(Tell, st.booleans()) | st.builds(Show, VALUES, st.booleans()) | st.just(Inquire())
CHILDREN: Nodes = st.builds(Child, st.sampled_from(FATES), st.booleans())
LATER: Nodes = st.builds(Later, FAILURES, ATTEMPTS)
REPEATABLE: Nodes = STEPS | STEPS | NAPS | MOMENTS | WAITS | LOOKS | MESSAGES | CHILDREN | LATER
TASKS: Nodes = st.builds(Ask, st.integers(0, 3))
STOPS: Nodes = st.builds(Stop, st.integers(0, 3))
TURNS: Nodes = st.sampled_from([Mistake(), Fail(), Leave(), Anew()])


def _blocks(nodes: Nodes, least: int = 1, most: int = 3) -> st.SearchStrategy[Block]:
    return st.lists(nodes, min_size=least, max_size=most).map(tuple)


def _guards(blocks: st.SearchStrategy[Block]) -> Nodes:
    return st.builds(Guard, blocks, st.sampled_from(sorted(CATCHES)), st.just(()) | blocks)


def _nested(nodes: Nodes, commands: Nodes) -> Nodes:
    """What holds blocks of such nodes, or a command as it is."""
    blocks = _blocks(nodes)
    alone = commands | st.builds(Together, st.tuples(commands, blocks)) | st.builds(First, st.tuples(blocks, commands))
    branches = st.lists(blocks | alone | TASKS, min_size=2, max_size=4).map(tuple)
    return st.one_of(
        st.builds(Together, branches, st.none() | st.integers(1, 2)),
        st.builds(First, branches),
        st.builds(Start, blocks | alone),
        _guards(blocks),
        st.builds(Helper, blocks),
        st.builds(Again, st.integers(0, 2), blocks),
        st.builds(Change, st.sampled_from("xyz"), blocks, st.just(()) | blocks),
        st.just(Together(())),
    )


def _programs(commands: Nodes) -> st.SearchStrategy[Program]:
    innermost = commands | TASKS | STOPS | TURNS
    middle = commands | TASKS | STOPS | _nested(innermost, commands)
    outer = STEPS | TASKS | STOPS | _nested(middle, commands)
    tasks_first = _blocks(st.builds(Start, _blocks(middle) | commands), 0, 2)
    last: Nodes = st.sampled_from([(), (), (), (Anew(),), (Fail(),)])
    return st.tuples(tasks_first, _blocks(outer, 2, 6), last).map(lambda blocks: Program(sum(blocks, ())))


PROGRAMS = _programs(REPEATABLE | ONCE)
"""Any program of up to some dozen commands."""
REPEATABLE_PROGRAMS = _programs(REPEATABLE)
"""Programs to which a crash does nothing: a step that runs at most once is told of it."""


def _earliest_first(signals: list[Signal]) -> tuple[Signal, ...]:
    return tuple(sorted(signals, key=lambda signal: signal.after))


WORLDS = st.builds(
    World,
    attempt=st.just(attempt),
    longest=st.integers(0, 2),
    signals=st.lists(st.builds(Signal, SECONDS, SIGNALS, VALUES, KEYS), max_size=4).map(_earliest_first),
    cancel_after=st.none() | st.none() | SECONDS,
    terminate_after=st.sampled_from([None] * 7 + [1, 3]),
    most_together=st.sampled_from([1, 2, 4]),
    seed=st.integers(0, 2**16),
)
"""Any world; in a third of them every entry is a commit, in the others several may be."""


def _nested_in_one_fiber(nodes: Nodes) -> Nodes:
    blocks = _blocks(nodes)
    return st.one_of(_guards(blocks), st.builds(Helper, blocks), st.builds(Again, st.integers(0, 2), blocks))


PLAIN = (
    STEPS
    | STEPS
    | ONCE
    | NAPS
    | MESSAGES
    | LATER
    | st.builds(Await, SIGNALS, st.none(), SECONDS, st.booleans())
    | st.sampled_from([Fail(), Leave()])
)
PLAIN_PROGRAMS = _blocks(PLAIN | _nested_in_one_fiber(PLAIN | _nested_in_one_fiber(PLAIN)), 2, 5).map(Program)
"""Programs of one fiber, which depend on nothing but what their steps come to."""
