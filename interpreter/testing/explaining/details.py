"""A command in words: what it would do, with what, and within which bounds.

Owns the words.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from dataflows.arguments import WrongCall
from dataflows.commands import (
    Callback,
    Child,
    Defer,
    Fork,
    Gather,
    Publish,
    Race,
    Signal,
    Sleep,
    SleepUntil,
    Start,
    Step,
    Wait,
)

__all__ = ["describe"]

_LONGEST = 60
_MADE_UP = timedelta(days=10 * 365)
_UNITS = {"d": 86_400, "h": 3_600, "m": 60}


def describe(command: object, at: datetime) -> tuple[str, str, str]:
    """Its kind, its name, and the details.

    :param at: the made-up time at which it is yielded.
    """
    if isinstance(command, SleepUntil):
        return "sleep", str(command.name), _until(command.when, at)
    kind, details = _WORDS[type(command)]
    if isinstance(command, Step) and command.transaction:
        kind = "transaction"
    return kind, str(_name(command)), details(command)


def _name(command: object) -> str:
    match command:
        case Child() | Start():
            return command.workflow.name
        case Publish():
            return command.key
        case Defer():
            return command.step.name
        case _:
            return getattr(command, "name", "")


def _step(command: Step[Any]) -> str:
    if isinstance(command.fn, WrongCall):
        return command.fn.problem
    name = getattr(command.fn, "__qualname__", None) or type(command.fn).__name__
    return _listed(_call(name, command.args, command.kwargs), *_options(command))


def _options(command: Step[Any]) -> list[str]:
    """What its author has said beside the function and its arguments."""
    retry = command.retry
    return [
        "once" if command.once else "",
        "" if command.timeout is None else f"within {_spelled(command.timeout)}",
        "" if retry is None else f"{'any number of' if retry.attempts is None else retry.attempts} attempts",
        "" if command.on is None else f"on {command.on}",
        "" if command.limit is None else f"limit {command.limit}",
    ]


def _other(command: Child[Any] | Start) -> str:
    called = _call(command.workflow.name, command.args, {})
    return _listed(called, "" if command.id is None else f"as {_short(command.id)}")


def _until(when: object, at: datetime) -> str:
    """What was made of ``now()`` by how long it is; that is made up, and long ago."""
    if type(when) is datetime and when - at < _MADE_UP:
        return _spelled(max(when - at, timedelta(0)))
    return f"until {when}"


def _wait(command: Wait[Any]) -> str:
    kind = "" if command.type is None else f"for {command.type.__name__}"
    key = "" if command.key is None else f"of key {_short(command.key)}"
    timeout = "" if command.timeout is None else f"at most {_spelled(command.timeout)}"
    return _listed(kind, key, timeout, f"else {_short(command.default)}" if command.has_default else "")


def _callback(command: Callback) -> str:
    validity = "" if command.valid_for is None else f"for {_spelled(command.valid_for)}"
    return _listed(", ".join(map(str, command.choices)), validity)


def _signal(command: Signal) -> str:
    payload = "" if command.payload is None else _short(command.payload)
    return _listed(f"to {_short(command.execution_id)}", payload)


def _call(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return f"{name}({', '.join([*map(_short, args), *(f'{key}={_short(value)}' for key, value in kwargs.items())])})"


def _listed(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _spelled(length: timedelta) -> str:
    """As an author would write it: ``1d12h``; of one that is not known, where it comes from."""
    if type(length) is not timedelta:
        return repr(length)
    seconds, text = length.total_seconds(), ""
    for unit, size in _UNITS.items():
        if count := int(seconds // size):
            text += f"{count}{unit}"
            seconds -= count * size
    return text + (f"{seconds:g}s" if seconds or not text else "")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


_WORDS: dict[type[Any], tuple[str, Callable[[Any], str]]] = {
    Step: ("step", _step),
    Defer: ("defer", lambda command: _step(command.step)),
    Sleep: ("sleep", lambda command: _spelled(command.duration)),
    Wait: ("wait", _wait),
    Signal: ("signal", _signal),
    Publish: ("publish", lambda command: _short(command.value)),
    Callback: ("callback", _callback),
    Child: ("child", _other),
    Start: ("start", _other),
    Gather: ("gather", lambda command: "" if command.limit is None else f"at most {command.limit} at once"),
    Race: ("race", lambda command: ""),
    Fork: ("fork", lambda command: ""),
}
