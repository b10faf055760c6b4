"""Messages to one execution: signals and cancels, each sent once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from dataflows.errors import NotFound
from dataflows.names import check_name
from interpreter.codec import Encoded, encode
from interpreter.machine import ENDED, Status
from interpreter.requests import Operation, Query
from interpreter.store.arrays import TextArray
from interpreter.store.identifiers import new_seed

__all__ = ["HAS_ENDED", "Message", "Sent", "cancel", "cancel_many", "send_signal", "signal", "signal_message"]

HAS_ENDED: dict[str, str] = {
    Status.COMPLETED: "has completed",
    Status.FAILED: "has failed",
    Status.CANCELLED: "has been cancelled",
}
"""Why an execution takes no more messages, by its status."""

_CANCEL = "cancel:cancel"
"""The id of the message that asks for it, of which there is one."""


def signal(execution_id: str, name: str, payload: Any = None, *, id: str | None = None) -> Operation[bool]:
    """Send a signal; it waits in the execution's inbox until a ``wait`` of that name takes it.

    :param id: sent twice under one id it arrives once; a payload that differs is ignored.
    :returns: whether it is new; False: its id was used before.
    :raises NotFound: no such execution, or it has ended.
    :raises CannotStore: the payload cannot be stored.
    """
    return (yield from send_signal(execution_id, name, payload, id=id)).is_new


def send_signal(execution_id: str, name: str, payload: Any = None, *, id: str | None = None) -> Operation[Sent]:
    """The same, and what the execution was waiting for: who has misspelt the name may want to know."""
    return (yield from _send(execution_id, signal_message(name, payload, id)))


def cancel(execution_id: str) -> Operation[bool]:
    """Ask an execution to cancel: ``Cancelled`` arrives at its current yield, and its cleanup runs.

    :returns: whether this is the first request; a further one changes nothing.
    :raises NotFound: no such execution, or it has ended.
    """
    return (yield from _send(execution_id, Message("cancel", _CANCEL, None, Encoded("", b"")))).is_new


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of sending a message.

    :ivar is_new: False: its id was used before.
    :ivar waits_for: the names of the signals that the execution was waiting for; None where that is not known, as of
        one that runs. A signal of another name is kept until a ``wait`` asks for it.
    """

    is_new: bool
    waits_for: list[str] | None


def cancel_many(ids: Sequence[str]) -> Operation[list[str]]:
    """Ask each that lives to cancel; answers which had not been asked before."""
    rows = yield Query("cancel", {"ids": TextArray(ids), "message_id": _CANCEL})
    return [row[0] for row in rows]


class Message(NamedTuple):
    """What is sent to an execution.

    :ivar id: with its kind before it, since cancels and signals have ids of their own.
    """

    kind: str
    id: str
    name: str | None
    payload: Encoded


def signal_message(name: str, payload: Any, id: str | None) -> Message:
    """A signal; one whose sender gave no id gets one, so that a repeated statement sends nothing twice.

    :raises CannotStore: the payload cannot be stored.
    """
    check_name(name, "a signal's name")
    message_id = new_seed() if id is None else check_name(id, "a message id")
    return Message("signal", f"signal:{message_id}", name, encode(payload, f"the payload of signal {name!r}"))


def _send(execution_id: str, message: Message) -> Operation[Sent]:
    parameters = {"execution_id": execution_id, "kind": message.kind, "id": message.id, "name": message.name}
    payload = {"encoding": message.payload.encoding or None, "payload": message.payload.data or None}
    query = Query("send", {**parameters, **payload})
    sent = known = found = waits_for = None
    while not (sent or known):
        sent, known, found, waits_for, _ = (yield query)[0]
        if found is None or Status(found) in ENDED:
            break
        # Else it waited for another that sent under this id, or that ended the execution: look again, at what is now.
    if not (sent or known):
        raise NotFound(f"execution {execution_id!r} " + ("does not exist" if found is None else HAS_ENDED[found]))
    return Sent(bool(sent), waits_for)
