"""The journal's lines as they are stored, and the facts they stand for.

Owns the translation: a fact to a row (encoding its values) and a row to an entry (decoding
them afresh). What a workflow sees live went through both, so that it is what a replay shows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from dataflows.errors import CannotStore, Mismatch
from dataflows.outcome import Error, Outcome, Value
from interpreter.codec import Encoded, decode, decode_error, encode, encode_error
from interpreter.machine import (
    AttemptFailed,
    Begun,
    CallbackOpened,
    CancelRequested,
    ChildEnded,
    ChildStarted,
    Ended,
    Entry,
    Fact,
    PatchMarked,
    Published,
    Renewed,
    SignalReceived,
    SignalSent,
    Slept,
    Started,
    Status,
    StepBegun,
    StepEnded,
    StepStopped,
    Terminated,
    WaitTimedOut,
    format_position,
    parse_position,
)

__all__ = ["FORMAT", "Row", "started_payload", "storable_text", "to_entry", "to_row"]

FORMAT = 1
"""The version of the rules by which these rows are read; an execution keeps the one it was started under."""


class Row(NamedTuple):
    """A line of the journal, but for its key and its time. Text columns as in ``schema.sql``."""

    kind: str
    position: str | None = None
    name: str | None = None
    branch: str | None = None
    ok: bool | None = None
    encoding: str | None = None
    data: bytes | None = None
    moment: datetime | None = None


def storable_text(text: str) -> str:
    """The text for people, with what PostgreSQL's text cannot hold (NUL, lone surrogates) written out."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


# Facts to rows ----------------------------------------------------------------------------------


def to_row(fact: Fact) -> Row:
    """Encode a fact.

    A step's result that cannot be stored becomes the step's error, a published value the publishing's, and a
    workflow's result the workflow's: always ``CannotStore``, by name.
    """
    return _TO_ROW[type(fact)](fact)


def started_payload(what: str, args: tuple[Any, ...], kwargs: dict[str, Any], seed: str) -> Encoded:
    """The arguments of an execution, with the seed of its chance.

    :raises CannotStore: an argument cannot be stored; the message names ``what`` and the argument.
    """
    return encode({"args": list(args), "kwargs": kwargs, "seed": seed}, what)


def _outcome(outcome: Outcome[Any], what: str) -> tuple[bool, str, bytes]:
    try:
        ok, encoded = _encode_outcome(outcome, what)
    except CannotStore as error:
        ok, encoded = False, encode_error(error)
    return ok, encoded.encoding, encoded.data


def _encode_outcome(outcome: Outcome[Any], what: str) -> tuple[bool, Encoded]:
    if isinstance(outcome, Value):
        return True, encode(outcome.value, what)
    return False, encode_error(outcome.exception)


def _outcome_row(kind: str, what: str) -> Callable[[Any], Row]:
    def to_row(fact: StepEnded | ChildEnded | SignalSent | Published) -> Row:
        outcome = _outcome(fact.outcome, f"{what} {fact.name!r}")
        return Row(kind, format_position(fact.position), fact.name, fact.branch or None, *outcome)

    return to_row


def _attempt_row(fact: AttemptFailed) -> Row:
    encoded = encode_error(fact.error)
    place = (format_position(fact.position), fact.name, fact.branch or None)
    return Row("attempt", *place, False, *encoded, moment=fact.retry_at)


def _plain_row(kind: str) -> Callable[[Any], Row]:
    return lambda fact: Row(kind, format_position(fact.position), fact.name, fact.branch or None)


def _started_row(fact: Started) -> Row:
    encoded = started_payload("an argument of the workflow", fact.args, fact.kwargs, fact.seed)
    return Row("started", encoding=encoded.encoding, data=encoded.data)


def _signal_row(fact: SignalReceived) -> Row:
    encoded = encode(fact.payload, f"the payload of signal {fact.name!r}")
    return Row("signal", None, fact.name, fact.key, None, *encoded, moment=fact.sent_at)


def _callback_row(fact: CallbackOpened) -> Row:
    encoded = encode(fact.url, "the URL of a callback")
    return Row("callback", format_position(fact.position), fact.name, fact.branch or None, None, *encoded)


def _timeout_row(fact: WaitTimedOut) -> Row:
    return Row("timeout", format_position(fact.position), fact.name, fact.branch or None, not fact.is_error)


def _child_started_row(fact: ChildStarted) -> Row:
    encoded = encode(fact.id, "the id of a child")
    return Row("child-started", format_position(fact.position), fact.name, fact.branch or None, None, *encoded)


