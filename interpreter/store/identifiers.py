"""Ids of executions that nobody named.

Ordered by time, so that new rows go to the end of every index (the layout of UUID version 7, RFC 9562 §5.7).
"""

from __future__ import annotations

import secrets
import time
import uuid

__all__ = ["time_ordered_id"]


def time_ordered_id() -> str:
    """A new id: 48 bits of milliseconds since 1970, then chance."""
    milliseconds = time.time_ns() // 1_000_000
    bits = (milliseconds << 80) | secrets.randbits(80)
    bits = (bits & ~(0xF << 76)) | (0x7 << 76)  # the version
    bits = (bits & ~(0x3 << 62)) | (0x2 << 62)  # the variant
    return str(uuid.UUID(int=bits))
