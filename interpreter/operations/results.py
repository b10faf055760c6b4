"""Waiting for what an execution comes to."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from dataflows.duration import Duration, to_timedelta
from dataflows.errors import ExecutionBlocked, ExecutionCancelled, ExecutionTerminated, NotFound, ResultTimeout
from interpreter.codec import Encoded, decode, decode_error
from interpreter.machine import ENDED, Status
from interpreter.operations.host import Host, Watch
from interpreter.requests import Operation, Pause, Query
from interpreter.store.rows import Row

__all__ = ["result"]

_LOOK = 0.5
_LONGEST_LOOK = 1.0
"""Seconds between looks whether an execution has ended; where it is held here, a future tells at once."""


def result(
    execution_id: str, timeout: Duration | None = None, host: Host | None = None, watch: Watch | None = None
) -> Operation[Any]:
    """Wait until the execution has ended, and return what its workflow returned.

    :param timeout: how long to wait; default: for ever.
    :raises ResultTimeout: it has not ended by then; it goes on.
    :raises ExecutionCancelled, ExecutionTerminated, ExecutionBlocked: instead of a result.
    :raises Exception: what the workflow raised, as the same type where it can be rebuilt.
    """
    deadline = None if timeout is None else time.monotonic() + to_timedelta(timeout).total_seconds()
    watch = _still_to_tell(execution_id, host, watch)
    told: tuple[Status, Row | str] | None = None
    if watch is not None and host is not None and (watch.done() or host.holds(execution_id)):
        told = yield Pause(_left(deadline, _LOOK), watch)
    for pause in _growing(0.01 if watch is None else _LOOK):
        if told is None or told[0] is not Status.COMPLETED:  # it may have been terminated, or retried since
            told = yield from _read_result(execution_id)
        if told is not None:
            return _open_result(execution_id, *told)
        if deadline is not None and time.monotonic() >= deadline:
            raise ResultTimeout(f"execution {execution_id!r} has not ended within {timeout}; it goes on")
        watch = _still_to_tell(execution_id, host, watch)
        told = yield Pause(_left(deadline, pause), watch)


def _still_to_tell(execution_id: str, host: Host | None, watch: Watch | None) -> Watch | None:
    """The watch itself; another, if it has told of something that is not for ever."""
    if host is None or (watch is not None and not (watch.done() and watch.result()[0] is not Status.COMPLETED)):
        return watch
    return host.watch(execution_id)


def _read_result(execution_id: str) -> Operation[tuple[Status, Row | str] | None]:
    rows = yield Query("read_result", {"id": execution_id})
    if not rows:
        raise NotFound(f"execution {execution_id!r} does not exist")
    now, problem, kind, ok, encoding, data = rows[0]
    if now == Status.BLOCKED:
        return Status.BLOCKED, problem or ""
    return (Status(now), Row(kind, ok=ok, encoding=encoding, data=data)) if Status(now) in ENDED else None


def _open_result(execution_id: str, ended: Status, told: Row | str) -> Any:
    if isinstance(told, str):
        raise ExecutionBlocked(f"execution {execution_id!r} is blocked: {told}")
    encoded = Encoded(told.encoding or "", told.data or b"")
    if told.kind == "terminated" and ended is Status.CANCELLED:
        raise ExecutionTerminated(f"execution {execution_id!r} was {decode_error(encoded)}")
    if ended is Status.CANCELLED:
        raise ExecutionCancelled(f"execution {execution_id!r} was cancelled")
    if ended is Status.COMPLETED:
        return decode(encoded)
    raise decode_error(encoded)


def _growing(pause: float) -> Iterable[float]:
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_LOOK)


def _left(deadline: float | None, most: float) -> float:
    return most if deadline is None else max(0.0, min(most, deadline - time.monotonic()))
