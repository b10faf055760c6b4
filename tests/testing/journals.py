"""Journals made by hand, and workflows that stand in no global registry."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from dataflows.outcome import Error, Value
from dataflows.workflow import Registry, Workflow
from interpreter.machine import Begun, Entry, Fact, Recording, Started, Status, StepEnded

__all__ = ["known", "raised", "recording", "returned"]

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def returned(position: tuple[int, ...], name: str, value: Any = None, branch: str = "") -> StepEnded:
    return StepEnded(position, name, branch, outcome=Value(value))


def raised(position: tuple[int, ...], name: str, error: BaseException) -> StepEnded:
    return StepEnded(position, name, outcome=Error(error))


def recording(
    *facts: Fact,
    args: tuple[Any, ...] = (),
    workflow: str = "order",
    version: int = 1,
    id: str = "A-1",
    status: Status = Status.SUSPENDED,
) -> Recording:
    """A journal that has begun, a second between two entries."""
    every = [Started(args, {}, "seed"), Begun(), *facts]
    entries = [Entry(seq, BEGUN + timedelta(seconds=seq), fact) for seq, fact in enumerate(every, 1)]
    return Recording(id, workflow, version, status, lambda: deepcopy(entries))


def known(function: Callable[..., Any], name: str = "order", version: int = 1) -> Registry:
    """A registry that holds this workflow alone."""
    registry = Registry()
    registry.add(Workflow(function, name, version))
    return registry
