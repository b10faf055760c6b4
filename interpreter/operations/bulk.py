"""One verb for many executions: those that a filter finds, page by page.

Owns which executions a verb can be for. Each page is done in transactions of its own, so that the
whole may be interrupted, and repeated, at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

from interpreter.machine import ENDED, Status
from interpreter.operations.control import delete_many, pause_many, resume_many, terminate_many
from interpreter.operations.looking import Execution, read_execution
from interpreter.operations.messages import cancel_many
from interpreter.operations.retrying import retry_many
from interpreter.operations.tags import to_json
from interpreter.requests import Operation, Query
from interpreter.store.arrays import TextArray

__all__ = ["BulkVerb", "in_bulk"]

BulkVerb: TypeAlias = Literal["cancel", "terminate", "pause", "resume", "retry", "delete"]
"""What can be done to many executions at once."""

_PAGE = 200


def in_bulk(
    verb: BulkVerb,
    *,
    status: Status | None = None,
    workflow: str | None = None,
    tags: Mapping[str, str] | None = None,
    created_before: datetime | None = None,
    ended_before: datetime | None = None,
    dry_run: bool = False,
    tell: Callable[[Execution], object] | None = None,
) -> Operation[int]:
    """Do one thing to every execution that the filter finds and that it can be done to, the oldest first.

    Without a filter these are all there are. Executions that are started meanwhile are left out.

    :param created_before, ended_before: aware; only executions that were created, or have ended, before.
    :param dry_run: do nothing, but tell to which it would be done.
    :param tell: called with each execution to which it was, or would be, done, as it was before.
    :returns: to how many. Children that are terminated with one that was found are not counted.
    :raises ValueError: no such verb or status, or a time without a zone.
    """
    if verb not in get_args(BulkVerb):
        raise ValueError(f"in_bulk(...) takes one of {', '.join(get_args(BulkVerb))}; got {verb!r}")
    ((now,),) = yield Query("what_time_is_it", {})
    wanted = {
        "verb": verb,
        "statuses": TextArray(_TO[verb] if status is None else _TO[verb] & {Status(status)}),
        "workflow": workflow,
        "tags": to_json(tags),
        "created_before": now if created_before is None else min(now, _aware(created_before)),
        "ended_before": None if ended_before is None else _aware(ended_before),
        "most": _PAGE,
    }
    count, last = 0, None
    while page := (yield from _next_page(wanted, last)):
        last = page[-1]
        done = page if dry_run else (yield from _done(verb, page))
        count += len(done)
        if tell is not None:
            for execution in done:
                tell(execution)
    return count


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"a filter takes aware datetimes; {moment!r} has no time zone")
    return moment


def _next_page(wanted: dict[str, Any], last: Execution | None) -> Operation[list[Execution]]:
    after = (None, None) if last is None else (last.created_at, last.id)
    rows = yield Query("find_many", {**wanted, "after_time": after[0], "after_id": after[1]})
    return [read_execution(row) for row in rows]


def _done(verb: BulkVerb, page: Sequence[Execution]) -> Operation[list[Execution]]:
    """Do it to a page; answers those that it changed."""
    changed = set((yield from _DO[verb]([execution.id for execution in page])))
    return [execution for execution in page if execution.id in changed]


_LIVING = frozenset(Status) - ENDED
_TO: dict[BulkVerb, frozenset[Status]] = {
    "cancel": _LIVING,
    "terminate": _LIVING,
    "pause": _LIVING,
    "resume": _LIVING,
    "retry": frozenset({Status.FAILED, Status.BLOCKED}),
    "delete": ENDED,
}
"""The statuses that each verb is for."""

_DO: dict[BulkVerb, Callable[[Sequence[str]], Operation[list[str]]]] = {
    "cancel": cancel_many,
    "terminate": terminate_many,
    "pause": pause_many,
    "resume": resume_many,
    "retry": retry_many,
    "delete": delete_many,
}
