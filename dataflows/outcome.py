"""What a command came to: a value, or an error.

Owns these two shapes and how an outcome is opened again. Knows nothing of who produced it.
"""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

from dataflows.frozen import frozen

__all__ = ["Error", "Outcome", "Value"]

T_co = TypeVar("T_co", covariant=True)


@frozen
class Value(Generic[T_co]):
    """The command succeeded; ``None``, ``False`` and ``""`` are values like any other."""

    value: T_co


@frozen
class Error:
    """The command failed with this exception."""

    exception: BaseException


Outcome: TypeAlias = Value[T_co] | Error
