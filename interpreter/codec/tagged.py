"""Our own values inside JSON, as objects with a tag.

Owns the registry of tags and the escape for a user's dict that looks like one. Knows none of the
classes: who registers them says how one becomes a dict, and how it is made of that dict again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from dataflows.errors import CannotRestore

__all__ = ["MARK", "fields_of", "is_registered", "register_json_type", "tag", "untag"]

T = TypeVar("T")

MARK = "$dataflows"
_ESCAPED = "dict"


class _Form(NamedTuple):
    tag: str
    to_dict: Callable[[Any], dict[str, Any]]


_forms: dict[type, _Form] = {}
_makers: dict[str, Callable[[dict[str, Any]], Any]] = {}


def register_json_type(
    cls: type[T], tag: str, to_dict: Callable[[T], dict[str, Any]], from_dict: Callable[[dict[str, Any]], T]
) -> None:
    """Store instances of exactly this class as tagged JSON, wherever in a value they stand.

    :param tag: names the class in what is stored, for ever.
    :param to_dict: what is left of it in exact JSON types and registered ones; an instance for which this
        is not so is stored by dill.
    :param from_dict: makes an equal instance of what ``to_dict`` gave.
    :raises ValueError: the tag belongs to another class.
    """
    if tag == _ESCAPED or (tag in _makers and _forms.get(cls, _Form("", dict)).tag != tag):
        raise ValueError(f"the JSON tag {tag!r} is taken; choose another for {cls.__name__}")
    _forms[cls] = _Form(tag, to_dict)
    _makers[tag] = from_dict


def is_registered(kind: type) -> bool:
    """Whether instances of this class are stored as tagged JSON."""
    return kind in _forms


def fields_of(value: object) -> dict[str, Any]:
    """The dict that stands for an instance of a registered class."""
    return _forms[type(value)].to_dict(value)


def tag(value: Any) -> Any:
    """A copy of the value in which registered instances, and dicts that look like a tag, are tagged objects."""
    # Loops, since a comprehension would take a second frame of the stack at each level.
    kind = type(value)
    if kind is list:
        items = []
        for item in value:
            items.append(tag(item))  # noqa: PERF401 - see above
        return items
    if kind is dict:
        copy = {}
        for key, item in value.items():
            copy[key] = tag(item)
        return _escape(copy) if MARK in copy else copy
    if kind in _forms:
        return {MARK: _forms[kind].tag, "value": tag(fields_of(value))}
    return value


def _escape(lookalike: dict[str, Any]) -> dict[str, Any]:
    # A list of pairs: no reader, going from the inside out, can take that for a tag.
    return {MARK: _ESCAPED, "value": [[key, item] for key, item in lookalike.items()]}


def untag(item: dict[str, Any]) -> Any:
    """What a JSON object stands for; an object hook.

    :raises CannotRestore: nobody has registered the tag.
    """
    if MARK not in item:
        return item
    name = item[MARK]
    if name == _ESCAPED:
        return dict(item["value"])
    if name not in _makers:
        raise CannotRestore(f"what is stored is a {name!r}, which this version of dataflows does not know; upgrade")
    return _makers[name](item["value"])
