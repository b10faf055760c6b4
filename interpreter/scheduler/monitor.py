"""The one hook: what a scheduler does is told here, and logs, metrics and traces listen.

Owns the handing on. A listener that fails is reported once and harms nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import psycopg

from dataflows.errors import DatabaseUnavailable

__all__ = ["Listener", "Monitor", "log_event"]

Listener = Callable[[str, dict[str, Any]], None]
"""Called with the name of what happened and its details, on whatever thread it happened. It must be quick."""

logger = logging.getLogger("dataflows")

_LEVELS = {
    "lease-lost": logging.WARNING,
    "heartbeat-failed": logging.WARNING,
    "commit-repeated": logging.WARNING,
    "transaction-repeated": logging.WARNING,
    "commit-split": logging.WARNING,
    "database-unreachable": logging.WARNING,
    "poisonous": logging.ERROR,
    "blocked": logging.ERROR,
    "drive-stuck": logging.ERROR,
    "thread-failed": logging.ERROR,
    "history-long": logging.WARNING,
    "sweep-failed": logging.WARNING,
    "attempt-failed": logging.WARNING,
    "step-failed": logging.WARNING,
    "takeover-postponed": logging.WARNING,
    "purge-failed": logging.WARNING,
    "schedule-failed": logging.WARNING,
    "trigger-failed": logging.WARNING,
    "took-over": logging.INFO,
    "purged": logging.INFO,
    "stopping": logging.INFO,
    "handed-back": logging.INFO,
}
"""Any other event is logged for debugging only, unless an execution has failed."""


class Monitor:
    """Tells every listener."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def emit(self, event: str, /, **details: Any) -> None:
        """Something has happened."""
        for listener in self._listeners:
            try:
                listener(event, details)
            except Exception:
                logger.exception("a listener of the scheduler failed at %r", event)

    def thread_failed(self, thread: str, error: Exception) -> None:
        """A thread will try again what failed: by a matter of the database, or by a fault of ours."""
        is_of_database = isinstance(error, psycopg.Error | DatabaseUnavailable)
        self.emit("database-unreachable" if is_of_database else "thread-failed", thread=thread, error=error)


def log_event(event: str, details: dict[str, Any]) -> None:
    """The listener that is always there: the ``dataflows`` logger."""
    level = logging.WARNING if details.get("status") == "failed" else _LEVELS.get(event, logging.DEBUG)
    if logger.isEnabledFor(level):
        told = " ".join(f"{name}={_short(value)}" for name, value in details.items())
        logger.log(level, "%s %s", event, told)


def _short(value: object) -> str:
    if isinstance(value, BaseException):
        return f"{type(value).__name__}({_text(value)[:300]!r})"
    return _text(value)[:4000]


def _text(value: object) -> str:
    try:
        return str(value)
    except BaseException:  # the class is an author's
        return "<cannot be shown>"
