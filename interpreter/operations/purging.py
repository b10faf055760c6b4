"""Deleting what ended long ago, with all that was written of it, in batches that delay nobody.

Owns the pace: how much one statement looks at and deletes. What may be deleted is decided where it is
found and once more where it is deleted, by the queries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dataflows.duration import Duration, to_timedelta
from interpreter.machine import ENDED, Status
from interpreter.requests import Operation, Query

__all__ = ["purge"]

_MOST_ENTRIES = 5_000
"""Journal entries, roughly, that one statement deletes; an execution that has more goes alone."""

_MOST_DELIVERIES = 500


def purge(
    *,
    older_than: Duration,
    workflow: str | None = None,
    status: Status | None = None,
    batch: int = 500,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Operation[int]:
    """Delete the executions that ended longer ago than this, with their journals and messages; and expired events.

    Where neither a workflow nor a status is named, also the deliveries that came longer ago, but none of the last week,
    since senders deliver again for days: what is deleted is forgotten, and would start something anew.

    One that has not ended is never deleted, and a child is kept as long as the parent that awaits it has not
    ended, or begun again. The id of a deleted execution names nothing any more: started again it is a new one.
    It may be stopped at any time, and called beside running schedulers and beside itself.

    :param older_than: measured from the end, by the database's clock.
    :param workflow: only of this one.
    :param status: only those that ended so: completed, failed, or cancelled.
    :param batch: how many executions one statement looks at, and locks, at most.
    :param dry_run: count them, and delete nothing.
    :param progress: called after each batch with how many it has been so far.
    :returns: how many it was; one that somebody has locked meanwhile is left for the next time.
    :raises ValueError: a batch of none, or a status that is no end.
    """
    if batch < 1:
        raise ValueError(f"a batch is of 1 or more; got {batch!r}")
    if status is not None and Status(status) not in ENDED:
        raise ValueError(f"only what has ended is purged; {Status(status).value!r} is no end")
    wanted = {"workflow": workflow, "status": None if status is None else Status(status).value, "most": batch}
    [(before,)] = yield Query("tell_deadline", {"older_than": to_timedelta(older_than)})
    purged, after, is_last = 0, None, False
    while not is_last:
        found = yield Query("find_ended", {**wanted, "before": before, "after": after})
        for ids in _portions(found):
            purged += len(ids if dry_run else (yield Query("purge", {"ids": ids, "before": before})))
        if progress is not None:
            progress(purged)
        is_last, after = len(found) < batch, found[-1][1] if found else None
    if not dry_run:
        yield from _purge_events(None if workflow or status else before)
    return purged


def _purge_events(before: str | None) -> Operation[None]:
    """Those that have expired; and the deliveries that came before that moment, if there is one."""
    queries = [Query("purge_events", {"most": _MOST_ENTRIES})]
    if before is not None:
        queries.append(Query("purge_deliveries", {"most": _MOST_DELIVERIES, "before": before}))
    for query in queries:
        while (yield query)[0][0] == query.parameters["most"]:
            pass


def _portions(found: list[Any]) -> Iterator[list[str]]:
    """The ids of those that may go, as many at a time as have not too many entries together."""
    ids: list[str] = []
    total = 0
    for execution_id, _, may_go, entries in found:
        if ids and total + entries > _MOST_ENTRIES:
            yield ids
            ids, total = [], 0
        if may_go:
            ids.append(execution_id)
            total += entries
    if ids:
        yield ids
