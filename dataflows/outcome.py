"""What a command came to: a value, or an error.

Owns these two shapes and how an outcome is opened again. Knows nothing of who produced it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

__all__ = ["Error", "Outcome", "Value"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Value(Generic[T_co]):
    """The command succeeded; ``None``, ``False`` and ``""`` are values like any other."""

    value: T_co


@dataclass(frozen=True, slots=True)
class Error:
    """The command failed with this exception."""

    exception: BaseException


Outcome: TypeAlias = Value[T_co] | Error
