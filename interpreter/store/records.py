"""What a scheduler writes and reads, as plain values: lines, moves and starts, and what comes back.

Owns their shape alone. What is done with them is the journal's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, overload

from dataflows.frozen import frozen
from interpreter.machine.status import Status
from interpreter.store.rows import Row

__all__ = [
    "Batch",
    "Claimed",
    "Committed",
    "Entries",
    "Found",
    "Line",
    "Message",
    "Move",
    "Opening",
    "Outside",
    "Parent",
    "ServedSchedule",
    "StandingSchedule",
    "Start",
    "Taken",
    "TicketEnd",
    "Written",
]


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


class Entries(Sequence[Written]):
    """What was read of one journal.

    Each line is made when it is asked for. The rows are kept as the bare tuples that they came as, in which the
    garbage collector loses interest: ten thousand objects that live for a moment would set off full collections.

    :param rows: each an execution id, seq, time, and the columns of a ``Row``.
    """

    __slots__ = ("_rows",)

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Written]:
        return map(_written, self._rows)

    @overload
    def __getitem__(self, index: int) -> Written: ...
    @overload
    def __getitem__(self, index: slice) -> Entries: ...
    def __getitem__(self, index: int | slice) -> Written | Entries:
        return Entries(self._rows[index]) if isinstance(index, slice) else _written(self._rows[index])


_new = tuple.__new__
"""Makes a named tuple in half the time of its own constructor, which is a function of Python's."""


def _written(row: tuple[Any, ...]) -> Written:
    return _new(Written, (row[1], row[2], _new(Row, row[3:])))


class Message(NamedTuple):
    """A message that waits in an inbox; its columns mean what they mean in the journal."""

    execution_id: str
    number: int
    kind: str
    position: str | None
    name: str | None
    branch: str | None
    ok: bool | None
    encoding: str | None
    data: bytes | None
    sent_at: datetime

    @property
    def row(self) -> Row:
        """The entry that journals it."""
        moment = self.sent_at if self.kind == "signal" else None
        return Row(self.kind, self.position, self.name, self.branch, self.ok, self.encoding, self.data, moment)


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
    :ivar waits_for: the names of the signals that it waits for from now on, as JSON; None: that is not known.
    """

    execution_id: str
    status: Status
    due_at: datetime | None = None
    inbox_seq: int | None = None
    progress: bool = False
    problem: str | None = None
    expected: Status = Status.RUNNING
    generation: int | None = None
    waits_for: str | None = None


class Opening(NamedTuple):
    """A callback that is opened by the entry that it comes with.

    :ivar digest: of its token.
    :ivar name: of the signal that its answer becomes.
    :ivar question: what is asked, as JSON.
    :ivar valid_for: after this it takes no answer; None: while its execution lives.
    """

    digest: bytes
    name: str
    question: bytes
    valid_for: timedelta | None


class TicketEnd(NamedTuple):
    """A turn at a limit is over.

    :ivar position: None: all turns of the execution.
    :ivar is_kept: it is to come again, and keeps its place in front.
    """

    execution_id: str
    generation: int
    position: str | None
    is_kept: bool


class Parent(NamedTuple):
    """Who starts an execution.

    :ivar generation: of the journal in which it does.
    :ivar position: where it awaits the end, in which race branches; None: it does not.
    """

    id: str
    generation: int
    position: str | None = None
    branch: str | None = None


class Start(NamedTuple):
    """A new execution that its scheduler holds from the first moment."""

    execution_id: str
    workflow: str
    version: int
    tags: str | None
    encoding: str
    data: bytes
    parent: Parent | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether its end is told to its parent."""
        return self.parent is not None and self.parent.position is not None


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
    ended: list[str] = field(default_factory=list)
    """Of those that move, the children whose end is to be told."""
    turns: list[TicketEnd] = field(default_factory=list)
    """The turns at limits that are over with this."""
    openings: list[tuple[Line, Opening]] = field(default_factory=list)
    """The callbacks that are opened, each with its entry, which is among the lines."""

    @property
    def is_one_line(self) -> bool:
        """Whether one entry is all there is to write."""
        return len(self.lines) == 1 and not (self.moves or self.starts or self.reads or self.turns or self.openings)

    @property
    def parents(self) -> list[str]:
        """Who starts what is started here."""
        return [start.parent.id for start in self.starts if start.parent is not None]


@frozen
class Committed:
    """What a group commit came to.

    :ivar begun_at: the time that the entries of its starts carry, a moment before those of the others.
    :ivar told: the parents, held by the same scheduler, that have a message now of what a child came to.
    """

    now: datetime
    begun_at: datetime
    moved: frozenset[str]
    started: frozenset[str]
    told: tuple[str, ...] = ()


class Claimed(NamedTuple):
    """An execution that this scheduler now holds.

    :ivar is_awaited: its end is to be told to its parent.
    """

    execution_id: str
    generation: int
    workflow: str
    version: int
    inbox_seq: int
    deaths: int
    created_at: datetime
    is_awaited: bool
    latest_due: datetime | None = None


class Taken(NamedTuple):
    """A held execution, with what is to be known of it.

    :ivar entries: of its journal, those that were not known yet.
    :ivar arrived: those that follow: messages that came while nobody held it, journaled just now.
    """

    claimed: Claimed
    entries: Sequence[Written]
    arrived: Sequence[Written]


class Found(NamedTuple):
    """What a look that takes nothing has found.

    :ivar is_due: there is something to claim.
    :ivar is_suspect: an execution is due that has killed schedulers, of whatever workflow.
    :ivar schedules: how many schedules the scheduler is known to serve.
    :ivar next_slot: the earliest of their next moments.
    :ivar is_unrouted: a delivery waits to be offered to workflows, or an offer to be dealt with.
    """

    is_due: bool
    is_suspect: bool
    schedules: int
    next_slot: datetime | None
    is_unrouted: bool


class ServedSchedule(NamedTuple):
    """A schedule that a scheduler serves.

    :ivar version: the newest of the workflow that it has.
    :ivar next_at: the schedule's next moment from now on; None: it has none.
    """

    workflow: str
    schedule: str
    catch_up: str
    version: int
    next_at: datetime | None


class StandingSchedule(NamedTuple):
    """Where a schedule stands.

    :ivar next_at: the first of its moments that nobody has dealt with.
    :ivar created_at: what was before is not caught up with.
    :ivar now: the time, when this was read.
    """

    workflow: str
    schedule: str
    next_at: datetime
    created_at: datetime
    now: datetime
