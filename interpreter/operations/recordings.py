"""Journals as machines take them: of one execution, or of all that have not ended.

Owns the reading. Values are decoded when entries are asked for, afresh each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from interpreter.machine import Entry, Recording, Status
from interpreter.operations.looking import describe
from interpreter.requests import Operation, Query
from interpreter.store.rows import Row, to_entry

__all__ = ["read_open_recordings", "read_recording"]


def read_recording(execution_id: str) -> Operation[Recording]:
    """The execution's journal. :raises NotFound: there is no such execution."""
    execution = yield from describe(execution_id)
    rows = yield Query("read_history", {"id": execution_id, "generation": None})
    return _recording(execution_id, execution.workflow, execution.version, execution.status, rows)


def read_open_recordings(
    after: str = "", workflows: Sequence[str] | None = None, limit: int = 200
) -> Operation[list[Recording]]:
    """The journals of executions that have not ended, in the order of their ids; no more: an empty list.

    :param after: the last id of the page before; "" begins.
    :param workflows: only of these.
    """
    names = None if workflows is None else list(workflows)
    rows = yield Query("read_open", {"after": after, "workflows": names, "limit": limit})
    return [
        _recording(id, workflow, version, Status(status), [row[4:] for row in lines if row[4] is not None])
        for (id, workflow, version, status), lines in groupby(rows, key=lambda row: row[:4])
    ]


def _recording(id: str, workflow: str, version: int, status: Status, rows: Sequence[Any]) -> Recording:
    return Recording(id, workflow, version, status, partial(_entries, rows))


def _entries(rows: Sequence[Any]) -> Iterator[Entry]:
    return (to_entry(seq, at, Row(*columns)) for seq, at, *columns in rows)
