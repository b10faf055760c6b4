"""Values of every kind, and how two of them are compared: by value and by type, at every depth."""

from __future__ import annotations

import enum
import math
from collections import namedtuple
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple


@dataclass
class Order:
    number: int
    lines: tuple[str, ...] = ()
    extra: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Price:
    amount: int
    currency: str = "EUR"


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Point(NamedTuple):
    x: int
    y: int


Old = namedtuple("Old", "a b")  # noqa: PYI024


class Name(str):
    """A subclass of a type that JSON has."""

    __slots__ = ()


class Node:
    """A link of a chain; equal by what it holds."""

    def __init__(self, below: object) -> None:
        self.below = below


class Outer:
    class Inner:
        def __eq__(self, other: object) -> bool:
            return type(other) is type(self)

        __hash__ = None  # type: ignore[assignment]


def nested(levels: int, wrap: Any, core: object = None) -> Any:
    value = core
    for _ in range(levels):
        value = wrap(value)
    return value


def same(left: Any, right: Any) -> bool:
    """Whether the two are equal and of the same types, however deep they are."""
    pairs = [(left, right)]
    while pairs:
        left, right = pairs.pop()
        if type(left) is not type(right):
            return False
        if isinstance(left, list | tuple):
            if len(left) != len(right):
                return False
            pairs += zip(left, right, strict=True)
        elif isinstance(left, dict):
            if len(left) != len(right):
                return False
            pairs += zip(left.keys(), right.keys(), strict=True)
            pairs += zip(left.values(), right.values(), strict=True)
        elif isinstance(left, Node):
            pairs.append((left.below, right.below))
        elif isinstance(left, Order):
            pairs += ((getattr(left, part.name), getattr(right, part.name)) for part in fields(left))
        elif isinstance(left, float):
            if not _same_float(left, right):
                return False
        elif left != right:
            return False
    return True


def _same_float(left: float, right: float) -> bool:
    if math.isnan(left):
        return math.isnan(right)
    return left == right and math.copysign(1, left) == math.copysign(1, right)
