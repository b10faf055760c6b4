"""Outcomes, actions and entries as plain values, which compare: two exceptions of one text do not."""

from __future__ import annotations

import dataclasses
from typing import Any

from interpreter.machine import Machine


def plain(thing: Any) -> Any:
    if isinstance(thing, BaseException):
        return [
            (f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())) for error in _with_contexts(thing)
        ]
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        fields = [getattr(thing, field.name) for field in dataclasses.fields(thing) if field.compare]
        return type(thing).__name__, *map(plain, fields)
    if isinstance(thing, list | tuple):
        return [plain(item) for item in thing]
    return thing


def plain_open(machine: Machine) -> dict[Any, Any]:
    return {position: plain(action) for position, action in machine.open.items()}


def _with_contexts(error: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__context__
    return chain
