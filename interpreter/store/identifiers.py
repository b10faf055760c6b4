"""Ids of executions and messages that nobody named, and seeds.

Owns a source of chance that is quick: one seeded by the system, again after each fork. Nothing here
is a secret. Ids of executions are ordered by time, so that new rows go to the end of every index.
"""

from __future__ import annotations

import hashlib
import os
import random
import time
import uuid

from dataflows.names import LONGEST_NAME

__all__ = ["derived_id", "fitting_id", "new_seed", "time_ordered_id"]

_chance = random.Random()
os.register_at_fork(after_in_child=_chance.seed)


def time_ordered_id() -> str:
    """A new id: 48 bits of milliseconds since 1970, then chance (UUID version 7, RFC 9562 §5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    bits = (milliseconds << 80) | _chance.getrandbits(80)
    bits = (bits & ~(0xF << 76)) | (0x7 << 76)  # the version
    bits = (bits & ~(0x3 << 62)) | (0x2 << 62)  # the variant
    return str(uuid.UUID(int=bits))


def derived_id(execution_id: str, generation: int, position: str) -> str:
    """The id of what a command of an execution starts or sends: the same at every try, wherever it is made.

    It says what it is of; where it would be too long for an id, it is a hash of that.
    """
    return fitting_id(f"{execution_id}/{generation}/{position}")


def fitting_id(id: str) -> str:
    """The id, or a hash of it where it is too long to be one."""
    return id if len(id) <= LONGEST_NAME else hashlib.sha256(id.encode()).hexdigest()


def new_seed() -> str:
    """128 bits of chance, as text."""
    return f"{_chance.getrandbits(128):032x}"
