"""The commands that look: ``list`` and ``show``.

Owns the tables in which executions and journals are shown.
"""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Annotated

import typer
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dataflows.errors import Mismatch, UnknownWorkflow
from interpreter.cli.modules import import_modules
from interpreter.cli.options import AsDocument, DatabaseOption, ExecutionId, Modules, Tags, read_tags
from interpreter.cli.output import document, out
from interpreter.cli.text import inert, local_time, relative_to_here
from interpreter.client import Client
from interpreter.machine import Status
from interpreter.operations import Execution, HistoryEntry
from interpreter.scheduler.standing import OpenCommand, Standing, stand
from interpreter.verbs import verb

__all__ = ["list_executions", "show"]

_STYLES = {
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.BLOCKED: "bold red",
    Status.CANCELLED: "yellow",
    Status.RUNNING: "cyan",
}


class _Viewer(Client):
    """A client that can also tell where in its source an execution stands."""

    stand = verb(stand)


def list_executions(
    status: Annotated[Status | None, typer.Option(help="Only these.", show_default=False)] = None,
    workflow: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this.", show_default=False)] = None,
    tags: Tags = [],  # noqa: B006
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    before: Annotated[
        str | None, typer.Option(metavar="ID", help="The page after the one that ended with this.", show_default=False)
    ] = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """List executions, the newest first."""
    with Client(database) as client:
        found = client.list(status=status, workflow=workflow, tags=read_tags(tags), before=before, limit=limit)
    if as_document:
        for execution in found:
            document(execution)
    elif found:
        out().print(_execution_table(found))
    else:
        out().print("no executions")


def show(
    id: ExecutionId, modules: Modules = [], database: DatabaseOption = None, as_document: AsDocument = False  # noqa: B006
) -> None:
    """Show an execution: its journal, and where in the source it now stands.

    The latter takes the code that defines its workflow: name its module by --module.
    """
    import_modules(modules)
    with _Viewer(database) as client:
        execution, entries = client.describe(id), client.history(id)
        standing, problem = _stand(client, id) if modules else (None, None)
    if as_document:
        document({"execution": execution, "entries": entries, "standing": standing, "problem": problem})
        return
    unfinished = standing.open if standing is not None else []
    facts = _facts(execution, standing, problem)
    out().print(Group(Text(inert(execution.id), "bold"), facts, journal_table(entries, unfinished)))


def _stand(client: _Viewer, id: str) -> tuple[Standing | None, str | None]:
    """Where it stands, or why that cannot be told. What the workflow's own code prints is not the answer."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return client.stand(id), None
    except (Mismatch, UnknownWorkflow) as problem:
        return None, str(problem)


# Tables -----------------------------------------------------------------------------------------


def _execution_table(executions: Iterable[Execution]) -> Table:
    table = Table("id", "workflow", "status", "created", "due or ended", box=box.SIMPLE_HEAD, pad_edge=False)
    table.columns[0].overflow = table.columns[1].overflow = "fold"
    for each in executions:
        until = local_time(each.ended_at or each.due_at)
        name = f"{each.workflow} v{each.version}" if each.version > 1 else each.workflow
        table.add_row(*map(Text, (inert(each.id), inert(name))), _status(each), local_time(each.created_at), until)
    return table


def _status(execution: Execution) -> Text:
    return Text(execution.status, _STYLES.get(execution.status, ""))


def _facts(execution: Execution, standing: Standing | None, problem: str | None) -> Table:
    """What is known of it but for its journal, one fact a line."""
    facts: dict[str, RenderableType] = {
        "workflow": Text(f"{inert(execution.workflow)}, version {execution.version}"),
        "status": _status(execution),
        "created": local_time(execution.created_at),
        "ended": local_time(execution.ended_at),
        "due": local_time(execution.due_at),
        "tags": Text(inert(", ".join(f"{name}={value}" for name, value in execution.tags.items()))),
        "blocked by": Text(inert(execution.problem or ""), "red"),
        "stands at": Text(inert("\n".join(map(relative_to_here, standing.places)) if standing else ""), "cyan"),
        "not known": Text(inert(problem or ""), "yellow"),
    }
    table = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        if fact:
            table.add_row(Text(f"  {name}", "dim"), fact)
    return table


def journal_table(entries: Iterable[HistoryEntry], unfinished: Iterable[OpenCommand]) -> Table:
    """The journal, and below it what is not settled yet."""
    table = Table("position", "command", "attempts", "outcome", "when", box=box.SIMPLE_HEAD, pad_edge=False)
    table.columns[2].justify = "right"
    attempts: Counter[str | None] = Counter()
    for entry in entries:
        attempts[entry.position] += entry.kind in ("attempt", "step")
        tried = str(attempts[entry.position]) if entry.kind in ("attempt", "step") else ""
        command = _command(entry.kind, entry.name, entry.branch)
        table.add_row(entry.position, command, tried, _outcome(entry), local_time(entry.at, "milliseconds"))
    for each in unfinished:
        until = f"open until {local_time(each.due_at)}" if each.due_at else "open"
        tried = str(each.attempt - 1) if each.attempt else ""
        table.add_row(each.position, _command(each.kind, each.name, each.branch), tried, until, "", style="dim")
    return table


def _command(kind: str, name: str | None, branch: str | None) -> Text:
    words = {"attempt": "step", "stopped": "step", "timeout": "wait"}.get(kind, kind)
    return Text(inert(" ".join(filter(None, (words, name, branch and f"in {branch}")))))


def _outcome(entry: HistoryEntry) -> Text:
    """A value takes one line, cut where there is no room; an error takes what it needs."""
    if entry.ok is False:
        again = f"; again at {local_time(entry.moment)}" if entry.moment else ""
        return Text(f"failed: {inert(entry.text)}{again}", "red")
    said = {"sleep": "over", "timeout": "timed out", "stopped": "stopped"}.get(entry.kind, "")
    return Text(inert(entry.text) or said, "green" if entry.ok else "", overflow="ellipsis", no_wrap=True)
