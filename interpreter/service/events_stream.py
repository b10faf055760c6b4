"""An execution as it goes on: its entries and its status, as server-sent events.

Owns the events' ids, by which a stream is taken up where it was cut, and the pace at which is looked for more.
An entry is sent after it is committed, once, in order; the status after the entries that came with it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response, StreamingResponse

from dataflows.errors import DatabaseUnavailable, NotFound, SchedulerStopped
from interpreter.machine import ENDED
from interpreter.operations import Execution, HistoryEntry
from interpreter.service.answers import to_json
from interpreter.service.call import Call, Service
from interpreter.service.executions import entry_of
from interpreter.service.problems import Problem

__all__ = ["follow"]

_PAGE = 200
_KEPT = 2
"""Generations of a journal before the newest that are kept for sure."""

_LOOK, _LONGEST_LOOK = 0.1, 1.0
_SILENCE = 15.0
"""Seconds after which a stream says that it is still there, so that either side notices when it is not."""

_EVENT_ID = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})")


async def follow(call: Call) -> Response:
    """From its journal's beginning, or from behind Last-Event-ID, until it has ended; 204 if nothing can follow."""
    call.query()
    call.service.check_room()
    execution = await call.desk.describe(call.name("id"))
    follower = _Follower(call, *_place(call, execution))
    known = await follower.look(execution)
    if not known and execution.status in ENDED and call.header("last-event-id"):
        return Response(status_code=204)  # which tells a browser not to come again
    return StreamingResponse(follower.stream(execution, known), media_type="text/event-stream")


@dataclass(slots=True)
class _Follower:
    """Somebody who looks on.

    :ivar generation, seq: of the last entry that was sent.
    """

    call: Call
    generation: int
    seq: int
    _told: Execution | None = field(default=None, init=False)
    _has_more: bool = field(default=False, init=False)

    async def stream(self, execution: Execution, entries: list[bytes]) -> AsyncIterator[bytes]:
        """What has been seen already, and what there is to see from then on; cut where the database is gone."""
        with self.call.service.one_more_waiting(), suppress(DatabaseUnavailable, SchedulerStopped):
            yield b"retry: 2000\n\n"
            pace = _Pace(self.call.service)
            while True:
                events = entries + self._status(execution)
                for event in events:
                    yield event
                if not self._has_more:
                    if execution.status in ENDED or await pace.is_over(bool(events)):
                        return
                    if pace.is_silent():
                        yield b": still here\n\n"
                try:
                    execution = await self.call.desk.describe(execution.id)
                except NotFound:
                    yield _event("deleted", {"id": execution.id})
                    return
                entries = await self.look(execution)

    async def look(self, execution: Execution) -> list[bytes]:
        """The next entries, at most a page; those that were there when the execution was looked at are among them."""
        first = max(self.generation, execution.generation - _KEPT)
        for generation in range(first, execution.generation + 1):
            after = self.seq if generation == self.generation else 0
            found = await self.call.desk.history_page(execution.id, generation, after=after, limit=_PAGE)
            if found:
                self.generation, self.seq = generation, found[-1].seq
                self._has_more = len(found) == _PAGE or generation < execution.generation
                return [_entry(generation, each) for each in found]
        self._has_more = False
        return []

    def _status(self, execution: Execution) -> list[bytes]:
        if self._has_more or execution == self._told:
            return []
        self._told = execution
        return [_event("status", execution)]


class _Pace:
    """How soon is looked again: the longer nothing has come, the later."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._pause = _LOOK
        self._silence = 0.0

    async def is_over(self, has_come: bool) -> bool:
        """Wait for the next look; whether the service is to stop instead."""
        if has_come:
            self._pause, self._silence = _LOOK, 0.0
        self._silence += self._pause
        is_stopped = await self._service.is_stopped_within(self._pause)
        self._pause = min(self._pause * 1.5, _LONGEST_LOOK)
        return is_stopped

    def is_silent(self) -> bool:
        """Whether it is time to say that the stream is still there."""
        if self._silence < _SILENCE:
            return False
        self._silence = 0.0
        return True


def _place(call: Call, execution: Execution) -> tuple[int, int]:
    if (last := call.header("last-event-id")) is None:
        return execution.generation, 0
    if (found := _EVENT_ID.fullmatch(last)) is None:
        raise Problem("invalid", "The Last-Event-ID is not one that was sent.")
    return int(found[1]), int(found[2])


def _entry(generation: int, entry: HistoryEntry) -> bytes:
    document = {"generation": generation, **entry_of(entry)}
    return _event("entry", document, f"{generation}.{entry.seq}")


def _event(name: str, document: Any, id: str | None = None) -> bytes:
    """The document is one line, since it is ASCII without line breaks."""
    head = f"id: {id}\nevent: {name}\n" if id else f"event: {name}\n"
    return head.encode() + b"data: " + to_json(document) + b"\n\n"
