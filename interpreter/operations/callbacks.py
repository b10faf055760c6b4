"""Callbacks: what somebody outside is asked, and the one answer that becomes a signal.

Owns when a callback can be answered, and what those are told who may know. Whoever has the token may answer; how
it comes here, and what an answer has to look like, is the service's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from dataflows.commands import Callback
from dataflows.errors import NotFound
from interpreter.codec import Encoded, decode, encode, is_json
from interpreter.machine import ENDED, Status
from interpreter.operations.callback_urls import NOTHING, digest_of
from interpreter.operations.looking import status
from interpreter.requests import Operation, Query
from interpreter.store.identifiers import new_seed

__all__ = ["CallbackState", "CallbackStatus", "answer_callback", "list_callbacks", "look_at_callback", "question_of"]


class CallbackState(StrEnum):
    """Whether a callback can be answered."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    """The time for which it was valid is over."""
    ENDED = "ended"
    """Its execution has ended; should that be retried, it is open again."""


@dataclass(frozen=True, slots=True)
class CallbackStatus:
    """A callback, as it stands now.

    :ivar name: of the signal that its answer becomes.
    :ivar title, text, choices: what is asked.
    :ivar workflow: who asks.
    :ivar expires_at: it takes no answer from then on; None: while its execution lives.
    :ivar answer: what it was answered with; None if it was not.
    :ivar url: where it is answered; None where that is not told, or not kept any more.
    """

    name: str
    title: str
    text: str
    choices: tuple[str, ...]
    workflow: str
    state: CallbackState
    opened_at: datetime
    expires_at: datetime | None
    answered_at: datetime | None
    answer: Any = None
    url: str | None = None


def question_of(command: Callback) -> bytes:
    """What is asked, as it is stored."""
    return json.dumps({"title": command.title, "text": command.text, "choices": command.choices}).encode()


def look_at_callback(token: str) -> Operation[CallbackStatus]:
    """The callback of this token. :raises NotFound: there is none."""
    return _read((yield from _find(token)))


def answer_callback(token: str, payload: Any) -> Operation[tuple[bool, CallbackStatus]]:
    """Answer it, if it is open: the payload is sent as a signal, in the same commit.

    :returns: whether this was its answer, and how it stands now.
    :raises NotFound: there is no callback of this token.
    :raises CannotStore: the payload cannot be stored.
    """
    digest = digest_of(token)
    stored, message_id = encode(payload, "the answer to a callback"), f"callback:{new_seed()}"
    details = {"digest": digest, "message_id": message_id, "encoding": stored.encoding, "payload": stored.data}
    query = Query("answer_callback", details, lock=f"dataflows callback {digest.hex()}")
    while True:
        yield query
        row = yield from _find(token)
        found = _read(row)
        # An answer whose commit was told to nobody, since the connection broke, is known by its id.
        if row[8] == message_id or found.state is not CallbackState.OPEN:
            return row[8] == message_id, found
        # Else what has ended meanwhile has been taken up again: look again, at what is now.


def list_callbacks(execution_id: str) -> Operation[list[CallbackStatus]]:
    """The callbacks that an execution has opened, the newest first, with their URLs: whoever has one may answer.

    :raises NotFound: there is no such execution.
    """
    rows = yield Query("list_callbacks", {"id": execution_id})
    if not rows:
        yield from status(execution_id)
    found = [_read(row, None if row[11] is None else decode(Encoded(row[11], row[12]))) for row in rows]
    return sorted(found, key=lambda callback: callback.opened_at, reverse=True)


def _find(token: str) -> Operation[tuple[Any, ...]]:
    for row in (yield Query("look_at_callback", {"digest": digest_of(token)})):
        return tuple(row)
    raise NotFound(NOTHING)


def _read(row: tuple[Any, ...], url: str | None = None) -> CallbackStatus:
    name, question, workflow, now, opened_at, expires_at, is_over, answered_at, _, encoding, data = row[:11]
    asked = json.loads(question)
    return CallbackStatus(
        *(name, asked["title"], asked["text"], tuple(asked["choices"]), workflow),
        _state(answered_at is not None, bool(is_over), Status(now)),
        *(opened_at, expires_at, answered_at, _payload(encoding, data), url),
    )


def _state(is_answered: bool, is_over: bool, now: Status) -> CallbackState:
    if is_answered:
        return CallbackState.ANSWERED
    if now in ENDED:
        return CallbackState.ENDED
    return CallbackState.EXPIRED if is_over else CallbackState.OPEN


def _payload(encoding: str | None, data: bytes | None) -> Any:
    """An answer came from outside, and is JSON; whatever else is in the row is not made again."""
    stored = Encoded(encoding or "", data or b"")
    return decode(stored) if is_json(stored) else None
