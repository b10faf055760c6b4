"""``dataflows signal``.

Owns its words; what it does is the client's.
"""

from __future__ import annotations

from typing import Annotated

import typer

from interpreter.cli.options import AsDocument, DatabaseOption, ExecutionId, read_json, refusing
from interpreter.cli.output import document, say
from interpreter.client import Client

__all__ = ["signal"]


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
    """Send a signal to an execution; it waits there until the workflow asks for it."""
    value = None if payload is None else read_json(payload, "--payload")
    with Client(database) as client, refusing():
        is_new = client.signal(id, name, value, id=message_id)
    if as_document:
        document({"id": id, "signal": name, "new": is_new})
    else:
        say(f"signal {name!r} is sent" if is_new else f"signal {name!r} was sent under this id before")
