"""``dataflows check``: whether this code may be deployed to a database that holds open executions.

Owns how what was found is drawn. What is found, the testing kit says.
"""

from __future__ import annotations

import contextlib
import sys
import time
from textwrap import indent
from typing import Annotated

import typer
from rich.console import Group as Stack
from rich.console import RenderableType
from rich.text import Text

from dataflows.workflow import registry
from interpreter.cli.exits import Exit
from interpreter.cli.modules import import_modules
from interpreter.cli.options import AsDocument, DatabaseOption
from interpreter.cli.output import document, present
from interpreter.cli.text import inert, relative_to_here
from interpreter.reader import Reader
from interpreter.testing import Obstacle, Report
from interpreter.testing.checking import Group

__all__ = ["check"]

Checked = Annotated[
    list[str],
    typer.Argument(metavar="MODULE", help="The code to check: what defines the workflows.", show_default=False),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--workflow", metavar="NAME", help="Only executions of this workflow. May be repeated.", show_default=False
    ),
]

_ADVICE = {
    Obstacle.MISMATCH: "or register the changed code under a new version=, beside the old",
    Obstacle.UNREGISTERED: "keep its code until they have ended, or name the module that defines it",
    Obstacle.UNREADABLE: "keep what the value is made of, under its module and name, until they have ended",
    Obstacle.ARGUMENTS: "give new parameters a default, or register the changed code under a new version=",
}


def check(
    modules: Checked, *, workflows: Only = None, database: DatabaseOption = None, as_document: AsDocument = False
) -> None:
    """Tell which open executions could not go on with this code. Changes nothing; exits with 1 if there are any.

    Every execution that has not ended is driven once more, from its journal, by the code that the modules
    define. No step is run.
    """
    import_modules(modules)
    begun = time.monotonic()
    with Reader(database) as reader, contextlib.redirect_stdout(sys.stderr):
        report = Report.of(reader.open_recordings(workflows), registry)
    if as_document:
        document({"checked": report.checked, "failing": report.failing, "groups": report.groups})
    else:
        present(_drawn(report, time.monotonic() - begun))
    if report.groups:
        raise typer.Exit(Exit.FAILED)


def _drawn(report: Report, seconds: float) -> RenderableType:
    executions = "execution" if report.checked == 1 else "executions"
    looked_at = f"{report.checked:,} open {executions}, looked at in {seconds:.1f} s"
    if not report.groups:
        return Text(f"every one can go on with this code: {looked_at}", "green")
    title = Text(f"{report.failing:,} cannot go on with this code, of {looked_at}", "bold red")
    return Stack(title, *map(_group, report.groups))


def _group(group: Group) -> RenderableType:
    finding = group.finding
    more = ", …" if group.count > len(group.examples) else ""
    examples = inert(", ".join(group.examples)) + more
    title = Text.assemble("\n", (inert(f"{finding.workflow}, version {finding.version}"), "bold"))
    title.append(f"  {finding.obstacle} in {group.count:,}: {examples}")
    facts = [
        ("the journal has", finding.expected),
        ("the code has", finding.found),
        ("at", relative_to_here(finding.place)),
        ("position", f"{finding.position} (entry {finding.entry} of {group.examples[0]})" if finding.position else ""),
    ]
    lines = [Text.assemble((f"  {name:<17}", "dim"), inert(fact)) for name, fact in facts if fact]
    return Stack(title, *lines, *_advice(group))


def _advice(group: Group) -> list[RenderableType]:
    advice = Text(f"  {_ADVICE[group.finding.obstacle]}", "dim")
    if group.patch is None:
        return [advice]
    where = relative_to_here(group.patch.place)
    title = Text(f"  {group.patch.change}? then the old ones go on as they were with, at {inert(where)}:", "dim")
    return [title, Text(indent(inert(group.patch.snippet), " " * 6), "cyan"), advice]
