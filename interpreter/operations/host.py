"""What a scheduler in this process does for a verb, beyond the database.

Owns the words that verbs and a scheduler speak to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeAlias

from dataflows.workflow import Workflow
from interpreter.codec import Encoded
from interpreter.machine import Status
from interpreter.promise import Promise
from interpreter.store.records import Parent
from interpreter.store.rows import Row

__all__ = ["Host", "NewExecution", "Watch"]


@dataclass(frozen=True, slots=True)
class NewExecution:
    """An execution about to be started.

    :ivar parent: the execution that starts it; None: a client does.
    """

    id: str
    workflow: Workflow[..., Any]
    payload: Encoded
    tags: str | None
    delay: timedelta
    parent: Parent | None = None


Watch: TypeAlias = Promise[tuple[Status, Row | str]]
"""The status in which an execution ended, with its result row; or that it is blocked, with the problem."""


class Host(Protocol):
    """What a scheduler in this process does for a verb, beyond the database."""

    def start_here(self, new: NewExecution) -> Promise[bool] | None:
        """Start and hold it at once; None if there is no room."""
        ...

    def hint(self) -> None:
        """There may be something to claim."""
        ...

    def holds(self, execution_id: str) -> bool:
        """Whether it is held in this process, so that ``watch`` will tell first."""
        ...

    def watch(self, execution_id: str) -> Watch:
        """Done when the execution ends, or is blocked, in this process; for as long as somebody holds it."""
        ...
