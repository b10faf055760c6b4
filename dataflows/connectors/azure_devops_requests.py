"""What the Azure DevOps connector asks: the paths, queries and patches. Pure.

Owns the REST protocol of work items, version 7.1. Knows no connection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from dataflows.connectors.request import Request

__all__ = [
    "BATCH",
    "Expand",
    "batches",
    "get_item",
    "get_items",
    "has_fields",
    "id_of",
    "query_items",
    "quoted",
    "update_item",
]

API_VERSION = "7.1"
BATCH = 200
"""Items that one request may ask for."""

COMMENT = "System.History"

Expand: TypeAlias = Literal["None", "Relations", "Fields", "Links", "All"]
"""What an item is to come with beside its fields."""


def get_item(id: int | str, project: str | None, expand: Expand, fields: Collection[str]) -> Request:
    """Ask for one item."""
    path = f"{_scope(project)}/_apis/wit/workitems/{id_of(id)}"
    return Request("GET", path, _query(expand, fields), look_again={404})


def get_items(ids: Sequence[int], project: str | None, expand: Expand, fields: Collection[str]) -> Request:
    """Ask for at most ``BATCH`` items; those that are missing are to be answered as null."""
    query = {**_query(expand, fields), "ids": ",".join(map(str, ids)), "errorPolicy": "omit"}
    return Request("GET", f"{_scope(project)}/_apis/wit/workitems", query)


def query_items(wiql: str, project: str | None, limit: int | None) -> Request:
    """Ask which items fit; a POST, but it changes nothing."""
    query = {"api-version": API_VERSION} | ({} if limit is None else {"$top": str(limit)})
    return Request("POST", f"{_scope(project)}/_apis/wit/wiql", query, {"query": wiql}, is_idempotent=True)


def update_item(id: int | str, fields: Mapping[str, Any], rev: int | None, project: str | None) -> Request:
    """Set fields; only if the item is still at that revision, where one is given.

    :raises ValueError: a comment without a revision, which would be added at every try.
    """
    if rev is None and COMMENT in fields:
        raise ValueError(f"{COMMENT} is added anew at every try: give rev=, the revision that the item is to be at")
    test = [] if rev is None else [{"op": "test", "path": "/rev", "value": rev}]
    patch = [*test, *({"op": "add", "path": f"/fields/{_pointed(name)}", "value": fields[name]} for name in fields)]
    return Request(
        "PATCH",
        f"{_scope(project)}/_apis/wit/workitems/{id_of(id)}",
        {"api-version": API_VERSION},
        patch,
        media_type="application/json-patch+json",
        is_idempotent=True,  # values set twice are the same values; a comment may come only with a revision
    )


def batches(ids: Collection[int | str]) -> Iterator[Sequence[int]]:
    """The ids as numbers, as many at a time as one request may ask for."""
    numbers = [id_of(id) for id in ids]
    for start in range(0, len(numbers), BATCH):
        yield numbers[start : start + BATCH]


def id_of(id: int | str) -> int:
    """The id as a number.

    :raises ValueError: it is no whole number.
    """
    number = str(id)
    if not (number.isascii() and number.isdigit()):
        raise ValueError(f"the id of a work item is a whole number; got {id!r}")
    return int(number)


def quoted(text: str) -> str:
    """The text as WIQL writes it: ``quoted("O'Brien")`` is ``'O''Brien'``."""
    return "'" + text.replace("'", "''") + "'"


def has_fields(item: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether an item has these values already."""
    return all(_is_same(item["fields"].get(name), wanted[name]) for name in wanted)


def _is_same(found: Any, wanted: Any) -> bool:
    if isinstance(found, dict):  # somebody
        name, mail = found.get("displayName"), found.get("uniqueName")
        return wanted in (name, mail, f"{name} <{mail}>")
    return bool(found == wanted)


def _pointed(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _scope(project: str | None) -> str:
    return f"/{quote(project, safe='')}" if project else ""


def _query(expand: Expand, fields: Collection[str]) -> dict[str, str]:
    query = {"api-version": API_VERSION}
    if expand != "None":
        query["$expand"] = expand
    if fields:
        query["fields"] = ",".join(fields)
    return query
