"""The status of an execution, and which may follow which.

One enum, one table; the SQL ``CHECK`` names the same words, and a test compares them.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["ENDED", "MOVES", "Status"]


class Status(StrEnum):
    """Where an execution is in its life."""

    PENDING = "pending"
    """Accepted, and not yet begun."""
    RUNNING = "running"
    """Held by a scheduler."""
    SUSPENDED = "suspended"
    """Nothing to do until a timer is due or a message comes; costs a row and nothing else."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"
    """The journal and the code disagree, or it has killed too many schedulers. Waits for a person, loses nothing."""


MOVES: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: frozenset(
        {Status.PENDING, Status.SUSPENDED, Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.BLOCKED}
    ),
    Status.SUSPENDED: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.BLOCKED: frozenset({Status.SUSPENDED, Status.CANCELLED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset({Status.SUSPENDED}),
    Status.CANCELLED: frozenset(),
}
"""The legal moves. Whatever has not ended may be terminated. An ended execution never moves again, but a failed one
by a retry, which opens a new generation of its journal; a blocked one is released by a person."""

ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
