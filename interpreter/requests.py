"""What a verb asks of whoever performs it.

A verb is written once, as a generator that yields requests and is sent their answers; a short
loop performs it on blocking connections, another on asyncio's. Owns the two requests there are.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from interpreter.promise import Promise
from interpreter.store.queries import Query

__all__ = ["Operation", "Pause", "Query", "Request"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds, or until the promise is told. Answered by what was told, or None when the time is over.

    :ivar seconds: None waits for the promise however long it takes.
    """

    seconds: float | None
    promise: Promise[Any] | None = None


Request: TypeAlias = Query | Pause
"""A ``Query`` is answered by its rows, as tuples."""

Operation: TypeAlias = Generator[Request, Any, T]
