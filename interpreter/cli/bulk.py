"""The filter that stands in place of an id, and what is written of those that it finds.

Owns its options. A filter that says nothing is none, so that nobody means all there is by accident.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from interpreter.cli.options import read_tags, read_when
from interpreter.cli.output import document, say
from interpreter.client import Client
from interpreter.machine import Status
from interpreter.operations import BulkVerb, Execution

__all__ = ["CreatedBefore", "DryRun", "EndedBefore", "Filter", "OnlyStatus", "OnlyTags", "OnlyWorkflow", "do_in_bulk"]

_PANEL = "In place of an ID: all for which each of these holds"
OnlyStatus = Annotated[
    Status | None,
    typer.Option(
        "--status", metavar="STATUS", help=f"{', '.join(Status)}.", show_default=False, rich_help_panel=_PANEL
    ),
]
OnlyWorkflow = Annotated[
    str | None,
    typer.Option("--workflow", metavar="NAME", help="Of this workflow.", show_default=False, rich_help_panel=_PANEL),
]
OnlyTags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="NAME=VALUE", help="May be repeated.", show_default=False, rich_help_panel=_PANEL),
]
CreatedBefore = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN",
        help='Created before then: an ISO time, or "7d" ago.',
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
EndedBefore = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN", help='Ended before then: an ISO time, or "7d" ago.', show_default=False, rich_help_panel=_PANEL
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        metavar="",
        help="Only say to which executions it would be done, and to how many.",
        rich_help_panel=_PANEL,
    ),
]

_DONE: dict[BulkVerb, str] = {
    "cancel": "asked to cancel",
    "terminate": "terminated",
    "pause": "paused",
    "resume": "resumed",
    "retry": "tried again",
    "delete": "deleted",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which executions are meant, as a person wrote it."""

    status: Status | None
    workflow: str | None
    tags: list[str] | None
    created_before: str | None
    ended_before: str | None
    dry_run: bool

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing of the executions."""
        return not any((self.status, self.workflow, self.tags, self.created_before, self.ended_before))


def do_in_bulk(client: Client, verb: BulkVerb, chosen: Filter, as_document: bool) -> None:
    """Do it to all that the filter finds, and write a line for each, and last how many there were."""
    count = client.in_bulk(
        verb,
        status=chosen.status,
        workflow=chosen.workflow,
        tags=read_tags(chosen.tags),
        created_before=_read(chosen.created_before, "--created-before"),
        ended_before=_read(chosen.ended_before, "--ended-before"),
        dry_run=chosen.dry_run,
        tell=document if as_document else _say,
    )
    if not as_document:
        noun = "1 execution" if count == 1 else f"{count:,} executions"
        tense = "would be" if chosen.dry_run else "was" if count == 1 else "were"
        say(f"{noun} {tense} {_DONE[verb]}")


def _say(execution: Execution) -> None:
    say(f"{execution.id}  {execution.workflow}  {execution.status}")


def _read(text: str | None, option: str) -> datetime | None:
    return None if text is None else read_when(text, option)
