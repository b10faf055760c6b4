"""What services have delivered: the list, one with its events, and having it routed again.

Owns what is shown of a delivery. Of its request only the events are stored, and no header is. What a program emitted
and JSON does not hold is told by its size, and not made again for a reader.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from starlette.responses import Response

from dataflows.errors import CannotRestore
from dataflows.events import Event
from interpreter.codec import describe, is_json
from interpreter.operations import Delivered, StoredDelivery
from interpreter.operations.deliveries import events_of
from interpreter.service.answers import accepted, answer, to_dict
from interpreter.service.call import Call
from interpreter.service.cursors import cursor_of, read_cursor
from interpreter.service.members import Members
from interpreter.service.problems import Problem

__all__ = ["list_deliveries", "replay", "show_delivery"]

_PAGE = 50
_LARGEST_PAGE = 500
_ONLY_OF_ONE = {"content", "offered"}


async def list_deliveries(call: Call) -> Response:
    """A page of those that the filter finds, the newest first, and where the next page is."""
    query = call.query("source", "started", "cursor", "limit")
    limit = query.whole("limit", most=_LARGEST_PAGE) or _PAGE
    found = await call.desk.list_deliveries(
        source=query.text("source"),
        started=_started(query),
        before=read_cursor(query, datetime, str, str),
        limit=limit,
    )
    next_page = call.link(cursor=_cursor(found[-1])) if len(found) == limit else None
    return answer({"deliveries": [_facts(each) for each in found], "next": next_page})


async def show_delivery(call: Call) -> Response:
    """One, with its events, and which workflows have yet to be asked whether they want them."""
    call.query()
    stored = await call.desk.stored_delivery(*_which(call), largest=call.service.limits.result)
    content = _content(stored)
    text = _text(stored) if content is None else None
    return answer(to_dict(stored.delivery) | {"content": content, "text": text})


async def replay(call: Call) -> Response:
    """Have it routed again; what is started by that, a scheduler decides."""
    call.query()
    members = await call.members("anew")
    source, id = _which(call)
    anew = members.of("anew", bool, "true or false") or False
    await call.desk.replay_delivery(source, id, anew=anew)
    return accepted({"source": source, "id": id, "anew": anew})


def _which(call: Call) -> tuple[str, str]:
    return call.name("source"), call.name("delivery")


def _facts(delivery: Delivered) -> dict[str, Any]:
    return {name: value for name, value in to_dict(delivery).items() if name not in _ONLY_OF_ONE}


def _content(stored: StoredDelivery) -> list[dict[str, Any]] | None:
    """Each with its key, in CloudEvents' JSON; None: they are not JSON, too large, or somebody has damaged them."""
    if not is_json(stored.encoded) or not stored.encoded.data:
        return None
    one = stored.delivery
    try:
        events = events_of(one.source, one.id, one.type or "", one.subject, stored.encoded)
        return [{"key": key, "event": _cloud_event(event)} for key, event in events]
    except (CannotRestore, AttributeError, TypeError, ValueError):
        return None


def _text(stored: StoredDelivery) -> str:
    size = stored.delivery.bytes
    return describe(stored.encoded, size=size) if stored.encoded.data else f"<{size:,} bytes>"


def _cloud_event(event: Event) -> dict[str, Any]:
    attributes = {name: value for name, value in to_dict(event).items() if value is not None}
    return {"specversion": event.specversion} | attributes


def _started(query: Members) -> bool | None:
    asked = query.value("started")
    if asked not in (None, "true", "false"):
        raise Problem("invalid", "The parameter 'started' is true or false.")
    return None if asked is None else asked == "true"


def _cursor(last: Delivered) -> str:
    return cursor_of(last.received_at, last.source, last.id)
