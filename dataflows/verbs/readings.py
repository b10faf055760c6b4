"""What the journal answers, the same on every replay: ``now``, ``uuid``, ``random``, ``patched``."""

from __future__ import annotations

from dataflows.commands import Now, Patched, RandomNumber, RandomUuid
from dataflows.names import check_name

__all__ = ["now", "patched", "random", "uuid"]


def now() -> Now:
    """The time, from the journal, aware, in UTC: equal on every replay.

    It is the moment of the last outcome the workflow has seen, and stands still while your code computes.
    """
    return Now()


def uuid() -> RandomUuid:
    """A random ``uuid.UUID``, equal on every replay."""
    return RandomUuid()


def patched(change: str, /) -> Patched:
    """Whether this execution takes new code here: True if it got here with it, False if it has passed with older code.

    Write ``if (yield from patched("send-invoice")):`` around what is new, and what was there before into its ``else``.
    The first answer holds for that change in the whole execution. Keep the call until the executions that have
    asked it have ended: a journal that holds an answer blocks under code that does not ask.

    :param change: any name, one for each change.
    """
    return Patched(check_name(change, "a change's name"))


def random() -> RandomNumber:
    """A random ``float`` in [0, 1), equal on every replay."""
    return RandomNumber()
