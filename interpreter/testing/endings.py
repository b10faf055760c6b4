"""Whether a simulated workflow has ended as its test means it to.

Owns the words for one that has not: without them a test is green whose workflow stops at its first line.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from interpreter.machine import Status
from interpreter.testing.describing import describe_error
from interpreter.testing.simulation import Simulation

__all__ = ["Failures", "check_ended_as_meant"]

__tracebackhide__ = True  # by pytest: a failure shows the test and the workflow, not what lies between

Failures: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]
"""With what a workflow is to fail; an empty tuple: it is not to fail."""


def check_ended_as_meant(simulation: Simulation[Any], fails: Failures, *, may_be_open: bool) -> None:
    """Nothing, if it has. One that was cancelled has, since nobody else asks for that.

    :param may_be_open: it is looked at on its way, and need not have ended.
    :raises AssertionError: it has failed, and not with one of these, or was to and has not; or it has not ended.
    """
    error = simulation.error if simulation.status is Status.FAILED else None
    if error is not None and not isinstance(error, fails):
        name = type(error).__name__
        advice = f"if it is to fail so, say fails={name}; else give its steps other answers"
        raise AssertionError(f"the workflow fails with {describe_error(error)}\n{advice}\n\n{simulation}") from error
    if error is None and simulation.driver.end is not None and fails != ():
        raise AssertionError(f"it has not failed, and was to fail with {_names(fails)}\n\n{simulation}")
    if simulation.driver.end is None and not may_be_open:
        advice = "answer what it waits for by waits= or signals=, or say until= to look at it on its way"
        raise AssertionError(f"the workflow has not ended, and waits for ever: {advice}\n\n{simulation}")


def _names(fails: Failures) -> str:
    kinds = fails if isinstance(fails, tuple) else (fails,)
    return " or ".join(kind.__name__ for kind in kinds)
