"""Commands, values and lengths of time, as a line for the reader of a failed test.

Owns the spelling: a command looks as its author would have written it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import timedelta
from types import GeneratorType
from typing import Any

from dataflows.commands import (
    Callback,
    Child,
    Command,
    ContinueAsNew,
    Defer,
    Fork,
    Gather,
    Patched,
    Publish,
    Race,
    Signal,
    Sleep,
    SleepUntil,
    Start,
    Step,
    Wait,
)
from dataflows.outcome import Error, Outcome

__all__ = ["describe_command", "describe_duration", "describe_error", "describe_outcome", "describe_value"]

_LONGEST = 100

_short = reprlib.Repr()
_short.maxlevel, _short.maxdict, _short.maxlist, _short.maxtuple = 4, 8, 8, 8
_short.maxstring = _short.maxother = _LONGEST
_UNITS = (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000))


def describe_value(value: object) -> str:
    """A value's ``repr``, on one line and not too long."""
    if isinstance(value, GeneratorType):
        return f"{value.__qualname__}(…)"
    if isinstance(value, Command):
        return describe_command(value)
    if isinstance(value, timedelta):
        return repr(describe_duration(value))
    if isinstance(value, type) or hasattr(value, "__qualname__"):
        return str(getattr(value, "__qualname__", value))
    with suppress(Exception):  # an author's __repr__ may raise anything
        return " ".join(_short.repr(value).split())
    return f"<{type(value).__name__}>"


def describe_duration(duration: timedelta) -> str:
    """As an author would write it: ``"1d2h"``; to the millisecond."""
    left, parts = duration // timedelta(microseconds=1), []
    for unit, size in _UNITS:
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def describe_error(error: BaseException) -> str:
    """``Type: message``."""
    with suppress(Exception):
        text = " ".join(str(error).split())
        name = type(error).__qualname__
        return f"{name}: {text[:_LONGEST]}{'…' if len(text) > _LONGEST else ''}" if text else name
    return type(error).__qualname__


def describe_outcome(outcome: Outcome[Any]) -> str:
    """An arrow and the value, or what was raised."""
    if isinstance(outcome, Error):
        return f"raised {describe_error(outcome.exception)}"
    return f"→ {describe_value(outcome.value)}"


def describe_command(command: object) -> str:
    """The call that builds it."""
    verb = _CALLS.get(type(command), _any_command)
    return verb(command)


def _call(verb: str, *arguments: str) -> str:
    return f"{verb}({', '.join(filter(None, arguments))})"


def _step(command: Step[Any]) -> str:
    keywords = [f"{name}={describe_value(value)}" for name, value in command.kwargs.items()]
    arguments = [describe_value(value) for value in command.args] if isinstance(command.args, tuple) else ["…"]
    return _call(
        "transaction" if command.transaction else "step",
        repr(command.name),
        describe_value(command.fn),
        *arguments,
        *keywords,
    )


def _wait(command: Wait[Any]) -> str:
    timeout = "" if command.timeout is None else f"timeout={describe_value(command.timeout)}"
    default = f"default={describe_value(command.default)}" if command.has_default else ""
    kind = "" if command.type is None else describe_value(command.type)
    key = "" if command.key is None else f"key={command.key!r}"
    return _call("wait", repr(command.name), kind, key, timeout, default)


def _callback(command: Callback) -> str:
    title = "" if command.title == command.name else f"title={command.title!r}"
    text = f"text={describe_value(command.text)}" if command.text else ""
    lifetime = "" if command.valid_for is None else f"valid_for={describe_value(command.valid_for)}"
    return _call("callback", repr(command.name), title, text, f"choices={command.choices!r}", lifetime)


def _gather(command: Gather[Any]) -> str:
    limit = "" if command.limit is None else f"limit={command.limit}"
    return _call("gather", *map(describe_value, command.branches), limit)


def _race(command: Race[Any]) -> str:
    return _call("race", *(f"{name}={describe_value(branch)}" for name, branch in command.branches))


def _any_command(command: object) -> str:
    if not isinstance(command, Command) or not is_dataclass(command):
        return describe_value(command) if not isinstance(command, Command) else repr(command)
    shown = (f"{field.name}={describe_value(getattr(command, field.name))}" for field in fields(command))
    return _call(type(command).__name__, *shown)


_CALLS: dict[type[Any], Callable[[Any], str]] = {
    Step: _step,
    Sleep: lambda command: _call("sleep", repr(command.name), describe_value(command.duration)),
    SleepUntil: lambda command: _call("sleep_until", repr(command.name), str(command.when)),
    Wait: _wait,
    Gather: _gather,
    Race: _race,
    Fork: lambda command: _call("fork", describe_value(command.branch)),
    Defer: lambda command: describe_command(command.step).replace("step(", "defer(", 1),
    Signal: lambda command: _call(
        "signal", repr(command.execution_id), repr(command.name), describe_value(command.payload)
    ),
    Publish: lambda command: _call("publish", repr(command.key), describe_value(command.value)),
    Callback: _callback,
    Child: lambda command: _call("child", describe_value(command.workflow), *map(describe_value, command.args)),
    Start: lambda command: _call("start", describe_value(command.workflow), *map(describe_value, command.args)),
    ContinueAsNew: lambda command: _call("continue_as_new", *map(describe_value, command.args)),
    Patched: lambda command: _call("patched", repr(command.change)),
}
