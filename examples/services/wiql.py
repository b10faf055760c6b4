"""The part of WIQL that the local Azure DevOps understands: conditions joined by ``AND``, and one order.

``SELECT [System.Id] FROM WorkItems WHERE [System.State] <> 'Closed' AND [System.Title] CONTAINS 'total'
ORDER BY [System.ChangedDate] DESC``. Pure.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from examples.services.work_items import Person, WorkItem

__all__ = ["NotWiql", "Query"]

_QUERY = re.compile(
    r"\s*SELECT\s+.+?\s+FROM\s+WorkItems(?:\s+WHERE\s+(?P<where>.+?))?"
    r"(?:\s+ORDER\s+BY\s+\[(?P<order>[\w.]+)\](?:\s+(?P<way>ASC|DESC))?)?\s*",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(
    r"\s*\[(?P<field>[\w.]+)\]\s*(?P<how><>|<=|>=|=|<|>|CONTAINS)\s*"
    r"(?:'(?P<text>(?:[^']|'')*)'|(?P<number>\d+)|(?P<macro>@project))\s*(?P<more>AND\b)?",
    re.IGNORECASE,
)

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "CONTAINS": operator.contains,
}


class NotWiql(Exception):
    """The text is no query, or one that is not understood here."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a field."""

    field: str
    compare: Callable[[Any, Any], bool]
    wanted: str | int

    def holds(self, item: WorkItem) -> bool:
        """Whether an item fits; texts are compared as people read them, and nothing is equal to an empty field."""
        found = value_of(item, self.field)
        if isinstance(self.wanted, int):
            return isinstance(found, int) and self.compare(found, self.wanted)
        return found is not None and self.compare(str(found).casefold(), self.wanted.casefold())


@dataclass(frozen=True, slots=True)
class Query:
    """Which items are wanted, and in which order."""

    conditions: tuple[Condition, ...]
    order: str
    is_descending: bool

    @classmethod
    def parse(cls, text: str, project: str | None) -> Query:
        """Read a query.

        :param project: what ``@project`` stands for.
        :raises NotWiql: it is none.
        """
        found = _QUERY.fullmatch(text)
        if found is None:
            raise NotWiql(text)
        conditions = tuple(_conditions(found["where"], project)) if found["where"] else ()
        return cls(conditions, found["order"] or "System.Id", (found["way"] or "").upper() == "DESC")

    def find(self, items: Iterable[WorkItem]) -> list[WorkItem]:
        """The items that fit."""
        found = [item for item in items if all(condition.holds(item) for condition in self.conditions)]
        return sorted(found, key=lambda item: _sortable(value_of(item, self.order)), reverse=self.is_descending)


def value_of(item: WorkItem, field: str) -> Any:
    """What a query sees in a field: people by their names and addresses; None where it is empty."""
    value = item.id if field == "System.Id" else item.fields.get(field)
    return value.in_delivery() if isinstance(value, Person) else value


def _conditions(text: str, project: str | None) -> Iterable[Condition]:
    position, more = 0, True
    while more:
        found = _CONDITION.match(text, position)
        if found is None or (found["macro"] and project is None):
            raise NotWiql(text)
        text_wanted = project if found["macro"] else (found["text"] or "").replace("''", "'")
        wanted = int(found["number"]) if found["number"] else text_wanted or ""
        yield Condition(found["field"], OPERATORS[found["how"].upper()], wanted)
        position, more = found.end(), found["more"] is not None
    if position != len(text):
        raise NotWiql(text)


def _sortable(value: Any) -> tuple[bool, int, str]:
    is_number = isinstance(value, int)
    return value is not None, value if is_number else 0, "" if is_number else str(value)
