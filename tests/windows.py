"""How many moments there are in the busiest time of a given length."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

__all__ = ["most_within"]


def most_within(times: Sequence[datetime], seconds: float) -> int:
    """Of any time of that length, its end not included, the most."""
    length = timedelta(seconds=seconds)
    return max(sum(1 for at in times if first <= at < first + length) for first in times)
