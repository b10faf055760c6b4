"""The testing kit in pytest: fixtures, commands compared field by field, and what was simulated when a test fails.

Loaded wherever dataflows is installed, it imports nothing of it until a test does, and changes nothing for
tests that do not use it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Generator, Mapping
from typing import Any

import pytest

__all__ = ["crash_everywhere", "explore", "simulate", "simulated_world"]


@pytest.fixture
def simulated_world() -> Mapping[str, Any]:
    """What all simulations of your tests have in common: override it in a ``conftest.py``.

    It returns keyword arguments of ``simulate``, like ``{"steps": {"send-mail": None}}``.
    """
    return {}


@pytest.fixture
def simulate(simulated_world: Mapping[str, Any]) -> Callable[..., Any]:
    """``interpreter.testing.simulate``, in the ``simulated_world``; what a test gives goes first."""
    from interpreter import testing

    return _within(simulated_world, testing.simulate)


@pytest.fixture
def crash_everywhere(simulated_world: Mapping[str, Any]) -> Callable[..., Any]:
    """``interpreter.testing.crash_everywhere``, in the ``simulated_world``."""
    from interpreter import testing

    return _within(simulated_world, testing.crash_everywhere)


@pytest.fixture
def explore(simulated_world: Mapping[str, Any]) -> Callable[..., Any]:
    """``interpreter.testing.explore``, in the ``simulated_world``."""
    from interpreter import testing

    return _within(simulated_world, testing.explore)


def _within(world: Mapping[str, Any], function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any, **settings: Any) -> Any:
        __tracebackhide__ = True
        both = {**world, **settings}
        for name in ("steps", "waits", "children"):
            both[name] = {**(world.get(name) or {}), **(settings.get(name) or {})}
        return function(*args, **both)

    return run


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """``assert next(flow) == step("fetch", fetch, 42)`` shows the fields that differ."""
    commands = sys.modules.get("dataflows.commands")
    if commands is None or op != "==" or not isinstance(left, commands.Command) or type(left) is not type(right):
        return None
    from interpreter.testing.comparing import differences
    from interpreter.testing.describing import describe_command

    lines = [f"  {field}: {one} != {other}" for field, one, other in differences(left, right)]
    return [f"{describe_command(left)} == {describe_command(right)}", *lines]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What is simulated from now on belongs to this test."""
    if (module := sys.modules.get("interpreter.testing.simulation")) is not None:
        module.recent.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The histories of what was simulated stand below a failure."""
    report = yield
    module = sys.modules.get("interpreter.testing.simulation")
    if report.when == "call" and report.failed and module is not None:
        report.sections += [("simulated", str(simulation)) for simulation in module.recent]
    return report
