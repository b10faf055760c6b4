"""The options that several commands have, each written once, and how their texts are read.

Owns the spelling. A text that cannot be is refused as wrong usage, before anything is opened.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any

import typer

from dataflows.duration import to_timedelta

__all__ = [
    "AsDocument",
    "DatabaseOption",
    "ExecutionId",
    "Modules",
    "Tags",
    "Timeout",
    "read_arguments",
    "read_duration",
    "read_json",
    "read_tags",
    "refusing",
]


@contextmanager
def refusing(option: str | None = None) -> Generator[None]:
    """What is refused inside is wrong usage, of this option."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def read_duration(text: str, option: str) -> timedelta:
    """``"1h30m"``, or a bare number of seconds."""
    with refusing(option):
        return to_timedelta(float(text) if text.replace(".", "", 1).isdecimal() else text)


def read_json(text: str | None, option: str) -> Any:
    """The value that the JSON stands for; None where there is none."""
    with refusing(option):
        return None if text is None else json.loads(text)


def read_arguments(text: str | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """An array is the positional arguments, an object the keyword arguments, anything else the one argument."""
    if text is None:
        return (), {}
    value = read_json(text, "--input")
    if isinstance(value, dict):
        return (), value
    return (tuple(value) if isinstance(value, list) else (value,)), {}


def read_tags(texts: Iterable[str]) -> dict[str, str]:
    """Each ``name=value``."""
    pairs = [text.partition("=") for text in texts]
    with refusing("--tag"):
        for name, equals, _ in pairs:
            if not (name and equals):
                raise ValueError(f"a tag is written name=value, not {name!r}")
    return {name: value for name, _, value in pairs}


ExecutionId = Annotated[str, typer.Argument(help="The execution's id.", show_default=False)]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        envvar="DATAFLOWS_DATABASE_URL",
        help="Which PostgreSQL: a libpq URL or conninfo. Default: an embedded server, below DATAFLOWS_HOME.",
        show_default=False,
    ),
]
AsDocument = Annotated[bool, typer.Option("--json", help="Answer in JSON, for machines.")]
Modules = Annotated[
    list[str],
    typer.Option(
        "--module",
        "-m",
        metavar="MODULE",
        help="Import this first, also from the current directory: it defines the workflow. May be repeated.",
        show_default=False,
    ),
]
Tags = Annotated[
    list[str], typer.Option("--tag", metavar="NAME=VALUE", help="May be repeated.", show_default=False)
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        help='How long to wait for the end, like "90s"; default: for ever.',
        show_default=False,
    ),
]
