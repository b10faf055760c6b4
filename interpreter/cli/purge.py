"""``dataflows purge``.

Owns its words and its progress; what is deleted is the client's to know.
"""

from __future__ import annotations

from typing import Annotated

import typer

from interpreter.cli.options import AsDocument, DatabaseOption, read_age, refusing
from interpreter.cli.output import document, say, working
from interpreter.client import Client
from interpreter.machine import Status

__all__ = ["purge"]


def purge(
    *,
    older_than: Annotated[
        str, typer.Option(metavar="DURATION", help='What ended longer ago than this, like "30d".', show_default=False)
    ],
    workflow: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only of this workflow.", show_default=False)
    ] = None,
    status: Annotated[
        Status | None,
        typer.Option(metavar="STATUS", help="Only what ended so: completed, failed, cancelled.", show_default=False),
    ] = None,
    batch: Annotated[
        int, typer.Option(min=1, metavar="NUMBER", help="How many one statement looks at, at most.")
    ] = 500,
    dry_run: Annotated[bool, typer.Option("--dry-run", metavar="", help="Count them, and delete nothing.")] = False,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Delete executions that ended long ago, with their journals and messages.

    What has not ended is never deleted, and a child is kept until its parent has ended. It may be
    stopped at any time, and run beside workers.
    """
    age = read_age(older_than, "--older-than")
    with Client(database) as client, refusing(), working("looking for what is old") as tell:
        count = client.purge(
            older_than=age,
            workflow=workflow,
            status=status,
            batch=batch,
            dry_run=dry_run,
            progress=lambda so_far: tell(f"{so_far:,} executions so far"),
        )
    if as_document:
        document({"executions": count, "purged": not dry_run})
    else:
        executions = f"{count:,} execution" + ("" if count == 1 else "s")
        say(f"{executions} would be purged" if dry_run else f"{executions} purged")
