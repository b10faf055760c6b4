"""Hypothesis strategies: any program, and any world for it to run in."""

from __future__ import annotations

from typing import Any, TypeAlias

from hypothesis import strategies as st

from tests.machine.memory import Signal, World
from tests.machine.player import Program, attempt
from tests.machine.programs import (
    CATCHES,
    Again,
    Ask,
    Await,
    Block,
    Do,
    Fail,
    First,
    Guard,
    Helper,
    Leave,
    Look,
    Mistake,
    Nap,
    NapUntil,
    Start,
    Stop,
    Together,
)

Nodes: TypeAlias = st.SearchStrategy[Any]

# Seconds are few, so that much happens in one moment.
SECONDS = st.integers(0, 3)
SIGNALS = st.sampled_from(["red", "blue"])
VALUES: Nodes = st.sampled_from([None, False, 0, "", 1, "text", (1, 2), [1.5, None]])
TIMEOUTS = st.none() | SECONDS

STEPS: Nodes = st.builds(Do, st.sampled_from([0, 0, 1, 2]), st.sampled_from([3, 1, 2]), st.booleans(), VALUES)
NAPS: Nodes = st.builds(Nap, SECONDS)
MOMENTS: Nodes = st.builds(NapUntil, SECONDS)
WAITS: Nodes = st.builds(Await, SIGNALS, st.sampled_from([None, None, int]), TIMEOUTS, st.booleans())
LOOKS: Nodes = st.builds(Look, st.sampled_from(["now", "uuid", "random"]))
COMMANDS: Nodes = STEPS | STEPS | NAPS | MOMENTS | WAITS | LOOKS
TASKS: Nodes = st.builds(Ask, st.integers(0, 3))
STOPS: Nodes = st.builds(Stop, st.integers(0, 3))
TURNS: Nodes = st.sampled_from([Mistake(), Fail(), Leave()])


def _blocks(nodes: Nodes, least: int = 1, most: int = 3) -> st.SearchStrategy[Block]:
    return st.lists(nodes, min_size=least, max_size=most).map(tuple)


def _guards(blocks: st.SearchStrategy[Block]) -> Nodes:
    return st.builds(Guard, blocks, st.sampled_from(sorted(CATCHES)), st.just(()) | blocks)


def _nested(nodes: Nodes) -> Nodes:
    """What holds blocks of such nodes."""
    blocks = _blocks(nodes)
    alone = COMMANDS | st.builds(Together, st.tuples(COMMANDS, blocks)) | st.builds(First, st.tuples(blocks, COMMANDS))
    branches = st.lists(blocks | alone | TASKS, min_size=2, max_size=4).map(tuple)
    return st.one_of(
        st.builds(Together, branches, st.none() | st.integers(1, 2)),
        st.builds(First, branches),
        st.builds(Start, blocks | alone),
        _guards(blocks),
        st.builds(Helper, blocks),
        st.builds(Again, st.integers(0, 2), blocks),
        st.just(Together(())),
    )


INNERMOST = COMMANDS | TASKS | STOPS | TURNS
MIDDLE = COMMANDS | TASKS | STOPS | _nested(INNERMOST)
OUTER = STEPS | TASKS | STOPS | _nested(MIDDLE)
TASKS_FIRST = _blocks(st.builds(Start, _blocks(MIDDLE) | COMMANDS), 0, 2)
PROGRAMS = st.tuples(TASKS_FIRST, _blocks(OUTER, 2, 6)).map(lambda blocks: Program(blocks[0] + blocks[1]))
"""Any program of up to some dozen commands."""


def _earliest_first(signals: list[Signal]) -> tuple[Signal, ...]:
    return tuple(sorted(signals, key=lambda signal: signal.after))


WORLDS = st.builds(
    World,
    attempt=st.just(attempt),
    longest=st.integers(0, 2),
    signals=st.lists(st.builds(Signal, SECONDS, SIGNALS, VALUES), max_size=4).map(_earliest_first),
    cancel_after=st.none() | st.none() | SECONDS,
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
    | NAPS
    | st.builds(Await, SIGNALS, st.none(), SECONDS, st.booleans())
    | st.sampled_from([Fail(), Leave()])
)
PLAIN_PROGRAMS = _blocks(PLAIN | _nested_in_one_fiber(PLAIN | _nested_in_one_fiber(PLAIN)), 2, 5).map(Program)
"""Programs of one fiber, which depend on nothing but what their steps come to."""
