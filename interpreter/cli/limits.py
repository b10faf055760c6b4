"""``dataflows limits``, and how a limit is written on the command line.

Owns its words; what a limit is, and how it stands, is the client's to know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from dataflows.limits import Limit
from interpreter.cli.options import AsDocument, DatabaseOption, refusing
from interpreter.cli.output import document, present, say
from interpreter.cli.text import inert, local_time
from interpreter.client import Client
from interpreter.operations import LimitStatus

__all__ = ["Limits", "limits", "read_limits"]

Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=RATE/PER,AT_ONCE",
        help='What steps with that limit= keep to, over all workers: "clickup=100/1m", "clickup=5" at once, or '
        '"clickup=100/1m,5" for both. May be repeated.',
        show_default=False,
    ),
]

_WRITTEN = re.compile(r"[^=]+=(\d{1,10}/[^,/]+|\d{1,10}|\d{1,10}/[^,/]+,\d{1,10})")


def limits(*, database: DatabaseOption = None, as_document: AsDocument = False) -> None:
    """List the limits across executions: what each allows, how many run and wait, and whether a service holds it."""
    with Client(database) as client:
        found = client.limits()
    if as_document:
        for limit in found:
            document({**asdict(limit), "per": limit.per and limit.per.total_seconds()})
    elif found:
        present(_table(found))
    else:
        say("no limits")


def read_limits(texts: Iterable[str] | None) -> dict[str, Limit]:
    """Each ``name=rate/per,at_once``."""
    with refusing("--limit"):
        return dict(map(_read, texts or ()))


def _read(text: str) -> tuple[str, Limit]:
    if not _WRITTEN.fullmatch(text):
        raise ValueError(f'a limit is written like "clickup=100/1m", "clickup=5" or "clickup=100/1m,5", not {text!r}')
    name, _, terms = text.partition("=")
    rate, per, at_once = None, None, None
    for term in terms.split(","):
        if "/" in term:
            number, _, per = term.partition("/")
            rate = int(number)
        else:
            at_once = int(term)
    return name, Limit(rate, per, at_once)


def _table(found: Iterable[LimitStatus]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("limit", overflow="fold")
    for column in ("rate", "begun", "at once", "running", "waiting"):
        table.add_column(column, justify="right")
    table.add_column("held until")
    for each in found:
        rate = "" if each.per is None else f"{each.rate} in {each.per.total_seconds():g} s"
        begun = "" if each.per is None else str(each.begun)
        at_once = "" if each.at_once is None else str(each.at_once)
        held = Text(local_time(each.held_until), "yellow")
        table.add_row(Text(inert(each.name)), rate, begun, at_once, str(each.running), str(each.waiting), held)
    return table
