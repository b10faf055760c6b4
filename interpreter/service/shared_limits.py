"""Limits across executions, as they stand: what each allows, who runs, who waits.

Owns how they are shown. What the service itself takes of a request is ``limits``.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from interpreter.operations import LimitStatus
from interpreter.service.answers import answer, to_dict
from interpreter.service.call import Call
from interpreter.service.cursors import cursor_of, read_cursor

__all__ = ["list_limits"]

_PAGE = 50
_LARGEST_PAGE = 500


async def list_limits(call: Call) -> Response:
    """A page of them, by name, and where the next page is."""
    query = call.query("cursor", "limit")
    limit = query.whole("limit", most=_LARGEST_PAGE) or _PAGE
    (after,) = read_cursor(query, str) or (None,)
    found = await call.desk.limits(after=after, limit=limit)
    next_page = call.link(cursor=cursor_of(found[-1].name)) if len(found) == limit else None
    return answer({"limits": [_document(each) for each in found], "next": next_page})


def _document(limit: LimitStatus) -> dict[str, Any]:
    return to_dict(limit) | {"per": limit.per and limit.per.total_seconds()}
