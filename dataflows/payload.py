"""What ``wait(name, type)`` makes of a signal's payload.

Owns the reading of plain data as a type. Payloads come from outside, so nothing is trusted
and nothing but the named type is built.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

__all__ = ["read_as"]


def read_as(kind: Any, payload: Any) -> Any:
    """The payload as ``kind``: a dataclass or a pydantic model is built from a mapping, also in lists and dicts.

    :raises ValueError: the payload is not of that type; the message says what was expected.
    """
    if kind is None or kind is Any:
        return payload
    if hasattr(kind, "model_validate"):
        return kind.model_validate(payload)
    if dataclasses.is_dataclass(kind) and isinstance(payload, Mapping):
        return _read_dataclass(kind, payload)
    if get_origin(kind) in (Union, types.UnionType):
        return _read_union(get_args(kind), payload)
    if not _is_instance(kind, payload):
        raise ValueError(f"expected {getattr(kind, '__name__', kind)}, got {type(payload).__name__}: {payload!r:.200}")
    return _read_items(kind, payload)


def _read_dataclass(kind: Any, payload: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    known = {field.name for field in dataclasses.fields(kind) if field.init}
    if unknown := sorted(set(payload) - known, key=repr):
        raise ValueError(f"{kind.__name__} has no field {unknown[0]!r}; it has {', '.join(sorted(known))}")
    if missing := [field.name for field in dataclasses.fields(kind) if _has_to_be(field) and field.name not in payload]:
        raise ValueError(f"{kind.__name__} has a field {missing[0]!r}, which is missing; got {payload!r:.200}")
    try:
        return kind(**{name: read_as(hints[name], value) for name, value in payload.items()})
    except TypeError as error:
        raise ValueError(f"not a {kind.__name__}: {error}") from error


def _has_to_be(field: dataclasses.Field[Any]) -> bool:
    return field.init and field.default is field.default_factory is dataclasses.MISSING


def _read_items(kind: Any, payload: Any) -> Any:
    """The items of ``list[X]`` and ``dict[K, X]`` are read as ``X``; anything else is taken as it is."""
    collection, kinds = get_origin(kind), get_args(kind)
    if collection is list:
        return [read_as(kinds[0], item) for item in payload]
    if collection is dict:
        return {read_as(kinds[0], key): read_as(kinds[1], item) for key, item in payload.items()}
    return payload


def _read_union(kinds: tuple[Any, ...], payload: Any) -> Any:
    for kind in kinds:
        try:
            return read_as(type(None) if kind is None else kind, payload)
        except ValueError:
            continue
    raise ValueError(f"expected one of {kinds}, got {type(payload).__name__}: {payload!r:.200}")


def _is_instance(kind: Any, payload: Any) -> bool:
    plain = get_origin(kind) or kind
    if is_typeddict(plain):
        return isinstance(payload, dict)
    if not isinstance(plain, type):
        return True  # a form that only type checkers understand
    if plain is float:
        return isinstance(payload, int | float) and not isinstance(payload, bool)
    return isinstance(payload, plain) and not (isinstance(payload, bool) and plain is int)
