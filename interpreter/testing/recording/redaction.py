"""What is not to be written into a test, replaced before anything is.

Owns the walk: a function is shown every value that the journal holds, outermost first, with its
place; what it answers takes the value's place. Of one that it answers itself, it is shown the parts.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from dataflows.outcome import Error, Value
from interpreter.machine import Ended, Entry, Fact, Recording, SignalReceived, Started

__all__ = ["Redact", "redacted"]

Redact: TypeAlias = Callable[[str, Any], Any]
"""Place, like ``fetch-item['fields']['email']``, and value; answers the value to be written, or the same one."""


def redacted(recording: Recording, redact: Redact) -> Recording:
    """A copy in which the function has replaced what it chose to."""

    def entries() -> Iterator[Entry]:
        return (Entry(each.seq, each.at, _fact(each.fact, redact)) for each in recording.entries())

    return dataclasses.replace(recording, entries=entries)


def _fact(fact: Any, redact: Redact) -> Fact:
    changed: Any = fact
    if isinstance(fact, Started):
        args = tuple(_value(f"input[{number}]", value, redact) for number, value in enumerate(fact.args))
        kwargs = {name: _value(f"input.{name}", value, redact) for name, value in fact.kwargs.items()}
        changed = dataclasses.replace(fact, args=args, kwargs=kwargs)
    elif isinstance(fact, SignalReceived):
        changed = dataclasses.replace(fact, payload=_value(fact.name, fact.payload, redact))
    elif outcome := getattr(fact, "outcome", None):
        where = "result" if isinstance(fact, Ended) else fact.name
        changed = dataclasses.replace(fact, outcome=_outcome(where, outcome, redact))
    result: Fact = changed
    return result


def _outcome(where: str, outcome: Value[Any] | Error, redact: Redact) -> Value[Any] | Error:
    if isinstance(outcome, Value):
        return Value(_value(where, outcome.value, redact))
    return Error(_value(where, outcome.exception, redact))


def _value(place: str, value: Any, redact: Redact) -> Any:
    replaced = redact(place, value)
    if replaced is not value:
        return replaced
    if type(value) is dict:
        return {key: _value(f"{place}[{key!r}]", item, redact) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_value(f"{place}[{number}]", item, redact) for number, item in enumerate(value))
    if isinstance(value, BaseException):
        return _exception(place, value, redact)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _dataclass(place, value, redact)
    return value


def _exception(place: str, error: BaseException, redact: Redact) -> BaseException:
    changed = copy.copy(error)
    changed.args = _value(f"{place}.args", error.args, redact)
    return changed


def _dataclass(place: str, value: Any, redact: Redact) -> Any:
    names = [field.name for field in dataclasses.fields(value) if field.init]
    changed = {name: _value(f"{place}.{name}", getattr(value, name), redact) for name in names}
    return dataclasses.replace(value, **changed)
