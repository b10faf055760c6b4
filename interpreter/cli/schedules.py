"""``dataflows schedules``: the commands that are about the schedules of workflows.

Owns their words; what they do is the client's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from dataflows.events import Event
from interpreter.cli.options import AsDocument, DatabaseOption, read_when, refusing
from interpreter.cli.output import document, listing, say
from interpreter.cli.tables import schedule_table
from interpreter.cli.text import local_time
from interpreter.client import Client

__all__ = ["SCHEDULE_COMMANDS"]

Name = Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow's name.", show_default=False)]
OnlySchedule = Annotated[
    str | None,
    typer.Option(
        "--schedule", metavar="TEXT", help="Only this of its schedules, as `list` shows it.", show_default=False
    ),
]


def list_schedules(
    *,
    workflow: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only of this workflow.", show_default=False)
    ] = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """List the schedules of all workflows, by name; with --json, one a line."""
    with Client(database) as client:
        found = client.list_schedules(workflow)
    listing(found, as_document, schedule_table, "no schedules")


def pause(
    workflow: Name,
    *,
    schedule: OnlySchedule = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Start no moment of a workflow's schedules until they are resumed; what runs goes on."""
    with Client(database) as client:
        is_new = client.pause_schedule(workflow, schedule)
    _answer(workflow, is_new, "it is paused" if is_new else "it was paused before", as_document)


def resume(
    workflow: Name,
    *,
    schedule: OnlySchedule = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Go on with a workflow's schedules; what came meanwhile is caught up with as the schedule has it."""
    with Client(database) as client:
        is_new = client.resume_schedule(workflow, schedule)
    _answer(workflow, is_new, "it goes on" if is_new else "it was not paused", as_document)


def delete(
    workflow: Name,
    *,
    schedule: OnlySchedule = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Forget the schedules of a workflow that no worker serves any more."""
    with Client(database) as client:
        is_new = client.delete_schedule(workflow, schedule)
    _answer(workflow, is_new, "it is deleted" if is_new else "there is none", as_document)


def trigger(
    workflow: Name,
    *,
    id: Annotated[
        str | None,
        typer.Option(metavar="NEW_ID", help="Of the execution; default: a new one.", show_default=False),
    ] = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Start a workflow that has a schedule now, and print the execution's id; its moments stay as they are."""
    with Client(database) as client, refusing("--id"):
        started = client.trigger_schedule(workflow, id=id)
    if as_document:
        document({"workflow": workflow, "id": started})
    else:
        say(started)


def backfill(
    workflow: Name,
    *,
    begin: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="WHEN",
            help='The first moment is not before: an ISO time, or "7d" ago.',
            show_default=False,
        ),
    ],
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="WHEN", help="The last is before: the same; default: now.", show_default=False),
    ] = None,
    schedule: OnlySchedule = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", metavar="", help="Only say what would be started.")] = False,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Start the moments of a span of time that has passed, but for those that were started before."""
    span = read_when(begin, "--from"), None if end is None else read_when(end, "--to")
    with Client(database) as client, refusing():
        tell = document if as_document else _say
        count = client.backfill(workflow, *span, schedule=schedule, dry_run=dry_run, tell=tell)
    if not as_document:
        moments = "1 moment" if count == 1 else f"{count:,} moments"
        say(f"{moments} {'would be' if dry_run else 'was' if count == 1 else 'were'} started")


SCHEDULE_COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_schedules,
    "pause": pause,
    "resume": resume,
    "trigger": trigger,
    "backfill": backfill,
    "delete": delete,
}


def _say(event: Event) -> None:
    say(f"{event.id}  {local_time(event.time)}")


def _answer(workflow: str, is_new: bool, words: str, as_document: bool) -> None:
    if as_document:
        document({"workflow": workflow, "new": is_new})
    else:
        say(words)
