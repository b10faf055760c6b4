"""Schedules as text, and back: how one is stored, and how people name it.

Owns the spelling: ``0 9 * * 1-5 Europe/Berlin``, ``every 15m``. What becomes of moments that were missed is no part
of it.
"""

from __future__ import annotations

from dataflows.duration import to_text as duration_to_text
from dataflows.schedules import CatchUp, Every, Schedule, cron, every

__all__ = ["from_text", "to_text"]

_EVERY = "every "


def to_text(schedule: Schedule) -> str:
    """The schedule's moments as text; equal for schedules that are written alike but for blanks."""
    if isinstance(schedule, Every):
        return _EVERY + duration_to_text(schedule.interval)
    return " ".join([*schedule.expression.split(), schedule.tz])


def from_text(text: str, catch_up: CatchUp = "latest") -> Schedule:
    """The schedule that the text stands for.

    :raises ValueError: it stands for none.
    :raises ImportError: it is a cron expression, and ``cronsim`` is not installed.
    """
    if text.startswith(_EVERY):
        return every(text.removeprefix(_EVERY), catch_up=catch_up)
    expression, _, tz = text.rpartition(" ")
    return cron(expression, tz=tz, catch_up=catch_up)
