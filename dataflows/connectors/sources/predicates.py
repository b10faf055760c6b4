"""The predicates that triggers are put together from: values, equal where they want the same.

Owns comparing what an author wrote with what a delivery says. Whatever an event holds, they answer and never raise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dataflows.events import All, Event, Predicate, Trigger

__all__ = ["ComesFrom", "Has", "Holds", "Lacks", "found", "holds", "trigger_on"]


@dataclass(frozen=True, slots=True)
class Holds:
    """Whether an event's data holds a value at one of some places.

    :ivar wanted: compared with texts, numbers and booleans as text.
    :ivar paths: each place, as the names on the way to it with slashes between; a list on the way stands for all in it.
    :ivar ignores_case: whether ``Shop`` is ``shop``.
    """

    wanted: str
    paths: tuple[str, ...]
    ignores_case: bool = True

    def __call__(self, event: Event) -> bool:
        values = (value for path in self.paths for value in found(event.data, path))
        texts = {str(value) for value in values if isinstance(value, str | int)}
        return self.wanted.casefold() in map(str.casefold, texts) if self.ignores_case else self.wanted in texts


@dataclass(frozen=True, slots=True)
class Has:
    """Whether an event's data has anything at a place; ``path`` as in ``Holds``."""

    path: str

    def __call__(self, event: Event) -> bool:
        return bool(found(event.data, self.path))


@dataclass(frozen=True, slots=True)
class Lacks:
    """Whether an event's data has nothing at a place; ``path`` as in ``Holds``."""

    path: str

    def __call__(self, event: Event) -> bool:
        return not found(event.data, self.path)


@dataclass(frozen=True, slots=True)
class ComesFrom:
    """Whether an event's source is this one, without regard to case."""

    source: str

    def __call__(self, event: Event) -> bool:
        return event.source.casefold() == self.source.casefold()


def holds(wanted: object, *paths: str, ignores_case: bool = True) -> Holds | None:
    """``Holds``, or None where nothing in particular is wanted."""
    return None if wanted is None else Holds(str(wanted), paths, ignores_case)


def trigger_on(source: str, type: str, *predicates: Predicate | None) -> Trigger:
    """The events of that type that every predicate accepts; None stands for a filter that the author left out."""
    return Trigger(source, type, All(tuple(predicate for predicate in predicates if predicate is not None)))


def found(content: Any, path: str) -> list[Any]:
    """What stands at a place in JSON content: nothing, one value, or one from each member of a list on the way."""
    level = [content]
    for name in path.split("/"):
        level = [holder[name] for holder in _objects(level) if name in holder]
    return level


def _objects(values: Iterable[Any]) -> list[dict[str, Any]]:
    flat = [member for value in values for member in (value if isinstance(value, list) else [value])]
    return [member for member in flat if isinstance(member, dict)]
