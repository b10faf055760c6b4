"""What a scheduler writes and reads, as plain values: lines, moves and starts, and what comes back.

Owns their shape alone. What is done with them is the journal's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from interpreter.machine.status import Status
from interpreter.store.rows import Row

__all__ = ["Batch", "Claimed", "Committed", "Line", "Message", "Move", "Outside", "Start", "Taken", "Written"]


class Line(NamedTuple):
    """A journal entry to be written. Its time is the commit's, but not before ``floor``."""

    execution_id: str
    generation: int
    seq: int
    floor: datetime
    row: Row


class Written(NamedTuple):
    """A journal entry as it was read, or as it was committed."""

    seq: int
    at: datetime
    row: Row


class Message(NamedTuple):
    """A message that waits in an inbox."""

    execution_id: str
    number: int
    kind: str
    name: str | None
    encoding: str | None
    data: bytes | None
    sent_at: datetime


class Outside(NamedTuple):
    """What was done from outside to an execution that is held.

    :ivar inbox_seq: the number of the last message that was sent to it.
    :ivar terminated: it has ended; its holder is to let it go.
    :ivar paused: its holder is to begin nothing further.
    """

    inbox_seq: int
    terminated: bool
    paused: bool


class Move(NamedTuple):
    """A new status for a held execution.

    :ivar inbox_seq: the number of the last message that its holder has read: if another came
        since, the execution stays as it is. None: whatever came.
    :ivar progress: an entry was journaled, so deaths before it count no more.
    :ivar expected: the status that its holder thinks it has; it moves from no other.
    :ivar generation: it begins again: which journal counts from now on. None: as before.
    """

    execution_id: str
    status: Status
    due_at: datetime | None = None
    inbox_seq: int | None = None
    progress: bool = False
    problem: str | None = None
    expected: Status = Status.RUNNING
    generation: int | None = None


class Start(NamedTuple):
    """A new execution that its scheduler holds from the first moment."""

    execution_id: str
    workflow: str
    version: int
    tags: str | None
    encoding: str
    data: bytes


@dataclass(slots=True)
class Batch:
    """What one group commit writes, over many executions."""

    lines: list[Line] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    reads: list[tuple[str, int, int]] = field(default_factory=list)
    """Messages that are journaled: execution id, message number, seq."""
    renewals: list[Line] = field(default_factory=list)
    """The first entries of new generations, whose moves are among the others."""

    @property
    def is_one_line(self) -> bool:
        """Whether one entry is all there is to write."""
        return len(self.lines) == 1 and not (self.moves or self.starts or self.reads)


@dataclass(frozen=True, slots=True)
class Committed:
    """What a group commit came to.

    :ivar begun_at: the time that the entries of its starts carry, a moment before those of the others.
    """

    now: datetime
    begun_at: datetime
    moved: frozenset[str]
    started: frozenset[str]


class Claimed(NamedTuple):
    """An execution that this scheduler now holds."""

    execution_id: str
    generation: int
    workflow: str
    version: int
    inbox_seq: int
    deaths: int
    created_at: datetime
    latest_due: datetime | None = None


class Taken(NamedTuple):
    """A held execution, with what is to be known of it.

    :ivar entries: of its journal, those that were not known yet.
    :ivar arrived: those that follow: messages that came while nobody held it, journaled just now.
    """

    claimed: Claimed
    entries: list[Written]
    arrived: list[Written]
