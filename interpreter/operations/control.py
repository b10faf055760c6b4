"""What a person does to an execution from outside: pause it, let it go on, end it, be rid of it.

Owns the verbs that take several executions at once as well as one, in the words of ids. Each may
be repeated at any time, by anybody, and answers what it changed; it needs nobody who knows the
workflow, and waits for no scheduler.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.errors import ExecutionTerminated, NotFound, WrongStatus
from interpreter.codec import encode_error
from interpreter.machine import ENDED
from interpreter.operations.looking import status
from interpreter.operations.messages import HAS_ENDED
from interpreter.requests import Operation, Query
from interpreter.store.arrays import TextArray

__all__ = ["delete", "delete_many", "pause", "pause_many", "resume", "resume_many", "terminate", "terminate_many"]

_MOST_AT_ONCE = 100
"""How many executions one statement terminates: a holder that writes to one of them meanwhile may cost a repetition."""


def pause(execution_id: str) -> Operation[bool]:
    """Begin nothing further of an execution until it is resumed.

    Steps that run go on to their end, and what they come to is journaled. Signals and a cancel are
    kept, and timers become due, but nothing comes of them before that.

    :returns: whether it was not paused before.
    :raises NotFound: no such execution, or it has ended.
    """
    changed = yield from pause_many([execution_id])
    if not changed:
        yield from _expect_living(execution_id)
    return bool(changed)


def resume(execution_id: str) -> Operation[bool]:
    """Let a paused execution go on; try a blocked one again, from its journal, with the code that is now there.

    :returns: whether it was paused or blocked.
    :raises NotFound: no such execution, or it has ended.
    """
    changed = yield from resume_many([execution_id])
    if not changed:
        yield from _expect_living(execution_id)
    return bool(changed)


def terminate(execution_id: str) -> Operation[int]:
    """End an execution and all its children, at once and as cancelled; no code of the workflow runs any more.

    Attempts that run are asked to stop, and what they come to counts no more. ``cancel`` is the
    gentler way: it lets the workflow clean up.

    :returns: how many executions this has ended; 0: all had ended before.
    :raises NotFound: no such execution.
    """
    ended = yield from terminate_many([execution_id])
    if not ended:
        yield from status(execution_id)
    return len(ended)


def delete(execution_id: str) -> Operation[bool]:
    """Delete an execution that has ended, with its journal and its inbox; its id is free again.

    :returns: whether it was there.
    :raises WrongStatus: it has not ended; or it was terminated, and the scheduler that held it does
        not know it yet: try again in a moment.
    """
    if (yield from delete_many([execution_id])):
        return True
    try:
        found = yield from status(execution_id)
    except NotFound:
        return False
    if found in ENDED:
        raise WrongStatus(f"execution {execution_id!r} is just being let go by its scheduler: try again in a moment")
    raise WrongStatus(f"execution {execution_id!r} is {found}: only an ended one can be deleted; terminate it first")


def _expect_living(execution_id: str) -> Operation[None]:
    if (found := (yield from status(execution_id))) in ENDED:
        raise NotFound(f"execution {execution_id!r} {HAS_ENDED[found]}")


# Several at once --------------------------------------------------------------------------------


def pause_many(ids: Sequence[str]) -> Operation[list[str]]:
    """Pause each that lives and is not paused; answers which were."""
    return (yield from _change("pause", ids))


def resume_many(ids: Sequence[str]) -> Operation[list[str]]:
    """Resume each that is paused or blocked; answers which were."""
    return (yield from _change("resume", ids))


def delete_many(ids: Sequence[str]) -> Operation[list[str]]:
    """Delete each that has ended; answers which were."""
    return (yield from _change("delete", ids))


def _change(query: str, ids: Sequence[str]) -> Operation[list[str]]:
    rows = yield Query(query, {"ids": TextArray(ids)})
    return [row[0] for row in rows]


def terminate_many(ids: Sequence[str]) -> Operation[list[str]]:
    """Terminate these with all that descends from them; answers which lived.

    Parents come before their children, so that they start no more of them; and one looks again until
    none is found, since a holder may have written, or started a child, in between: below those that were
    found last, for only they can have, and so that one is faster than a family that grows for ever.
    """
    ended: list[str] = []
    living: Sequence[str] = ids
    while living := [row[0] for row in (yield Query("find_tree", {"ids": TextArray(living)}))]:
        for start in range(0, len(living), _MOST_AT_ONCE):
            rows = yield Query("terminate", _termination(living[start : start + _MOST_AT_ONCE], ids))
            ended += [id for id, was_terminated, _ in rows if was_terminated]
    return ended


def _termination(ids: Sequence[str], roots: Sequence[str]) -> dict[str, object]:
    own = encode_error(ExecutionTerminated("terminated"))
    inherited = encode_error(ExecutionTerminated("terminated with the execution that started it"))
    return {
        "ids": TextArray(ids),
        "roots": TextArray(roots),
        "encoding": own.encoding,
        "of_root": own.data,
        "of_child": inherited.data,
    }
