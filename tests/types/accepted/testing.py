"""The testing kit knows what a workflow takes, and what it returns."""

from __future__ import annotations

from typing import Any, assert_type

from dataflows import Flow, sleep, step, workflow
from interpreter.testing import ANY, Simulation, Throw, crash_everywhere, explore, in_turn, rehearse, simulate, takes


def ship(order: int, address: str) -> str:
    return f"{order} to {address}"


@workflow("tested")
def tested(order: int, address: str) -> Flow[str]:
    yield from sleep("pause", "1h")
    return (yield from step("ship", ship, order, address))


def plain(order: int) -> Flow[int]:
    yield from sleep("pause", order)
    return order


def is_whole(simulation: Simulation[str]) -> bool:
    return simulation.result.isprintable()


def run() -> None:
    assert_type(simulate(tested, 1, "here", steps={"ship": in_turn(OSError, takes("1s", "there"))}), Simulation[str])
    assert_type(simulate(plain, 1, signals=[("a", {"b": 1}, "1d")]).result, int)
    assert_type(crash_everywhere(tested, 1, "here", otherwise=None).result, str)
    assert_type(simulate(plain, 1).error, BaseException | None)
    explore(tested, 1, "here", invariant=is_whole, steps={"ship": ["there", OSError]})
    plan: list[Any] = [sleep("pause", "1h"), (step("ship", ship, 1, ANY), Throw(OSError()))]
    assert_type(rehearse(tested(1, "here"), plan), str)
    rehearse(plain(1), [(ANY, None)], returns=1)
