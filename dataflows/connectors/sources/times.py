"""When a delivery was sent and when its events happened.

Owns the window in which a signed time stamp counts, and the reading of times. Has no clock: a delivery
says when it came.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from dataflows.connectors.sources.delivery import Delivery

__all__ = ["TOLERANCE", "is_recent", "moment", "moment_of_number"]

TOLERANCE = 300
"""Seconds by which a signed time stamp may differ from when the delivery came, before and after."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_SECONDS = re.compile(r"[0-9]{1,12}")


def is_recent(stamp: str, delivery: Delivery) -> bool:
    """Whether the stamp, whole Unix seconds, is at most ``TOLERANCE`` from when the delivery came."""
    if not _SECONDS.fullmatch(stamp):
        return False
    return abs((delivery.received_at - EPOCH).total_seconds() - int(stamp)) <= TOLERANCE


def moment(text: object) -> datetime | None:
    """The time that an ISO 8601 text names, in UTC; UTC too where it names no zone. None for anything else."""
    try:
        read = datetime.fromisoformat(text) if isinstance(text, str) else None
        return None if read is None else read.replace(tzinfo=read.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def moment_of_number(number: object, unit: timedelta) -> datetime | None:
    """The time that many units after the epoch; the number may be a text of digits. None for anything else."""
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 20:
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        return None
    try:
        return EPOCH + number * unit
    except OverflowError:
        return None
