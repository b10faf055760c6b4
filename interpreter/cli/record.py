"""``dataflows record``: a test, written from what an execution went through.

Owns where it is written, and how the function that redacts is named.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from interpreter.cli.modules import import_modules
from interpreter.cli.options import DatabaseOption, ExecutionId, Modules
from interpreter.cli.output import say
from interpreter.reader import Reader
from interpreter.testing.recording import Redact
from interpreter.testing.recording import record as write

__all__ = ["record"]

Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write it there; default: standard output.", show_default=False
    ),
]
Redacting = Annotated[
    str | None,
    typer.Option(
        "--redact",
        metavar="MODULE:FUNCTION",
        help="Called with the place and the value of all that the journal holds; its answer is written instead.",
        show_default=False,
    ),
]


def record(
    id: ExecutionId,
    *,
    output: Output = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", metavar="", help="Also if there is such a file.")] = False,
    redact: Redacting = None,
    modules: Modules = None,
    database: DatabaseOption = None,
) -> None:
    """Write a test that tells how an execution went, and fails where the code would now go another way.

    It needs no database. Read it before you keep it: what the execution held stands in it, unless redacted.
    """
    if output is not None and output.exists() and not overwrite:
        raise typer.BadParameter(f"{output} exists; with --overwrite it is written anew", param_hint="--output")
    import_modules(modules)
    chosen = None if redact is None else _redacting(redact)
    with Reader(database) as reader:
        recording = reader.recording(id)
    with contextlib.redirect_stdout(sys.stderr):
        text = write(recording, chosen)
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")
        say(f"written to {output}")


def _redacting(named: str) -> Redact:
    module, colon, name = named.partition(":")
    import_modules([module])
    function = getattr(importlib.import_module(module), name, None) if colon else None
    if not callable(function):
        raise typer.BadParameter(f"{named!r} names no function; write module:function", param_hint="--redact")
    redact: Redact = function
    return redact
