"""How the values are made of which an execution is full: commands, entries and actions.

Owns the trade: they are dataclasses that are frozen for whoever checks types, and for nobody at run time. There, each
field of a frozen one is set by a call, and a replay of ten thousand steps takes half as long again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

__all__ = ["frozen"]

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """A dataclass with slots that compares and hashes by its fields; changing one is an error of types alone."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
