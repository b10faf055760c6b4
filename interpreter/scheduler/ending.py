"""How a thread that talks to the database is ended.

Owns the patience: a statement may wait for a lock that somebody keeps for hours, and who closes a scheduler
does not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import Connection

__all__ = ["end"]

_PATIENCE = 1.0
_LOOK = 0.1


def end(
    thread: threading.Thread, connection: Callable[[], Connection[Any] | None], patience: float = _PATIENCE
) -> None:
    """Wait for a thread that has been told to end; what it still waits for after a while is cancelled.

    :param connection: the one that the thread uses now.
    :param patience: seconds that it may take for what it does.
    """
    thread.join(patience)
    while thread.is_alive():
        if (used := connection()) is not None:
            with suppress(psycopg.Error):
                used.cancel_safe(timeout=1.0)
        thread.join(_LOOK)
