"""``dataflows signal``.

Owns its words; what it does is the client's.
"""

from __future__ import annotations

from typing import Annotated

import typer

from interpreter.cli.options import AsDocument, DatabaseOption, ExecutionId, read_json, refusing
from interpreter.cli.output import document, say
from interpreter.client import Client
from interpreter.operations import Sent, send_signal
from interpreter.verbs import verb

__all__ = ["signal"]


class _Sender(Client):
    """A client that is also told what an execution was waiting for."""

    send_signal = verb(send_signal)


def signal(
    id: ExecutionId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The signal's name.", show_default=False)],
    payload: Annotated[
        str | None, typer.Option(metavar="JSON", help="What the wait is answered with.", show_default=False)
    ] = None,
    message_id: Annotated[
        str | None,
        typer.Option("--id", metavar="MESSAGE_ID", help="Sent twice under one id it arrives once.", show_default=False),
    ] = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Send a signal to an execution; it waits there until the workflow asks for it.

    If the execution is suspended and waits for other signals, you are told which.
    """
    value = None if payload is None else read_json(payload, "--payload")
    with _Sender(database) as client, refusing():
        sent = client.send_signal(id, name, value, id=message_id)
    if as_document:
        document({"id": id, "signal": name, "new": sent.is_new, "waits_for": sent.waits_for})
    elif not sent.is_new:
        say(f"signal {name!r} was sent under this id before")
    else:
        say(f"signal {name!r} is sent{_unless_awaited(name, sent)}")


def _unless_awaited(name: str, sent: Sent) -> str:
    """What whoever has misspelt the name wants to know."""
    if sent.waits_for is None or name in sent.waits_for:
        return ""
    awaited = ", ".join(map(repr, sent.waits_for)) or "no signal"
    return f", and kept until it is asked for: the execution now waits for {awaited}"
