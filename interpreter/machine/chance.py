"""Chance that is the same on every replay: numbers from a hash of the seed and a place.

Owns the only source of randomness that the machine has, which is none.
"""

from __future__ import annotations

import hashlib

from interpreter.machine.position import Position, format_position

__all__ = ["bits", "chance"]


def bits(seed: str, position: Position, number: int = 0) -> bytes:
    """Sixteen bytes, evenly distributed over seeds, positions and numbers."""
    text = f"{seed}/{format_position(position)}/{number}"
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def chance(seed: str, position: Position, number: int = 0) -> float:
    """A number in [0, 1)."""
    return int.from_bytes(bits(seed, position, number)[:7], "big") / (1 << 56)
