"""What happens outside of a workflow, as a pure function of what is open and of a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import crc32

from dataflows.outcome import Error, Outcome, Value
from interpreter.machine import RunStep

__all__ = ["Signal", "World", "from_table"]


class Signal(NamedTuple):
    """A signal that comes so many seconds after the start."""

    after: float
    name: str
    payload: Any = None
    key: str | None = None


@dataclass(frozen=True)
class World:
    """What happens outside of the workflow.

    :ivar attempt: what an attempt at a step comes to.
    :ivar longest: no attempt takes more seconds than this.
    :ivar signals: those that come, the earliest first.
    :ivar cancel_after: seconds after the start, or None.
    :ivar terminate_after: likewise.
    :ivar most_together: no commit has more entries than this.
    :ivar seed: draws how long each attempt takes, and in which order things of one moment are journaled.
    """

    attempt: Callable[[RunStep], Outcome[Any]] = lambda action: Value(action.name)
    longest: int = 3
    signals: Sequence[Signal] = ()
    cancel_after: float | None = None
    terminate_after: float | None = None
    most_together: int = 1
    seed: int = 0

    def draw(self, below: int, *what: object) -> int:
        """A number that is always the same for the same thing."""
        return crc32(repr((self.seed, what)).encode()) % below


def from_table(table: dict[str, list[Any]]) -> Callable[[RunStep], Outcome[Any]]:
    """What each attempt returns or raises, by the name of the step; the last one stands for all that follow."""

    def attempt(action: RunStep) -> Outcome[Any]:
        outcomes = table[action.name]
        outcome = outcomes[min(action.number, len(outcomes)) - 1]
        return Error(outcome) if isinstance(outcome, BaseException) else Value(outcome)

    return attempt
