"""The commands that look: ``list`` and ``show``.

Owns what is asked; how it is drawn is next door.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from dataflows.errors import Mismatch, UnknownWorkflow
from interpreter.cli.modules import import_modules, without_warnings
from interpreter.cli.options import AsDocument, DatabaseOption, ExecutionId, Modules, Tags, read_tags
from interpreter.cli.output import document, listing, present
from interpreter.cli.tables import execution_facts, execution_table, journal_table
from interpreter.cli.text import inert
from interpreter.client import Client
from interpreter.machine import Status
from interpreter.operations import describe_published, find_workflow, read_recording
from interpreter.testing import Standing, stand
from interpreter.verbs import verb

__all__ = ["list_executions", "show"]


Generation = Annotated[
    int | None, typer.Option(min=1, help="Of the journal, if not the newest.", metavar="NUMBER", show_default=False)
]


class _Viewer(Client):
    """A client that can also read a journal as a machine takes it, and all that was published."""

    recording = verb(read_recording)
    describe_published = verb(describe_published)


def list_executions(
    *,
    status: Annotated[
        Status | None, typer.Option(metavar="STATUS", help=f"Only these: {', '.join(Status)}.", show_default=False)
    ] = None,
    workflow: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only of this workflow.", show_default=False)
    ] = None,
    tags: Tags = None,
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="At most so many.")] = 50,
    before: Annotated[
        str | None, typer.Option(metavar="ID", help="The page after the one that ended with this.", show_default=False)
    ] = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """List executions, the newest first; with --json, one a line."""
    with Client(database) as client:
        found = client.list(status=status, workflow=workflow, tags=read_tags(tags), before=before, limit=limit)
    listing(found, as_document, execution_table, "no executions")


def show(
    id: ExecutionId,
    modules: Modules = None,
    *,
    generation: Generation = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Show an execution: its journal, what it has published, and where in the source it now stands.

    The latter takes the code that defines its workflow: name its module by --module.
    """
    import_modules(modules)
    with _Viewer(database) as client:
        execution, entries = client.describe(id), client.history(id, generation=generation)
        published = client.describe_published(id)
        standing, problem = _stand(client, id) if modules else (None, None)
    if as_document:
        found = {"execution": execution, "entries": entries, "published": published}
        document({**found, "standing": standing, "problem": problem})
        return
    facts = execution_facts(execution, published, standing, problem)
    unfinished = standing.open if standing is not None and generation in (None, execution.generation) else ()
    journal = journal_table(entries, unfinished)
    present(Group(Text(inert(execution.id), "bold"), facts, journal))


def _stand(client: _Viewer, id: str) -> tuple[Standing | None, str | None]:
    """Where it stands, or why that cannot be told. What the workflow's own code prints, or drops, is not the answer."""
    try:
        recording = client.recording(id)
        with contextlib.redirect_stdout(sys.stderr), without_warnings():
            return stand(find_workflow(recording.workflow, recording.version), recording), None
    except (Mismatch, UnknownWorkflow) as problem:
        return None, str(problem)
