"""What the testing kit may not be called with."""

from __future__ import annotations

from dataflows import Flow, sleep, workflow
from interpreter.testing import Simulation, crash_everywhere, explore, rehearse, simulate


@workflow("tested too")
def tested(order: int, address: str) -> Flow[str]:
    yield from sleep("pause", "1h")
    return f"{order} to {address}"


def is_positive(simulation: Simulation[int]) -> bool:
    return simulation.result > 0


def run() -> None:
    simulate(tested, "here", 1)  # refused
    simulate(tested, 1)  # refused
    crash_everywhere(tested, 1, 2)  # refused
    rehearse(tested, [])  # refused
    explore(tested, 1, "here", invariant=is_positive)  # refused
    simulate(tested, 1, "here", step={})  # refused
