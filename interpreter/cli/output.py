"""What a command writes, for people and for machines, and how it ends when something is wrong.

Owns the two consoles, and the wrapper around every command that turns an error into one line and
an exit code. What is written is never read as markup.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from dataflows.errors import DataflowsError
from interpreter.cli.exits import exit_of
from interpreter.cli.text import as_json, inert

__all__ = ["complain", "document", "listing", "present", "reporting", "say", "working"]

T = TypeVar("T")

_WIDE = 240
"""Columns where nobody looks at a screen: a table is not folded for a file or a pipe."""


def present(content: RenderableType) -> None:
    """Write a table, or whatever ``rich`` draws, to standard output."""
    _console().print(content)


def say(sentence: str) -> None:
    """Write a text to standard output; the terminal folds it, if it must."""
    _console().print(Text(inert(sentence)), soft_wrap=True)


def document(content: Any) -> None:
    """Write one JSON document, on one line of standard output."""
    typer.echo(as_json(content))


def listing(
    found: Sequence[T], as_document: bool, table: Callable[[Sequence[T]], RenderableType], nothing: str
) -> None:
    """Write what was found: a JSON document a line, or a table.

    :param nothing: what is said where there would be an empty table.
    """
    if as_document:
        for each in found:
            document(each)
    elif found:
        present(table(found))
    else:
        say(nothing)


@contextmanager
def working(sentence: str) -> Generator[Callable[[str], None]]:
    """Show that something goes on, on standard error if that is a terminal; gives what to call with how far it is."""
    with _console(stderr=True).status(Text(sentence)) as status:
        yield lambda progress: status.update(Text(progress))


def complain(error: BaseException, message: str, as_document: bool = False) -> None:
    """Say on standard error what is wrong."""
    if as_document:
        typer.echo(as_json({"error": type(error).__name__, "message": message}), err=True)
    else:
        _console(stderr=True).print(Text.assemble(("error: ", "bold red"), inert(message)), soft_wrap=True)


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


def _console(stderr: bool = False) -> Console:
    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = _WIDE
    return console
