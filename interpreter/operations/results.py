"""Waiting for what an execution comes to: its value or error made again, or as it is stored."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dataflows.duration import Duration, to_timedelta
from dataflows.errors import ExecutionBlocked, ExecutionCancelled, ExecutionTerminated, NotFound, ResultTimeout
from interpreter.codec import Encoded, decode, decode_error
from interpreter.machine import ENDED, Status
from interpreter.operations.host import Host, Watch
from interpreter.requests import Operation, Pause, Query
from interpreter.store.rows import Row

__all__ = ["StoredResult", "result", "stored_result"]

_LOOK = 0.5
_LONGEST_LOOK = 1.0
"""Seconds between looks whether an execution has ended; where it is held here, a promise tells at once."""


def result(
    execution_id: str, timeout: Duration | None = None, host: Host | None = None, watch: Watch | None = None
) -> Operation[Any]:
    """Wait until the execution has ended, and return what its workflow returned.

    :param timeout: how long to wait; default: for ever.
    :raises ResultTimeout: it has not ended by then; it goes on.
    :raises ExecutionCancelled, ExecutionTerminated, ExecutionBlocked: instead of a result.
    :raises Exception: what the workflow raised, as the same type where it can be rebuilt.
    """
    return _open_result(execution_id, *(yield from _wait_for_end(execution_id, timeout, host, watch)))


@dataclass(frozen=True, slots=True)
class StoredResult:
    """What an execution came to, as it is stored: nothing of it has been made again, and no code of it has run.

    :ivar status: how it ended; or that it is blocked.
    :ivar encoded: the value or the error; None where there is none, or where it is larger than was asked for.
    :ivar size: in bytes, as it is stored.
    :ivar problem: why it is blocked, or "".
    """

    status: Status
    encoded: Encoded | None
    size: int
    problem: str


def stored_result(
    execution_id: str, timeout: Duration | None = None, host: Host | None = None, *, largest: int | None = None
) -> Operation[StoredResult]:
    """Wait until the execution has ended, or is blocked, and return what is stored of it.

    It is for who passes a result on to somebody else, whose values are no business of this process.

    :param timeout: how long to wait; default: for ever.
    :param largest: in bytes: of a larger value only the size.
    :raises ResultTimeout: it has not ended by then; it goes on.
    :raises NotFound: there is no such execution.
    """
    while True:
        yield from _wait_for_end(execution_id, timeout, host, most=0)
        rows = yield Query("read_result", {"id": execution_id, "most": largest})
        if rows and (rows[0][0] == Status.BLOCKED or Status(rows[0][0]) in ENDED):
            return _as_stored(*rows[0])
        # Else it was retried, or deleted, in between.


def _as_stored(
    now: str,
    problem: str | None,
    kind: str,
    ok: bool | None,
    encoding: str | None,
    data: bytes | None,
    size: int | None,
) -> StoredResult:
    encoded = Encoded(encoding, data) if encoding and data is not None else None
    return StoredResult(Status(now), encoded, size or 0, problem or "")


def _wait_for_end(
    execution_id: str,
    timeout: Duration | None,
    host: Host | None,
    watch: Watch | None = None,
    most: int | None = None,
) -> Operation[tuple[Status, Row | str]]:
    """The status, with the last entry (without its data, if that is more than so many bytes), or the problem."""
    deadline = None if timeout is None else time.monotonic() + to_timedelta(timeout).total_seconds()
    watch = _still_to_tell(execution_id, host, watch)
    told: tuple[Status, Row | str] | None = None
    if watch is not None and host is not None and (watch.done() or host.holds(execution_id)):
        told = yield Pause(_left(deadline, _LOOK), watch)
    for pause in _growing(0.01 if watch is None else _LOOK):
        if told is None or told[0] is not Status.COMPLETED:  # it may have been terminated, or retried since
            told = yield from _read_result(execution_id, most)
        if told is not None:
            return told
        if deadline is not None and time.monotonic() >= deadline:
            raise ResultTimeout(f"execution {execution_id!r} has not ended within {timeout}; it goes on")
        watch = _still_to_tell(execution_id, host, watch)
        told = yield Pause(_left(deadline, pause), watch)
    raise AssertionError("unreachable")


def _still_to_tell(execution_id: str, host: Host | None, watch: Watch | None) -> Watch | None:
    """The watch itself; another, if it has told of something that is not for ever."""
    if host is None or (watch is not None and not (watch.done() and watch.result()[0] is not Status.COMPLETED)):
        return watch
    return host.watch(execution_id)


def _read_result(execution_id: str, most: int | None) -> Operation[tuple[Status, Row | str] | None]:
    rows = yield Query("read_result", {"id": execution_id, "most": most})
    if not rows:
        raise NotFound(f"execution {execution_id!r} does not exist")
    now, problem, kind, ok, encoding, data, _ = rows[0]
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
