"""Reads the ``.sql`` files but the schema: every statement by its name.

A query starts with a line ``-- name: …``; the comments under that line are its documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

__all__ = ["QUERIES", "Query"]

_SCHEMA = "schema.sql"
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


class Query(NamedTuple):
    """A statement by name, with its parameters: what a database is asked.

    :ivar lock: an event's name and key, in one text, that are locked first in the same transaction; None: no lock.
    """

    name: str
    parameters: dict[str, Any]
    lock: str | None = None

    @property
    def sql(self) -> bytes:
        """The statement's text."""
        return QUERIES[self.name]


def _load(file: Traversable) -> dict[str, bytes]:
    parts = _NAME.split(file.read_text("utf-8"))
    return {name: _without_comments(text) for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _without_comments(text: str) -> bytes:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return "\n".join(lines).strip().encode()


def _files() -> Iterator[Traversable]:
    here = files("interpreter.store").iterdir()
    return (file for file in here if file.name.endswith(".sql") and file.name != _SCHEMA)


QUERIES = {name: sql for file in _files() for name, sql in _load(file).items()}
