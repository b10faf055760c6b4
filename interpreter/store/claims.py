"""Taking executions up: the claim, and in its transaction their journals and unread messages.

Owns what a scheduler learns of an execution when it comes to hold it, and the messages to those
that it holds. Each function takes the connection to use and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from psycopg import Connection, Cursor, Pipeline

from interpreter.store.arrays import IntArray, TextArray, named_columns
from interpreter.store.connection import is_pooled, one_transaction, pause_not_long
from interpreter.store.queries import QUERIES
from interpreter.store.records import Claimed, Entries, Found, Message, Outside, Taken
from interpreter.store.rows import FORMAT

__all__ = [
    "claim",
    "find_messages",
    "list_held",
    "look_for_due",
    "messages_of",
    "read_inbox",
    "read_journals",
    "take_up",
]

_KNOWN: dict[str, type[Any]] = {"workflows": TextArray, "versions": IntArray}
_TAKEN: dict[str, type[Any]] = {"ids": TextArray, "generations": IntArray}
_AFTER: dict[str, type[Any]] = {"ids": TextArray, "generations": IntArray, "afters": IntArray}

LastApplied = Callable[[Claimed], int]
"""Up to which entry the journal of an execution is known already; 0: not at all."""


def look_for_due(
    connection: Connection[Any],
    scheduler: int,
    known: Sequence[tuple[str, int]],
    since: datetime | None = None,
    offered: Iterable[str] = (),
) -> Found:
    """Whether there is anything to claim of these workflow versions, and what else an idle scheduler is to know.

    It costs the database next to nothing.

    :param since: what became due before is not looked at; default: all is.
    :param offered: under whose names an offer of a delivery is looked for.
    """
    parameters = {"scheduler": scheduler, **_known(known), "since": since, "triggered": TextArray(offered)}
    row = _execute(connection, "look_for_due", parameters).fetchone()
    assert row is not None
    return Found(bool(row[0]), bool(row[1]), *row[2:])


def claim(
    connection: Connection[Any],
    scheduler: int,
    known: Sequence[tuple[str, int]],
    most: int,
    *,
    suspects: bool,
    last_applied: LastApplied,
    since: datetime | None = None,
) -> list[Taken]:
    """Take up to ``most`` executions that are due, of workflow versions that are ``known`` here, oldest due first.

    :param suspects: whether one that has killed schedulers may be among them; it comes first.
    :param since: what became due before is left; default: nothing is.
    """
    parameters = {"scheduler": scheduler, **_known(known)}
    with one_transaction(connection) as pipeline:
        if is_pooled(connection):
            pause_not_long(connection)
        claimed: list[Claimed] = []
        if suspects:
            claimed += _claimed(pipeline, _execute(connection, "claim_suspect", parameters))
        if most > len(claimed):
            parameters |= {"most": most - len(claimed), "since": since}
            claimed += _claimed(pipeline, _execute(connection, "claim", parameters))
        reading = _Reading(connection, scheduler, claimed, last_applied)
    return reading.taken()


def _known(known: Sequence[tuple[str, int]]) -> dict[str, Any]:
    return {**_known_columns(tuple(known)), "format": FORMAT}


@lru_cache(maxsize=8)
def _known_columns(known: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    """Packed once: they are the same at every claim, but where a workflow is registered later."""
    return named_columns(_KNOWN, known)


def _claimed(pipeline: Pipeline, cursor: Cursor[Any]) -> list[Claimed]:
    pipeline.sync()  # in the midst of a pipeline the server does not count a pause
    return [Claimed(*row) for row in cursor]


def take_up(
    connection: Connection[Any], scheduler: int, held: Sequence[Claimed], last_applied: LastApplied
) -> list[Taken]:
    """The same for executions that the scheduler holds already by the database's account."""
    with one_transaction(connection):
        reading = _Reading(connection, scheduler, held, last_applied)
    return reading.taken()


class _Reading:
    """Statements that are on their way behind a claim: later than it, so that their snapshots are younger."""

    def __init__(
        self, connection: Connection[Any], scheduler: int, claimed: Sequence[Claimed], last_applied: LastApplied
    ) -> None:
        self._claimed = claimed
        self._entries: Cursor[Any] | None = None
        self._arrived: Cursor[Any] | None = None
        if claimed:
            wanted = [(one.execution_id, one.generation, last_applied(one)) for one in claimed]
            self._entries = _execute(connection, "read_journal", named_columns(_AFTER, wanted))
        if sent := [(one.execution_id, one.generation) for one in claimed if one.inbox_seq]:
            parameters = {"scheduler": scheduler, **named_columns(_TAKEN, sent)}
            self._arrived = _execute(connection, "take_in_messages", parameters)

    def taken(self) -> list[Taken]:
        entries, arrived = _by_execution(self._entries), _by_execution(self._arrived)
        return [
            Taken(one, entries.get(one.execution_id, ()), arrived.get(one.execution_id, ())) for one in self._claimed
        ]


def _execute(connection: Connection[Any], query: str, parameters: dict[str, Any]) -> Cursor[Any]:
    return connection.cursor(binary=True).execute(QUERIES[query], parameters, prepare=True)


def _by_execution(cursor: Cursor[Any] | None) -> dict[str, Entries]:
    journals: dict[str, list[tuple[Any, ...]]] = {}
    for row in cursor.fetchall() if cursor is not None else ():
        journals.setdefault(row[0], []).append(row)
    return {execution_id: Entries(rows) for execution_id, rows in journals.items()}


def read_journals(connection: Connection[Any], wanted: Iterable[tuple[str, int, int]]) -> dict[str, Entries]:
    """Execution id → its entries after a seq; those that have none are left out.

    :param wanted: execution id, generation, and the seq after which to read.
    """
    return _by_execution(_execute(connection, "read_journal", named_columns(_AFTER, wanted)))


def read_inbox(connection: Connection[Any], ids: Iterable[str]) -> tuple[list[Message], dict[str, Outside]]:
    """The messages to these executions that are not journaled yet, in the order in which they were sent.

    Also, for each execution, what else was done to it from outside.
    """
    with connection.cursor(binary=True) as cursor:
        cursor.execute(QUERIES["read_inbox"], {"ids": TextArray(ids)}, prepare=True)
        return messages_of(cursor.fetchall())


def messages_of(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Message], dict[str, Outside]]:
    """What the rows of the query ``read_inbox`` say."""
    messages = [Message(row[0], *row[4:]) for row in rows if row[4] is not None]
    return messages, {row[0]: Outside(*row[1:4]) for row in rows}


def list_held(connection: Connection[Any], scheduler: int) -> list[Claimed]:
    """What the scheduler holds by the database's account, after what was in flight on a lost connection has ended."""
    connection.execute(QUERIES["wait_for_commits"], {"scheduler": scheduler})
    with connection.cursor(binary=True) as cursor:
        cursor.execute(QUERIES["list_held"], {"scheduler": scheduler})
        return [Claimed(*row) for row in cursor.fetchall()]


def find_messages(connection: Connection[Any], scheduler: int, ids: Iterable[str]) -> list[str]:
    """Which of these executions, where the scheduler holds them, have unread messages, or are terminated or paused."""
    parameters = {"scheduler": scheduler, "ids": TextArray(ids)}
    return [row[0] for row in connection.execute(QUERIES["find_messages"], parameters, prepare=True)]
