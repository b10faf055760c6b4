"""The options that several commands have, each written once, and how their texts are read.

Owns the spelling. A text that cannot be is refused as wrong usage.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from dataflows.duration import Duration, to_timedelta
from interpreter.cli.text import inert

__all__ = [
    "AsDocument",
    "DatabaseOption",
    "ExecutionId",
    "Modules",
    "Tags",
    "Timeout",
    "read_age",
    "read_duration",
    "read_json",
    "read_tags",
    "read_when",
    "refusing",
]

ExecutionId = Annotated[str, typer.Argument(metavar="ID", help="The execution's id.", show_default=False)]
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
AsDocument = Annotated[bool, typer.Option("--json", metavar="", help="Answer in JSON, for machines.")]
Modules = Annotated[
    list[str] | None,
    typer.Option(
        "--module",
        "-m",
        metavar="MODULE",
        help="The module that defines the workflow, also from the current directory. May be repeated.",
        show_default=False,
    ),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="NAME=VALUE", help="May be repeated.", show_default=False)
]
Timeout = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION", help='How long to wait for the end, like "90s"; default: for ever.', show_default=False
    ),
]


@contextmanager
def refusing(option: str | None = None) -> Generator[None]:
    """What is refused inside is wrong usage, of this option."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise typer.BadParameter(inert(error), param_hint=option) from None


def read_duration(text: str, option: str) -> Duration:
    """``"1h30m"``, or a bare number of seconds."""
    duration = float(text) if _is_bare(text) else text
    with refusing(option):
        to_timedelta(duration)
    return duration


def read_age(text: str, option: str) -> Duration:
    """``"30d"``, and no bare number: what is older is deleted, so nobody is to mean days and get seconds."""
    if _is_bare(text):
        raise typer.BadParameter(f'{inert(text)} of what? Name the unit, like "30d"', param_hint=option)
    return read_duration(text, option)


def read_json(text: str, option: str) -> Any:
    """The value that the JSON stands for."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"it is no JSON: {error}", param_hint=option) from None


def read_tags(texts: Iterable[str] | None) -> dict[str, str]:
    """Each ``name=value``."""
    pairs = [text.partition("=") for text in texts or ()]
    with refusing("--tag"):
        for name, equals, _ in pairs:
            if not (name and equals):
                raise ValueError(f"a tag is written name=value, not {name!r}")
    return {name: value for name, _, value in pairs}


def read_when(text: str, option: str) -> datetime:
    """A moment; a duration is so long ago, and a time without a zone is this machine's."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        with refusing(option):
            return datetime.now(UTC) - to_timedelta(text)


def _is_bare(text: str) -> bool:
    """Whether it is a number without a unit."""
    return text.strip().replace(".", "", 1).isdecimal()
