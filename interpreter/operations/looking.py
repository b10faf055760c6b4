"""What the database says of executions: one, many, and a journal for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dataflows.errors import NotFound
from interpreter.codec import Encoded
from interpreter.codec import describe as describe_encoded
from interpreter.machine import Status
from interpreter.operations.callback_urls import hidden
from interpreter.operations.tags import to_json
from interpreter.requests import Operation, Query

__all__ = [
    "Execution",
    "HistoryEntry",
    "describe",
    "history",
    "history_page",
    "list_executions",
    "read_execution",
    "status",
]

_SHOWN = 200
"""Characters of a payload that a line shows."""

_LONGEST_ERROR = 100_000
"""Bytes of a stored error that are read to show its type and message; a longer one is shown by its size."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What the database says of an execution.

    :ivar due_at: when it goes on by itself, in ISO text; None if it waits for a message, runs, or has ended.
    :ivar problem: why it is blocked.
    :ivar paused: nothing further of it begins until it is resumed.
    :ivar generation: how many times its journal was begun; each retry begins it again.
    :ivar parent: the id of the execution that started it as a child, or None.
    :ivar waits_for: the names of the signals for which it is suspended; None where that is not known, as of one that
        runs. Events that are awaited by key are not among them.
    """

    id: str
    workflow: str
    version: int
    status: Status
    created_at: datetime
    ended_at: datetime | None
    due_at: str | None
    tags: dict[str, str]
    problem: str | None
    paused: bool
    generation: int
    parent: str | None
    waits_for: list[str] | None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A line of an execution's journal, for people.

    :ivar kind: ``started``, ``begun`` (once more where a retry or a fork goes on), ``begin`` (of a step with ``once``),
        ``step``, ``attempt`` (a failed one), ``stopped``, ``sleep``, ``timeout``, ``signal``, ``sent``, ``published``,
        ``callback``, ``child-started``, ``child``, ``patch``, ``cancel``, ``renewed``, ``terminated``, or the status it
        ended with.
    :ivar position: where its command stands, like ``"3.0.2"``; None for the whole execution.
    :ivar ok: whether the outcome is a value; None where there is no outcome.
    :ivar text: the value, or the error, as text; shortened.
    :ivar moment: of a failed attempt, when the next may start; of a signal, when it was sent.
    """

    seq: int
    at: datetime
    kind: str
    position: str | None
    name: str | None
    branch: str | None
    ok: bool | None
    text: str
    moment: datetime | None


def status(execution_id: str) -> Operation[Status]:
    """Where the execution is in its life. :raises NotFound: there is none."""
    return (yield from describe(execution_id)).status


def describe(execution_id: str) -> Operation[Execution]:
    """What the database says of one execution. :raises NotFound: there is none."""
    rows = yield Query("look_up", {"id": execution_id})
    if not rows:
        raise NotFound(f"execution {execution_id!r} does not exist")
    return read_execution(rows[0])


def history(execution_id: str, *, generation: int | None = None) -> Operation[list[HistoryEntry]]:
    """The execution's journal, in order.

    :param generation: a retry, and ``continue_as_new``, open another generation of the journal; the one that
        ``describe`` tells is the newest, and the default. Of those before it, the last two are kept for sure.
    :raises NotFound: there is no such execution, or no such generation any more.
    """
    rows = yield Query("read_history", {"id": execution_id, "generation": generation})
    if not rows:
        newest = (yield from describe(execution_id)).generation
        if generation is not None:
            raise NotFound(f"execution {execution_id!r}: no journal of generation {generation}; {newest} is the newest")
    return [
        HistoryEntry(seq, at, kind, position, name, branch, ok, _text(kind, encoding, data), moment)
        for seq, at, kind, position, name, branch, ok, encoding, data, moment in rows
    ]


def history_page(
    execution_id: str, generation: int, *, after: int = 0, limit: int = 100
) -> Operation[list[HistoryEntry]]:
    """So many entries of the execution's journal, in order; none where there are no more, or no such execution.

    However large the payloads are, no more of them is read than is shown.

    :param after: the ``seq`` of the last entry of the page before.
    """
    place = {"id": execution_id, "generation": generation, "after": after, "limit": limit}
    rows = yield Query("read_history_page", {**place, "most": _SHOWN + 1, "longest_error": _LONGEST_ERROR})
    return [
        HistoryEntry(seq, at, kind, position, name, branch, ok, _text(kind, encoding, data, size), moment)
        for seq, at, kind, position, name, branch, ok, encoding, data, moment, size in rows
    ]


def list_executions(
    *,
    status: Status | None = None,
    workflow: str | None = None,
    tags: Mapping[str, str] | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    before: str | tuple[datetime, str] | None = None,
    limit: int = 50,
) -> Operation[list[Execution]]:
    """Executions, the newest first.

    :param created_after, created_before: aware; only those that were created then or later, and before.
    :param before: the id of the last one of the page before; or its ``created_at`` and its id, which hold also
        when it has been deleted since.
    """
    before_time, before_id = before if isinstance(before, tuple) else (None, before)
    wanted = {"status": None if status is None else Status(status).value, "workflow": workflow, "tags": to_json(tags)}
    times = {"created_after": created_after, "created_before": created_before, "before_time": before_time}
    rows = yield Query("list_executions", {**wanted, **times, "before": before_id, "limit": limit})
    return [read_execution(row) for row in rows]


def read_execution(row: tuple[Any, ...]) -> Execution:
    """One line of the queries that tell of executions."""
    id, workflow, version, now, created_at, ended_at, due_at, tags, *rest = row
    return Execution(id, workflow, version, Status(now), created_at, ended_at, _iso(due_at), dict(tags or {}), *rest)


def _iso(moment: str | None) -> str | None:
    """As ``isoformat`` writes it; ``infinity``, and what else no ``datetime`` holds, as PostgreSQL does."""
    try:
        return moment and datetime.fromisoformat(moment).isoformat()
    except ValueError:
        return moment


def _text(kind: str, encoding: str | None, data: bytes | None, size: int | None = None) -> str:
    text = describe_encoded(Encoded(encoding, data or b""), _SHOWN, size) if encoding else ""
    return hidden(text) if kind == "callback" else text
