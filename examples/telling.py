"""What the examples share: an id that nobody has had, and what came of an execution, told with its journal."""

from __future__ import annotations

import time
import uuid
from typing import Any

from dataflows.errors import ExecutionCancelled
from interpreter import Handle, Status

__all__ = ["new_id", "tell", "until_it_waits"]

_UNTOLD = ("begun", "started", "completed", "failed", "cancelled")


def new_id() -> str:
    """Short, and new at each run, since an id names one execution for ever."""
    return uuid.uuid4().hex[:8]


def until_it_waits(execution: Handle[Any]) -> None:
    """Come back when it has nothing to do but wait."""
    while execution.status() in (Status.PENDING, Status.RUNNING):
        time.sleep(0.02)


def tell(title: str, execution: Handle[Any]) -> None:
    """Wait for its end, and show how it got there."""
    try:
        outcome = execution.result(timeout="1m")
    except ExecutionCancelled:
        outcome = "cancelled"
    except Exception as error:
        outcome = f"failed: {error}"
    print(f"{title}: {outcome}")
    for entry in execution.history():
        if entry.kind not in _UNTOLD:
            print(f"    {entry.kind:<8} {entry.name or '':<16} {entry.text}".rstrip())
    print()
