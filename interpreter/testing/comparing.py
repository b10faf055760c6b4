"""Commands compared: as loosely as a plan asks for, and field by field where they differ.

Owns ``ANY`` and what counts as the same. Branches that are generators are compared by their
function and its arguments, since a fresh generator is equal to nothing but itself.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from inspect import GEN_CREATED, getgeneratorstate
from itertools import zip_longest
from types import GeneratorType
from typing import Any, Final, NamedTuple, NoReturn

from typing_extensions import override

from dataflows.commands import Command
from dataflows.errors import CannotStore
from interpreter.codec import encode
from interpreter.testing.describing import describe_value

__all__ = ["ANY", "Difference", "differences", "matches", "same_value"]


class _Any(Command[Any]):
    """Equal to everything; may stand where a command, a function or an argument stands."""

    __slots__ = ()

    @override
    def __eq__(self, other: object) -> bool:
        return True

    @override
    def __hash__(self) -> int:
        return hash(_Any)

    @override
    def __repr__(self) -> str:
        return "ANY"

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError("ANY stands in a plan for what is not compared; it is nothing to call")


ANY: Final[Any] = _Any()
"""Whatever it is: ``step("charge", ANY, "A-1", ANY)``, ``gather(ANY, ANY)``, or ``ANY`` for a whole command."""

_MISSING: Final = type("_Missing", (), {"__repr__": lambda self: "nothing"})()


class Difference(NamedTuple):
    """A field, with what was expected there and what is there, as text."""

    field: str
    expected: str
    actual: str


def matches(expected: object, command: object) -> bool:
    """Whether the command is what a plan expects.

    :param expected: a command, compared by kind, name and arguments; a name; a kind of command; or ``ANY``.
    """
    if isinstance(expected, str):
        return getattr(command, "name", None) == expected
    if isinstance(expected, type):
        return isinstance(command, expected)
    return expected is ANY or (type(expected) is type(command) and not differences(expected, command))


def differences(expected: object, actual: object) -> list[Difference]:
    """The fields in which two commands differ; the whole, if they are not of one kind."""
    if type(expected) is not type(actual) or not isinstance(expected, Command) or expected is ANY:
        same = same_value(expected, actual)
        return [] if same else [Difference("", describe_value(expected), describe_value(actual))]
    found: list[Difference] = []
    compared = (field.name for field in fields(expected) if field.compare)  # type: ignore[arg-type]
    for name in compared:
        found += _in_field(name, getattr(expected, name), getattr(actual, name))
    return found


def same_value(expected: object, actual: object) -> bool:
    """Whether the values are equal, or would be stored as the same bytes, or are the same code."""
    if isinstance(expected, GeneratorType) and isinstance(actual, GeneratorType):
        return _same_generator(expected, actual)
    if _is_equal(expected, actual):
        return True
    if type(expected) is not type(actual):
        return False
    if isinstance(expected, Command):
        return not differences(expected, actual)
    if _is_local_code(expected):
        return bool(expected.__code__ is actual.__code__)  # type: ignore[attr-defined]
    return _stored_alike(expected, actual)


def _is_equal(expected: object, actual: object) -> bool:
    with suppress(Exception):  # an author's __eq__ may raise anything, and an array's gives no bool
        return bool(expected == actual)
    return False


def _in_field(name: str, expected: object, actual: object) -> list[Difference]:
    if isinstance(expected, tuple) and isinstance(actual, tuple):
        pairs = zip_longest(expected, actual, fillvalue=_MISSING)
        inner = [_in_field(f"{name}[{index}]", *pair) for index, pair in enumerate(pairs)]
        return [difference for found in inner for difference in found]
    if isinstance(expected, dict) and isinstance(actual, dict):
        keys = [*expected, *(key for key in actual if key not in expected)]
        return [
            difference
            for key in keys
            for difference in _in_field(f"{name}[{key!r}]", expected.get(key, _MISSING), actual.get(key, _MISSING))
        ]
    if expected is _MISSING or actual is _MISSING or not same_value(expected, actual):
        return [Difference(name, describe_value(expected), describe_value(actual))]
    return []


def _same_generator(expected: GeneratorType[Any, Any, Any], actual: GeneratorType[Any, Any, Any]) -> bool:
    if expected.gi_code is not actual.gi_code:
        return False
    if getgeneratorstate(expected) != GEN_CREATED or getgeneratorstate(actual) != GEN_CREATED:
        return expected is actual or expected.gi_code is actual.gi_code
    assert expected.gi_frame is not None and actual.gi_frame is not None
    return same_value(dict(expected.gi_frame.f_locals), dict(actual.gi_frame.f_locals))


def _is_local_code(value: object) -> bool:
    """A function that is made anew whenever the code around it runs, so that no two are equal."""
    return "<locals>" in getattr(value, "__qualname__", "") and hasattr(value, "__code__")


def _stored_alike(expected: object, actual: object) -> bool:
    try:
        return encode(expected, "a value") == encode(actual, "a value")
    except CannotStore:
        return type(expected).__eq__ is object.__eq__  # nobody has said what makes two of them equal
