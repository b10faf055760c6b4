"""What may come of each kind of action: one table.

Owns the facts that follow from an action alone. What somebody outside has to say is the world's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from dataflows.outcome import Value
from interpreter.machine import (
    AwaitChild,
    AwaitSignal,
    BeginStep,
    CallbackOpened,
    ChildStarted,
    End,
    Ended,
    Fact,
    MarkPatch,
    Open,
    OpenCallback,
    PatchMarked,
    Position,
    Published,
    PublishValue,
    Renew,
    Renewed,
    RunStep,
    SendSignal,
    SetTimer,
    Slept,
    StartChild,
    StepBegun,
    StepStopped,
    StopChild,
    StopStep,
    WaitTimedOut,
    format_position,
)
from interpreter.testing.agenda import Happening, Rank

if TYPE_CHECKING:
    from interpreter.testing.driver import Driver

__all__ = ["PLANS", "url_for"]


def _forced(driver: Driver, action: Open, fact: Fact) -> list[Happening]:
    """It happens at once, and there is nothing to decide."""
    return [Happening(action.position, driver.now, Rank.FORCED, lambda: fact)]


def _run_step(driver: Driver, action: RunStep) -> list[Happening]:
    if action.not_before is not None and action.not_before > driver.now:
        return [Happening(action.position, action.not_before, Rank.ATTEMPT, lambda: None)]
    return driver.world.attempts(driver, action)


def _begin_step(driver: Driver, action: BeginStep) -> list[Happening]:
    return _forced(driver, action, StepBegun(action.position, action.name, action.branch))


def _stop_step(driver: Driver, action: StopStep) -> list[Happening]:
    return _forced(driver, action, StepStopped(action.position, action.name, action.branch))


def _set_timer(driver: Driver, action: SetTimer) -> list[Happening]:
    over = Slept(action.position, action.name, action.branch)
    return [Happening(action.position, action.due, Rank.TIMER, lambda: over)]


def _await_signal(driver: Driver, action: AwaitSignal) -> list[Happening]:
    arrivals = driver.world.arrivals(driver, action)
    if action.due is None:
        return arrivals
    late = WaitTimedOut(action.position, action.name, action.branch)
    return [*arrivals, Happening(action.position, action.due, Rank.TIMER, lambda: late)]


def _publish_value(driver: Driver, action: PublishValue) -> list[Happening]:
    value = Value(action.command.value)
    return _forced(driver, action, Published(action.position, action.name, action.branch, outcome=value))


def _open_callback(driver: Driver, action: OpenCallback) -> list[Happening]:
    url = url_for(action.name, action.position)
    return _forced(driver, action, CallbackOpened(action.position, action.name, action.branch, url=url))


def url_for(name: str, position: Position) -> str:
    """The URL of a callback that nobody serves: the same in every drive, and another for each."""
    return f"https://callbacks.example/{quote(name, safe='')}/{format_position(position)}"


def _send_signal(driver: Driver, action: SendSignal) -> list[Happening]:
    return driver.world.sendings(driver, action)


def _start_child(driver: Driver, action: StartChild) -> list[Happening]:
    started = driver.launch(action)
    return _forced(driver, action, ChildStarted(action.position, action.name, action.branch, id=started.id))


def _await_child(driver: Driver, action: AwaitChild | StopChild) -> list[Happening]:
    return driver.world.children(driver, action)


def _mark_patch(driver: Driver, action: MarkPatch) -> list[Happening]:
    return _forced(driver, action, PatchMarked(action.position, action.name, action.branch))


def _renew(driver: Driver, action: Renew) -> list[Happening]:
    return _forced(driver, action, Renewed())


def _end(driver: Driver, action: End) -> list[Happening]:
    return _forced(driver, action, Ended(action.status, action.outcome))


Plan: TypeAlias = Callable[["Driver", Any], list[Happening]]

PLANS: dict[type[Any], Plan] = {
    RunStep: _run_step,
    BeginStep: _begin_step,
    StopStep: _stop_step,
    SetTimer: _set_timer,
    AwaitSignal: _await_signal,
    PublishValue: _publish_value,
    OpenCallback: _open_callback,
    SendSignal: _send_signal,
    StartChild: _start_child,
    AwaitChild: _await_child,
    StopChild: _await_child,
    MarkPatch: _mark_patch,
    Renew: _renew,
    End: _end,
}
"""An action that is open, and what may come of it."""
