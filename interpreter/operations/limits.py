"""Looking at limits across executions: what they are, who has a turn, and who waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from interpreter.requests import Operation, Query

__all__ = ["LimitStatus", "list_limits"]


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """A limit, as it stands now.

    :ivar name: what steps say in ``limit=``; for a workflow with ``at_once``, ``workflow/NAME``, or
        ``workflow/NAME[KEY]`` with ``at_once_by``.
    :ivar rate: how many may begin within ``per``; None: any number.
    :ivar at_once: how many may run at the same time; None: any number.
    :ivar running: how many have their turn.
    :ivar waiting: how many wait for theirs.
    :ivar begun: how many have begun within the last ``per``.
    :ivar held_until: a service has said to come back then; None: nobody is held back.
    """

    name: str
    rate: int | None
    per: timedelta | None
    at_once: int | None
    running: int
    waiting: int
    begun: int
    held_until: datetime | None


def list_limits(*, after: str | None = None, limit: int | None = None) -> Operation[list[LimitStatus]]:
    """The limits that schedulers of this database were given, and those of workflows with ``at_once``, by name.

    :param after: the name of the last one of the page before.
    :param limit: how many at most; default: all.
    """
    return [LimitStatus(*row) for row in (yield Query("list_limits", {"after": after, "limit": limit}))]
