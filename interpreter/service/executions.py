"""Looking at executions: the list, one, its history, its result.

Owns what is shown of what was stored. A value is passed on as the journal holds it, if that is JSON; of one that
Python alone can read, only its size is told, and nothing is unpickled for a reader.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from starlette.responses import Response

from dataflows.errors import NotFound, ResultTimeout
from interpreter.codec import Encoded, describe, describe_error, is_error, is_json
from interpreter.machine import Status
from interpreter.operations import HistoryEntry, StoredResult
from interpreter.service.answers import accepted, answer, to_dict, to_json
from interpreter.service.call import Call
from interpreter.service.cursors import cursor_of, read_cursor
from interpreter.service.members import Members
from interpreter.service.problems import Problem
from interpreter.service.tags import read_tags

__all__ = ["entry_of", "list_executions", "show_execution", "show_history", "show_result"]

_PAGE = 50
_LARGEST_PAGE = 500


async def list_executions(call: Call) -> Response:
    """A page of those that the filter finds, the newest first, and where the next page is."""
    query = call.query("workflow", "status", "tag*", "created_after", "created_before", "cursor", "limit")
    limit = query.whole("limit", most=_LARGEST_PAGE) or _PAGE
    found = await call.desk.list(
        status=_status(query),
        workflow=query.text("workflow"),
        tags=read_tags(query.value("tag") or ()),
        created_after=query.moment("created_after"),
        created_before=query.moment("created_before"),
        before=read_cursor(query, datetime, str),
        limit=limit,
    )
    next_page = call.link(cursor=cursor_of(found[-1].created_at, found[-1].id)) if len(found) == limit else None
    return answer({"executions": found, "next": next_page})


async def show_execution(call: Call) -> Response:
    """What the database says of one, and what it has published."""
    call.query()
    execution = await call.desk.describe(call.name("id"))
    published = await call.desk.describe_published(execution.id)
    return answer(to_dict(execution) | {"published": published})


async def show_history(call: Call) -> Response:
    """A page of its journal, and where the next page is."""
    query = call.query("generation", "after", "limit")
    limit = query.whole("limit", most=_LARGEST_PAGE) or _PAGE
    after, asked = query.whole("after", least=0) or 0, query.whole("generation")
    execution = await call.desk.describe(call.name("id"))
    generation = asked or execution.generation
    found = await call.desk.history_page(execution.id, generation, after=after, limit=limit)
    if not found and asked is not None and not after:
        newest = execution.generation
        raise NotFound(f"execution {execution.id!r}: no journal of generation {asked}; {newest} is the newest")
    next_page = call.link(generation=str(generation), after=str(found[-1].seq)) if len(found) == limit else None
    return answer({"generation": generation, "entries": [entry_of(each) for each in found], "next": next_page})


async def show_result(call: Call) -> Response:
    """What it came to; 202 if it has come to nothing in the time that was to be waited."""
    id, limits = call.name("id"), call.service.limits
    wait = min(call.query("wait").seconds("wait"), limits.wait)
    call.service.check_room()
    try:
        with call.service.one_more_waiting():
            found = await call.service.unless_stopped(call.desk.stored_result(id, wait, limits.result))
    except ResultTimeout:
        found = None
    if found is None or found.status is Status.BLOCKED:
        execution = await call.desk.describe(id)
        return accepted({"id": id, "status": execution.status, "problem": execution.problem}, call.location(id))
    return _result(id, found)


def entry_of(entry: HistoryEntry) -> dict[str, Any]:
    """A line of a journal."""
    return to_dict(entry)


def _result(id: str, found: StoredResult) -> Response:
    """The value stands in it byte for byte: what is stored as JSON is ASCII, and need not be read to be sent."""
    stored = found.encoded
    is_value = stored is not None and is_json(stored)
    error = _error(stored)
    text = None if is_value or stored is None or error else describe(stored)
    if stored is None and found.size:
        text = f"<{found.size:,} bytes>"
    facts = to_json({"id": id, "status": found.status, "error": error, "text": text, "bytes": found.size})
    value = stored.data if stored is not None and is_value else b"null"
    return Response(facts[:-1] + b', "result": ' + value + b"}", media_type="application/json")


def _error(stored: Encoded | None) -> dict[str, str] | None:
    """None also for one that somebody has damaged; the text says so."""
    try:
        return describe_error(stored) if stored is not None and is_error(stored) else None
    except ValueError:
        return None


def _status(query: Members) -> Status | None:
    if (asked := query.value("status")) is None:
        return None
    if asked not in list(Status):
        raise Problem("invalid", f"The parameter 'status' is one of {', '.join(Status)}.")
    return Status(asked)
