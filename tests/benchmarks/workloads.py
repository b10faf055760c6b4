"""What is run: the workloads with their sizes, and which contestants take turns at each.

Owns the plan, full and quick. What a workload does is in its program; what is to be reached is in ``targets``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.contestants import ABSURD, DBOS, ENGINE, RAW, Contestant

__all__ = ["COMPLETED_BEFORE", "Group", "Settings", "Turn", "make_plan"]

COMPLETED_BEFORE = {"full": 1_000_000, "quick": 100_000}
"""How many completed executions are in the database of W9."""

Settings = Mapping[str, Any]
Sizes = Mapping[str, tuple[Settings, ...]]


@dataclass(frozen=True, slots=True)
class Turn:
    """One contestant's measurement of one workload, in a process and a database of its own.

    :ivar settings: keyword arguments of the workload's function.
    :ivar module: the program, where it is not the contestant's usual one.
    :ivar is_filled: it is run on the database with the completed executions, and not on a fresh copy.
    """

    workload: str
    contestant: Contestant
    settings: Settings
    module: str
    is_filled: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Turns that are compared with each other, and so taken one after the other, round by round.

    :ivar library: what the server must have loaded.
    """

    turns: tuple[Turn, ...]
    library: str | None = None


FULL: Sizes = {
    "limits": ({"commits": 1_000, "batches": 200, "selects": 5_000},),
    "W1": ({"number": 5_000}, {"number": 1_000}),
    "W2a": ({"executions": 20, "steps": 100},),
    "W2b": ({"executions": 5, "steps": 200},),
    "W3": ({"steps": 500},),
    "W4": ({"number": 200, "pause": 0.02}, {"number": 100, "pause": 0.02}),
    "W5": ({"number": 100_000}, {"number": 5_000}),
    "W6": ({"executions": 500, "steps": 5, "lease": 10},),
    "W7": ({"short": 10_000, "long": 100_000},),
    "W8": ({"asleep": 100_000, "settle": 3, "seconds": 15},),
    "W9": ({"number": 5_000},),
    "W10": ({"number": 5_000},),
}
"""The engine's, and where they differ, the peers': what would take them long, at a rate that does not change."""

QUICK: Sizes = {
    "limits": ({"commits": 300, "batches": 40, "selects": 1_000},),
    "W1": ({"number": 2_000}, {"number": 200}),
    "W2a": ({"executions": 20, "steps": 50}, {"executions": 20, "steps": 10}),
    "W2b": ({"executions": 3, "steps": 100}, {"executions": 3, "steps": 50}),
    "W3": ({"steps": 500}, {"steps": 100}),
    "W4": ({"number": 40, "pause": 0.02}, {"number": 20, "pause": 0.02}),
    "W5": ({"number": 5_000}, {"number": 500}),
    "W6": ({"executions": 500, "steps": 5, "lease": 2},),
    "W7": ({"short": 10_000, "long": 100_000},),
    "W8": ({"asleep": 100_000, "settle": 2, "seconds": 6},),
    "W9": ({"number": 2_000},),
    "W10": ({"number": 2_000},),
}


def make_plan(*, quick: bool) -> list[Group]:
    """The groups in the order in which they are run; the server is restarted for the last."""
    sizes = QUICK if quick else FULL
    compared = {name: _compare(name, *sizes[name]) for name in ("W1", "W2a", "W2b", "W3", "W4", "W5")}
    limits = Turn("limits", RAW, sizes["limits"][0], RAW.module)
    filled = Turn("W9", ENGINE, sizes["W9"][0], ENGINE.module, is_filled=True)
    killed = Turn("W6", ENGINE, sizes["W6"][0], "engine_killed")
    resumed = Turn("W7", ENGINE, sizes["W7"][0], "engine_resumed")
    idle = Turn("W8", ENGINE, sizes["W8"][0], "engine_idle")
    several = [Turn("W10", ENGINE, {**sizes["W10"][0], "schedulers": k}, "engine_several") for k in (1, 2, 4)]
    return [
        Group((limits, *compared.pop("W1"), filled)),
        *(Group(turns) for turns in compared.values()),
        *(Group(turns) for turns in ((killed,), (resumed,), tuple(several))),
        Group((idle,), library="pg_stat_statements"),
    ]


def _compare(workload: str, ours: Settings, theirs: Settings | None = None) -> tuple[Turn, ...]:
    sizes = {ENGINE: ours, DBOS: theirs or ours, ABSURD: theirs or ours}
    return tuple(Turn(workload, contestant, size, contestant.module) for contestant, size in sizes.items())