def _ended_row(fact: Ended) -> Row:
    ok, encoding, data = _outcome(fact.outcome, "the result of the workflow")
    status = fact.status if ok or fact.status is not Status.COMPLETED else Status.FAILED
    return Row(status.value, None, None, None, ok, encoding, data)


def _terminated_row(fact: Terminated) -> Row:
    return Row("terminated", None, fact.status.value, None, False, *encode_error(fact.error))


_TO_ROW: dict[type[Any], Callable[[Any], Row]] = {
    Started: _started_row,
    Begun: lambda fact: Row("begun"),
    StepBegun: _plain_row("begin"),
    StepEnded: _outcome_row("step", "the result of step"),
    AttemptFailed: _attempt_row,
    StepStopped: _plain_row("stopped"),
    Slept: _plain_row("sleep"),
    WaitTimedOut: _timeout_row,
    SignalSent: _outcome_row("sent", "what came of the signal"),
    Published: _outcome_row("published", "the published value of"),
    CallbackOpened: _callback_row,
    ChildStarted: _child_started_row,
    ChildEnded: _outcome_row("child", "the result of child"),
    PatchMarked: _plain_row("patch"),
    SignalReceived: _signal_row,
    CancelRequested: lambda fact: Row("cancel"),
    Ended: _ended_row,
    Renewed: lambda fact: Row("renewed"),
    Terminated: _terminated_row,
}


# Rows to entries --------------------------------------------------------------------------------


def to_entry(seq: int, at: datetime | None, row: Row) -> Entry:
    """Decode a row; each call gives fresh values.

    :raises Mismatch: the row is none that this version writes, or holds what this code cannot
        rebuild (a class that is gone).
    """
    if at is None:
        raise Mismatch(f"the journal is damaged: entry {seq} has no time, or one that no clock shows")
    read = _TO_FACT.get(row.kind)
    if read is None:
        raise Mismatch(f"the journal is damaged, or newer than this code: entry {seq} is of kind {row.kind!r}")
    try:
        return Entry(seq, at.astimezone(UTC), read(row))
    except Exception as error:
        problem = f"entry {seq} ({row.kind} {row.name or ''}) cannot be read by this code"
        raise Mismatch(f"{problem}: {type(error).__name__}: {error}") from error


def _at(row: Row) -> tuple[tuple[int, ...], str, str]:
    return parse_position(row.position or ""), row.name or "", row.branch or ""


def _stored(row: Row) -> tuple[str, bytes]:
    return row.encoding or "", row.data or b""


def _read_outcome(row: Row) -> Outcome[Any]:
    return Value(decode(_stored(row))) if row.ok else Error(_read_error(row))


def _read_error(row: Row) -> BaseException:
    return decode_error(Encoded(*_stored(row)))


def _moment(row: Row) -> datetime:
    if row.moment is None:
        raise ValueError("it has no moment")
    return row.moment.astimezone(UTC)


def _read_started(row: Row) -> Started:
    read = decode(_stored(row))
    return Started(tuple(read["args"]), read["kwargs"], read["seed"])


def _read_ended(row: Row) -> Ended:
    return Ended(Status(row.kind), _read_outcome(row))


_TO_FACT: dict[str, Callable[[Row], Fact]] = {
    "started": _read_started,
    "begun": lambda row: Begun(),
    "begin": lambda row: StepBegun(*_at(row)),
    "step": lambda row: StepEnded(*_at(row), outcome=_read_outcome(row)),
    "attempt": lambda row: AttemptFailed(*_at(row), error=_read_error(row), retry_at=_moment(row)),
    "stopped": lambda row: StepStopped(*_at(row)),
    "sleep": lambda row: Slept(*_at(row)),
    "timeout": lambda row: WaitTimedOut(*_at(row), is_error=row.ok is False),
    "sent": lambda row: SignalSent(*_at(row), outcome=_read_outcome(row)),
    "published": lambda row: Published(*_at(row), outcome=_read_outcome(row)),
    "callback": lambda row: CallbackOpened(*_at(row), url=decode(_stored(row))),
    "child-started": lambda row: ChildStarted(*_at(row), id=decode(_stored(row))),
    "child": lambda row: ChildEnded(*_at(row), outcome=_read_outcome(row)),
    "patch": lambda row: PatchMarked(*_at(row)),
    "signal": lambda row: SignalReceived(row.name or "", decode(_stored(row)), _moment(row), row.branch),
    "cancel": lambda row: CancelRequested(),
    "completed": _read_ended,
    "failed": _read_ended,
    "cancelled": _read_ended,
    "renewed": lambda row: Renewed(),
    "terminated": lambda row: Terminated(Status(row.name or ""), _read_error(row)),
}
