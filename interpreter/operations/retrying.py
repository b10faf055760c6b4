"""Going on from somewhere else than the end of a journal: a retry in the same execution, a fork in a new one.

Owns the choice of the place, and the words in which one is refused. What is copied is the queries'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataflows.errors import IdInUse, NotFound, WrongStatus
from dataflows.names import check_name
from interpreter.machine import Status, format_position, parse_position
from interpreter.operations.looking import describe
from interpreter.requests import Operation, Query
from interpreter.store.arrays import IntArray, TextArray, named_columns
from interpreter.store.identifiers import time_ordered_id

__all__ = ["fork", "retry", "retry_many"]

_MOST_AT_ONCE = 100
"""How many executions one statement retries: it holds their journals, as far as they are kept."""

_RETRIED = frozenset({Status.FAILED, Status.BLOCKED})
_CUT: dict[str, type[Any]] = {"ids": TextArray, "generations": IntArray, "positions": TextArray, "cuts": IntArray}


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where one parts from the journal of an execution.

    :ivar position: its entries are left behind, wherever they stand; None: of none.
    :ivar seq: of the first entry that is left behind.
    """

    execution_id: str
    status: Status
    generation: int
    position: str | None
    seq: int


def retry(execution_id: str, position: str | None = None) -> Operation[bool]:
    """Let a failed or blocked execution go on from where it failed, with the code that is now there.

    Its journal gets a new generation, which begins with the entries up to that place; the step that failed
    has all its attempts before it. Signals that came later are unread again, and a cancel is forgotten.
    The time since does not count: what was cut off by a failure has its whole timeout before it, and sleeps its whole
    length again; only a ``sleep_until`` keeps its moment. ``now()`` is that of the retry from here on.

    :param position: from where, like ``"3.0.2"``: a place that has an entry in its history. Default: of a
        failed execution the last command that came to an error, if there is one, else all but the end.
    :returns: whether it was failed or blocked; False: it goes on already.
    :raises NotFound: no such execution, or its history has no entry of that position.
    :raises WrongStatus: it has completed, or was cancelled; ``fork`` may be what is wanted.
    """
    while True:
        cut = yield from _find_cut(execution_id, position)
        if cut.status in (Status.COMPLETED, Status.CANCELLED):
            raise WrongStatus(f"execution {execution_id!r} is {cut.status}: it has nothing to retry; fork it instead")
        if cut.status not in _RETRIED:
            return False
        if (yield from _retry([cut])):
            return True
        # Somebody else was quicker: look again, at what is now.


def retry_many(ids: Sequence[str]) -> Operation[list[str]]:
    """Retry each that is failed or blocked, from where it failed; answers which were."""
    retried: list[str] = []
    for start in range(0, len(ids), _MOST_AT_ONCE):
        cuts = yield from _find_cuts(ids[start : start + _MOST_AT_ONCE], None)
        retried += yield from _retry([cut for cut in cuts if cut.status in _RETRIED])
    return retried


def fork(
    execution_id: str, position: str | None = None, *, id: str | None = None, version: int | None = None
) -> Operation[str]:
    """Start a new execution that has the first part of another's history, and goes on from there by itself.

    The other stays as it is. The new one has the arguments and the tags of the other, so its ``uuid()`` and
    ``random()`` are the same too; it belongs to no parent, and starts anew the children it would wait for. Timeouts
    and sleeps that are open there have their whole length before them, as after a retry.

    :param position: from where, and the default, as of ``retry``.
    :param id: of the new execution; the same id again is the same execution. Default: a new one.
    :param version: of the workflow, for the new execution; default: the other's.
    :returns: its id.
    :raises NotFound: no such execution, or its history has no entry of that position.
    :raises IdInUse: the id belongs to an execution of another workflow.
    """
    new_id = time_ordered_id() if id is None else check_name(id, "an execution's id")
    while True:
        cut = yield from _find_cut(execution_id, position)
        details = {"id": execution_id, "generation": cut.generation, "position": cut.position, "cut": cut.seq}
        if (yield Query("fork", {**details, "new_id": new_id, "version": version})):
            return new_id
        if (yield Query("look_up", {"id": new_id})):
            yield from _expect_same_workflow(execution_id, new_id)
            return new_id


def _find_cut(execution_id: str, position: str | None) -> Operation[_Cut]:
    wanted = None if position is None else _checked(position)
    cuts = yield from _find_cuts([execution_id], wanted)
    if not cuts:
        raise NotFound(f"execution {execution_id!r} does not exist")
    if cuts[0].position is None and wanted is not None:
        raise NotFound(f"the history of execution {execution_id!r} has no entry of position {wanted!r}")
    return cuts[0]


def _find_cuts(ids: Sequence[str], position: str | None) -> Operation[list[_Cut]]:
    rows = yield Query("find_cut", {"ids": TextArray(ids), "position": position})
    return [_Cut(id, Status(status), generation, found, seq) for id, status, generation, found, seq in rows]


def _retry(cuts: Sequence[_Cut]) -> Operation[list[str]]:
    """Answers which are as they were found, and go on now."""
    columns = ((cut.execution_id, cut.generation, cut.position, cut.seq) for cut in cuts)
    rows = yield Query("retry", named_columns(_CUT, columns))
    return [row[0] for row in rows]


def _checked(position: str) -> str:
    try:
        return format_position(parse_position(position))
    except (ValueError, AttributeError):
        raise ValueError(f"a position is written like '3.0.2', not {position!r}") from None


def _expect_same_workflow(execution_id: str, new_id: str) -> Operation[None]:
    wanted, found = (yield from describe(execution_id)), (yield from describe(new_id))
    if found.workflow != wanted.workflow:
        raise IdInUse(f"id {new_id!r} belongs to an execution of workflow {found.workflow!r}")
