"""A logger for workflows: what a replay would say again is not said again.

Owns the one context variable by which a driver tells that it feeds old entries. Workflow code
cannot ask for it: code that behaves differently on replay would not replay.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar

__all__ = ["get_logger", "replaying"]

replaying: ContextVar[bool] = ContextVar("replaying", default=False)
"""Set by whoever drives a machine, while it applies entries that were applied before."""


def get_logger(name: str) -> logging.Logger:
    """``logging.getLogger(name)``, silent while a workflow only repeats what it has done before.

    A line stands once in the log of an execution, however often the execution is resumed. After a
    crash, a line between the last journaled outcome and the crash may be missing, never doubled.
    """
    logger = logging.getLogger(name)
    if _is_new not in logger.filters:
        logger.addFilter(_is_new)
    return logger


def _is_new(record: logging.LogRecord) -> bool:
    return not replaying.get()
