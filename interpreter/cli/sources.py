"""The sources that the modules of ``dataflows serve`` name: each module's list, or mapping, ``sources``.

Owns how they are found, and the words in which what cannot be one is refused.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

import typer

from dataflows.connectors.sources import Source
from interpreter.cli.options import refusing
from interpreter.service.hooks import sources_of

__all__ = ["sources_in"]

_NAME = "sources"
_PARTS = ("name", "accepted", "largest_body", "has_secret", "handshake", "verify", "parse", "identify")


def sources_in(modules: Iterable[str]) -> dict[str, Source]:
    """Where each is, and the source.

    :raises typer.BadParameter: a module's ``sources`` are none, or two are in one place.
    """
    found: dict[str, Source] = {}
    for module in modules:
        with refusing("MODULE"):
            for place, source in sources_of(_given_by(module)).items():
                if found.setdefault(place, source) is not source:
                    raise typer.BadParameter(f"two modules have a source at /hooks/{place}", param_hint="MODULE")
    return found


def _given_by(module: str) -> Any:
    given = getattr(importlib.import_module(module), _NAME, None)
    if not isinstance(given, list | tuple | Mapping):
        return ()  # something else of that name: a module that was imported, perhaps
    for each in given.values() if isinstance(given, Mapping) else given:
        if not all(hasattr(each, part) for part in _PARTS):
            raise TypeError(
                f"{module}.{_NAME} is a list of sources, like [GitHubSource(secret)]; {each!r:.100} is none"
            )
    return given
