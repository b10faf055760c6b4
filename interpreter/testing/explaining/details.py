"""A command that is open, in words: what it would do, and with what.

Owns the words.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from interpreter.machine import (
    AwaitSignal,
    BeginStep,
    Machine,
    Open,
    OpenCallback,
    PublishValue,
    RunStep,
    SendSignal,
    SetTimer,
    StartChild,
)

__all__ = ["describe"]

_LONGEST = 60
_UNITS = {"d": 86_400, "h": 3_600, "m": 60}


def describe(machine: Machine, action: Open) -> tuple[str, str]:
    """Its kind, and the details."""
    kind, details = _WORDS[type(action)]
    return kind, details(machine, action)


def _call(action: RunStep | BeginStep) -> str:
    command = action.command
    named = [f"{name}={_short(value)}" for name, value in command.kwargs.items()]
    name = getattr(command.fn, "__qualname__", None) or type(command.fn).__name__
    options = ", once" if command.once else "" if command.timeout is None else f", within {_spelled(command.timeout)}"
    return f"{name}({', '.join([*map(_short, command.args), *named])}){options}"


def _child(action: StartChild) -> str:
    return f"{action.name}({', '.join(map(_short, action.command.args))})"


def _wait(machine: Machine, action: AwaitSignal) -> str:
    kind = "" if action.command.type is None else f"for {action.command.type.__name__}"
    timeout = "" if action.due is None else _duration(machine, action.due)
    return ", ".join(filter(None, (kind, timeout and f"at most {timeout}")))


def _duration(machine: Machine, due: Any) -> str:
    return _spelled(due - machine.clock) if type(due) is datetime else repr(due)


def _spelled(length: timedelta) -> str:
    """As an author would write it: ``1d12h``."""
    seconds, text = length.total_seconds(), ""
    for unit, size in _UNITS.items():
        if count := int(seconds // size):
            text += f"{count}{unit}"
            seconds -= count * size
    return text + (f"{seconds:g}s" if seconds or not text else "")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


_WORDS: dict[type[Any], tuple[str, Callable[[Machine, Any], str]]] = {
    RunStep: ("step", lambda machine, action: _call(action)),
    BeginStep: ("step", lambda machine, action: _call(action)),
    SetTimer: ("sleep", lambda machine, action: _duration(machine, action.due)),
    AwaitSignal: ("wait", lambda machine, action: _wait(machine, action)),
    SendSignal: ("signal", lambda machine, action: f"to {_short(action.command.execution_id)}"),
    PublishValue: ("publish", lambda machine, action: _short(action.command.value)),
    OpenCallback: ("callback", lambda machine, action: ", ".join(action.command.choices)),
    StartChild: ("child", lambda machine, action: _child(action)),
}
