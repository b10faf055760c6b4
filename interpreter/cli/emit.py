"""``dataflows emit``.

Owns its words; what it does is the client's.
"""

from __future__ import annotations

from typing import Annotated

import typer

from interpreter.cli.options import AsDocument, DatabaseOption, read_duration, read_json, refusing
from interpreter.cli.output import document, say
from interpreter.client import Client

__all__ = ["emit"]


def emit(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The event's name.", show_default=False)],
    *,
    key: Annotated[str, typer.Option(metavar="KEY", help="Whoever waits for this key gets it.", show_default=False)],
    payload: Annotated[
        str | None, typer.Option(metavar="JSON", help="What the waits are answered with.", show_default=False)
    ] = None,
    event_id: Annotated[
        str | None,
        typer.Option("--id", metavar="EVENT_ID", help="Emitted twice under one id it counts once.", show_default=False),
    ] = None,
    keep: Annotated[
        str, typer.Option(metavar="DURATION", help="How long it is kept if nobody waits for it yet.")
    ] = "7d",
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Emit an event to every execution that waits for it by key; if none does, it is kept for the next that will."""
    value = None if payload is None else read_json(payload, "--payload")
    kept_for = read_duration(keep, "--keep")
    with Client(database) as client, refusing():
        woken = client.emit(name, value, key=key, id=event_id, keep=kept_for)
    if as_document:
        document({"event": name, "key": key, "woken": woken})
    elif woken:
        say(f"event {name!r} went to {woken} execution" + ("" if woken == 1 else "s"))
    else:
        say(f"nobody waits for event {name!r} of key {key!r}: it is kept for {keep}")
