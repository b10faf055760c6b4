"""Ids of executions and messages that nobody named, and seeds.

Owns a source of chance that is quick: one seeded by the system, again after each fork. Nothing here
is a secret. Ids of executions are ordered by time, so that new rows go to the end of every index.
"""

from __future__ import annotations

import os
import random
import time
import uuid

__all__ = ["new_seed", "time_ordered_id"]

_chance = random.Random()
os.register_at_fork(after_in_child=_chance.seed)


def time_ordered_id() -> str:
    """A new id: 48 bits of milliseconds since 1970, then chance (UUID version 7, RFC 9562 §5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    bits = (milliseconds << 80) | _chance.getrandbits(80)
    bits = (bits & ~(0xF << 76)) | (0x7 << 76)  # the version
    bits = (bits & ~(0x3 << 62)) | (0x2 << 62)  # the variant
    return str(uuid.UUID(int=bits))


def new_seed() -> str:
    """128 bits of chance, as text."""
    return f"{_chance.getrandbits(128):032x}"
