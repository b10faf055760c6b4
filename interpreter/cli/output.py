"""What a command writes, for people and for machines, and how it ends when something is wrong.

Owns the two consoles, and the wrapper around every command that turns an error into one line and
an exit code. What is written is never read as markup.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from dataflows.errors import DataflowsError
from interpreter.cli.exits import exit_of
from interpreter.cli.text import as_json, as_plain, inert

__all__ = ["complain", "document", "err", "out", "reporting"]

_WIDE = 240
"""Columns where nobody looks at a screen: a table is not folded for a file or a pipe."""


def _console(stderr: bool) -> Console:
    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = _WIDE
    return console


def out() -> Console:
    """Standard output, for the answer."""
    return _console(stderr=False)


def err() -> Console:
    """Standard error, for what is said beside the answer."""
    return _console(stderr=True)


def document(content: Any) -> None:
    """One JSON document, on one line of standard output."""
    print(as_json(as_plain(content)), file=sys.stdout, flush=True)


def complain(error: BaseException, message: str, as_document: bool) -> None:
    """Say on standard error what is wrong."""
    if as_document:
        print(as_json({"error": type(error).__name__, "message": message}), file=sys.stderr)
    else:
        err().print(Text.assemble(("error: ", "bold red"), inert(message)), soft_wrap=True)


def reporting(command: Callable[..., None]) -> Callable[..., None]:
    """The command, ending with one line and an exit code where it raised an error of this package."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        try:
            command(**options)
        except DataflowsError as error:
            complain(error, str(error), options.get("as_document", False))
            raise typer.Exit(exit_of(error)) from None

    return run
