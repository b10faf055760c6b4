"""A scheduler's dealings with the journal, done by hand: what is claimed, written and sent, one call at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Self

from psycopg import Connection

from interpreter.codec import encode
from interpreter.machine import Status
from interpreter.store import claims, journal, leases
from interpreter.store.queries import QUERIES
from interpreter.store.records import Batch, Claimed, Committed, Line, Move, Start
from interpreter.store.rows import FORMAT, Row
from tests.databases import opened

__all__ = ["LONG_AGO", "Desk", "one", "sent", "started", "step"]

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
EMPTY = encode({"args": [], "kwargs": {}, "seed": "seed"}, "nothing")


def one(connection: Connection[Any], query: str, *parameters: object) -> Any:
    """The one value that a query answers."""
    rows = connection.execute(query.encode(), parameters).fetchall()
    assert len(rows) == 1 and len(rows[0]) == 1, rows
    return rows[0][0]


def step(execution_id: str, seq: int, name: str | None = "fetch", floor: datetime = LONG_AGO) -> Line:
    """A line to write: a step that came to 1."""
    return Line(execution_id, 1, seq, floor, Row("step", str(seq), name, None, True, "json", b"1"))


def started(
    connection: Connection[Any], execution_id: str, workflow: str = "w", version: int = 1, delay: float = 0
) -> str:
    """Start as a client does; answers the id."""
    given = {"id": execution_id, "workflow": workflow, "version": version, "delay": timedelta(seconds=delay)}
    rest = {"format": FORMAT, "tags": None, "encoding": EMPTY.encoding, "payload": EMPTY.data}
    given |= dict.fromkeys(("parent", "generation", "position", "branch"))
    assert [id for id, _ in connection.execute(QUERIES["start"], {**given, **rest})] == [execution_id]
    return execution_id


def sent(
    connection: Connection[Any], execution_id: str, message_id: str, kind: str = "signal", name: str = "approval"
) -> tuple[bool, bool, str | None]:
    """Send as a client does; answers whether it was sent, whether its id is known, and the execution's status."""
    given = {"execution_id": execution_id, "id": message_id, "kind": kind, "name": name if kind == "signal" else None}
    rows = connection.execute(QUERIES["send"], {**given, "encoding": "json", "payload": b"1"}).fetchall()
    assert len(rows) == 1
    found: tuple[bool, bool, str | None] = rows[0][:3]
    return found


class Desk:
    """A registered scheduler on a connection of its own.

    :ivar database: how libpq reaches it.
    :ivar scheduler: its number.
    """

    def __init__(self, database: str, lease: float = 60) -> None:
        self.database = database
        self.connection = opened(database)
        self.scheduler, _ = leases.register(self.connection, "desk", timedelta(seconds=lease))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.connection.close()

    def claim(
        self,
        *known: tuple[str, int],
        most: int = 1_000,
        suspects: bool = True,
        connection: Connection[Any] | None = None,
    ) -> list[Claimed]:
        """What was claimed, of workflow ``w`` unless others are named."""
        taken = claims.claim(
            connection or self.connection,
            self.scheduler,
            known or [("w", 1)],
            most,
            suspects=suspects,
            last_applied=lambda one: 0,
        )
        return [one.claimed for one in taken]

    def commit(self, *lines: Line, moves: tuple[Move, ...] = (), starts: tuple[Start, ...] = ()) -> Committed:
        return journal.commit(self.connection, self.scheduler, Batch(list(lines), list(moves), list(starts)))

    def start_held(self, *execution_ids: str) -> Committed:
        return self.commit(starts=tuple(Start(id, "w", 1, None, *EMPTY) for id in execution_ids))

    def suspend(self, execution_id: str, inbox_seq: int = 0, due: datetime | None = None) -> bool:
        move = Move(execution_id, Status.SUSPENDED, due, inbox_seq)
        return execution_id in self.commit(moves=(move,)).moved

    def seqs(self, execution_id: str) -> list[int]:
        read = claims.read_journals(self.connection, [(execution_id, 1, 0)])
        return [entry.seq for entry in read[execution_id]]

    def status(self, execution_id: str) -> Any:
        return one(self.connection, "SELECT status FROM dataflows.executions WHERE id = %s", execution_id)

    def expire(self, other: Desk) -> None:
        """The other's lease ends now."""
        set_back = "UPDATE dataflows.schedulers SET expires_at = clock_timestamp() - interval '1s' WHERE id = %s"
        self.connection.execute(set_back, [other.scheduler])

    def bury(self, deadly: int = 5) -> list[tuple[str, str]]:
        return leases.bury_the_dead(self.connection, self.scheduler, deadly)
