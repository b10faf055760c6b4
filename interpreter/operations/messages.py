"""Messages to one execution: signals and cancels, each sent once."""

from __future__ import annotations

from typing import Any

from dataflows.errors import NotFound
from dataflows.names import check_name
from interpreter.codec import Encoded, encode
from interpreter.machine import ENDED, Status
from interpreter.requests import Operation, Query
from interpreter.store.identifiers import new_seed

__all__ = ["cancel", "signal"]


def signal(execution_id: str, name: str, payload: Any = None, *, id: str | None = None) -> Operation[bool]:
    """Send a signal; it waits in the execution's inbox until a ``wait`` of that name takes it.

    :param id: sent twice under one id it arrives once; a payload that differs is ignored.
    :returns: whether it is new; False: its id was used before.
    :raises NotFound: no such execution, or it has ended.
    :raises CannotStore: the payload cannot be stored.
    """
    check_name(name, "a signal's name")
    encoded = encode(payload, f"the payload of signal {name!r}")
    return (yield from _send(execution_id, "signal", id, name, encoded))


def cancel(execution_id: str) -> Operation[bool]:
    """Ask an execution to cancel: ``Cancelled`` arrives at its current yield, and its cleanup runs.

    :returns: whether this is the first request; a further one changes nothing.
    :raises NotFound: no such execution, or it has ended.
    """
    return (yield from _send(execution_id, "cancel", "cancel", None, Encoded("", b"")))


def _send(execution_id: str, kind: str, id: str | None, name: str | None, encoded: Encoded) -> Operation[bool]:
    # Cancels and signals have ids of their own; one that the sender did not name is made up, so that a
    # repeated statement (a lost connection) sends nothing twice.
    message_id = f"{kind}:{new_seed() if id is None else check_name(id, 'a message id')}"
    parameters = {"execution_id": execution_id, "kind": kind, "id": message_id, "name": name}
    payload = {"encoding": encoded.encoding or None, "payload": encoded.data or None}
    query = Query("send", {**parameters, **payload}, notify=execution_id)
    sent = known = found = None
    while not (sent or known):
        sent, known, found = (yield query)[0]
        if found is None or Status(found) in ENDED:
            break
        # Else it waited for another that sent under this id, or that ended the execution: look again, at what is now.
    if not (sent or known):
        raise NotFound(f"execution {execution_id!r} " + ("does not exist" if found is None else f"has {_ended(found)}"))
    return bool(sent)


def _ended(status: str) -> str:
    return {"completed": "completed", "failed": "failed", "cancelled": "been cancelled"}.get(status, f"is {status}")
