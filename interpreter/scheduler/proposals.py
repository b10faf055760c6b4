"""What executions propose to have written, and the batch that is made of it.

Owns the numbers (``seq``) of entries: each is given when its batch is drafted, by whoever writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dataflows.workflow import Workflow
from interpreter.machine.position import parse_position
from interpreter.machine.status import ENDED, Status
from interpreter.promise import Promise
from interpreter.scheduler.held import ATTEMPT_ENDS, Held
from interpreter.store.records import Batch, Committed, Line, Move, Opening, Start, TicketEnd, Written
from interpreter.store.rows import Row

__all__ = ["Done", "Draft", "Proposal", "StartRequest", "by_execution", "done_of", "draft_of", "size_of"]

_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Proposal:
    """What an execution would have written.

    :ivar row: a journal entry.
    :ivar floor: the entry's time is not before this.
    :ivar message: the number of the inbox message that the entry journals.
    :ivar move: a new status, in the same commit.
    :ivar opening: the callback that the entry opens.
    :ivar renewal: if the move is to another generation, the journal entries with which that begins.
    """

    held: Held
    row: Row | None = None
    floor: datetime | None = None
    message: int | None = None
    move: Move | None = None
    renewal: list[Row] | None = None
    opening: Opening | None = None


@dataclass(slots=True)
class StartRequest:
    """An execution to be started and held at once; the promise tells whether the id was free."""

    start: Start
    workflow: Workflow[..., object]
    promise: Promise[bool]


@dataclass(slots=True)
class Draft:
    """A batch, and whose lines it holds.

    :ivar starts: by execution id; of each there is one at a time.
    :ivar gone: what turned out to be held no longer.
    """

    batch: Batch = field(default_factory=Batch)
    lines: dict[Held, list[Line]] = field(default_factory=dict)
    moves: dict[Held, Move] = field(default_factory=dict)
    starts: dict[str, StartRequest] = field(default_factory=dict)
    gone: Sequence[Held] = ()
    renewals: dict[Held, list[Line]] = field(default_factory=dict)


@dataclass(slots=True)
class Done:
    """What a commit came to, for the driver.

    :ivar entries: each execution's new entries, in order.
    :ivar moves: each execution that was to move, and whether it did.
    :ivar gone: those that are held no longer, though they did not move.
    :ivar started: the starts that were made, under this scheduler's number and at ``begun_at``.
    :ivar renewed: of each execution that was to begin again, and so moved, the entries with which it did.
    :ivar told: what is held here and has a message now of what a child came to.
    """

    scheduler: int
    now: datetime
    begun_at: datetime
    entries: dict[Held, list[Written]] = field(default_factory=dict)
    moves: Sequence[tuple[Held, Move, bool]] = ()
    gone: Sequence[Held] = ()
    started: Sequence[StartRequest] = ()
    renewed: dict[Held, list[Written]] = field(default_factory=dict)
    told: tuple[str, ...] = ()


def draft_of(taken: Iterable[Proposal | StartRequest], scheduler: int) -> Draft:
    """Give each entry its number. What is held under another number than ``scheduler`` is lost, and left out."""
    draft = Draft()
    for item in taken:
        if isinstance(item, StartRequest):
            draft.starts[item.start.execution_id] = item
            draft.batch.starts.append(item.start)
        elif item.held.scheduler == scheduler:
            _add(draft, item)
    draft.batch.moves += draft.moves.values()  # one for each, since no statement may write twice to one row
    for held in draft.lines:
        if held.deaths and held not in draft.moves:
            draft.batch.moves.append(Move(held.id, Status.RUNNING, progress=True))
    return draft


def _add(draft: Draft, proposal: Proposal) -> None:
    held = proposal.held
    if proposal.row is not None:
        lines = draft.lines.setdefault(held, [])
        seq, last_at = (lines[-1].seq, lines[-1].floor) if lines else (held.seq, held.last_at or _LONG_AGO)
        floor = last_at if proposal.floor is None else max(last_at, proposal.floor)
        line = Line(held.id, held.generation, seq + 1, floor, proposal.row)
        lines.append(line)
        draft.batch.lines.append(line)
        if proposal.message is not None:
            draft.batch.reads.append((held.id, proposal.message, line.seq))
        if proposal.opening is not None:
            draft.batch.openings.append((line, proposal.opening))
    if held.tickets and (end := _ended_turn(held, proposal)) is not None:
        draft.batch.turns.append(end)
    if proposal.move is not None:
        move = proposal.move
        if held in draft.lines and held.deaths:
            move = move._replace(progress=True)
        draft.moves[held] = move
        if held.is_awaited and move.status in ENDED:
            draft.batch.ended.append(held.id)
        if proposal.renewal is not None:
            _renew(draft, held, proposal.renewal)


def _ended_turn(held: Held, proposal: Proposal) -> TicketEnd | None:
    """With what an attempt came to, its turn at a limit is over; with an execution, all turns of it are."""
    row, move = proposal.row, proposal.move
    if move is not None and move.status in ENDED:
        return TicketEnd(held.id, held.generation, None, False)
    if row is None or row.position is None or row.kind not in ATTEMPT_ENDS:
        return None
    ticket = held.tickets.get(parse_position(row.position))
    is_kept = ticket is not None and ticket.is_kept and row.kind == "attempt"
    return None if ticket is None else TicketEnd(held.id, held.generation, row.position, is_kept)


def _renew(draft: Draft, held: Held, rows: Iterable[Row]) -> None:
    """The first entries of its next generation carry the time of the last entry of this one."""
    last = draft.lines[held][-1]
    lines = [Line(held.id, held.generation + 1, seq, last.floor, row) for seq, row in enumerate(rows, 1)]
    draft.renewals[held] = lines
    draft.batch.renewals += lines


def done_of(draft: Draft, scheduler: int, committed: Committed) -> Done:
    """What the driver is told of a batch that was committed; each execution's own numbers go on from there."""
    done = Done(scheduler, committed.now, committed.begun_at, told=committed.told)
    for held, lines in draft.lines.items():
        written = [Written(line.seq, max(committed.now, line.floor), line.row) for line in lines]
        held.seq, held.last_at, held.deaths = lines[-1].seq, written[-1].at, 0
        done.entries[held] = written
    if draft.moves:
        _tell_moves(done, draft, committed)
    if committed.started:
        done.started = [draft.starts[execution_id] for execution_id in committed.started]
    return done


def _tell_moves(done: Done, draft: Draft, committed: Committed) -> None:
    done.moves = [(held, move, held.id in committed.moved) for held, move in draft.moves.items()]
    done.gone = draft.gone
    for held, lines in draft.renewals.items():
        done.renewed[held] = [Written(line.seq, max(committed.now, line.floor), line.row) for line in lines]
    for held in [*done.gone, *(held for held, _, moved in done.moves if moved)]:
        held.scheduler = 0  # whatever is proposed for it from now on comes too late


def size_of(item: Proposal | StartRequest) -> int:
    """How many bytes of payload it brings."""
    data = item.start.data if isinstance(item, StartRequest) else item.row.data if item.row is not None else None
    return len(data or b"")


def by_execution(taken: Iterable[Proposal | StartRequest]) -> list[list[Proposal | StartRequest]]:
    """The same, one list an execution."""
    groups: dict[str, list[Proposal | StartRequest]] = {}
    for item in taken:
        key = item.start.execution_id if isinstance(item, StartRequest) else item.held.id
        groups.setdefault(key, []).append(item)
    return list(groups.values())
