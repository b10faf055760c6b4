"""``dataflows deliveries``: what services have delivered, and what came of it.

Owns its words; what it does is the client's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from interpreter.cli.options import AsDocument, DatabaseOption
from interpreter.cli.output import document, listing, present, say
from interpreter.cli.tables import delivery_facts, delivery_table
from interpreter.cli.text import as_json, inert
from interpreter.client import Client

__all__ = ["DELIVERY_COMMANDS"]

SourceName = Annotated[str, typer.Argument(metavar="SOURCE", help="Who delivered it.", show_default=False)]
DeliveryId = Annotated[str, typer.Argument(metavar="ID", help="The delivery's id.", show_default=False)]


def list_deliveries(
    *,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this source.", show_default=False)] = None,
    started: Annotated[
        bool | None,
        typer.Option("--started/--not-started", metavar="", help="Only such as have started something, or have not."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, metavar="N", help="At most so many.")] = 50,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """List deliveries, the newest first; with --json, one a line."""
    with Client(database) as client:
        found = client.list_deliveries(source=source, started=started, limit=limit)
    listing(found, as_document, delivery_table, "no deliveries")


def show_delivery(
    source: SourceName, id: DeliveryId, *, database: DatabaseOption = None, as_document: AsDocument = False
) -> None:
    """Show a delivery with its events."""
    with Client(database) as client:
        found = client.describe_delivery(source, id)
    if as_document:
        document(found)
        return
    events = Table.grid()
    for key, event in found.content or ():
        events.add_row(Text(f"\n{inert(key)}", "bold"))
        events.add_row(Text(inert(as_json(event, indent=2))))
    present(Group(Text(f"{inert(found.source)} {inert(found.id)}", "bold"), delivery_facts(found), events))


def replay_delivery(
    source: SourceName,
    id: DeliveryId,
    *,
    anew: Annotated[
        bool, typer.Option("--anew", metavar="", help="Start everything again, also what it has started before.")
    ] = False,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Have a delivery routed again: it starts what it would start now, if it has not started that before."""
    with Client(database) as client:
        client.replay_delivery(source, id, anew=anew)
    if as_document:
        document({"source": source, "delivery": id, "anew": anew})
    else:
        say(f"delivery {id!r} of {source!r} is routed again by the next scheduler that looks")


DELIVERY_COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_deliveries,
    "show": show_delivery,
    "replay": replay_delivery,
}
