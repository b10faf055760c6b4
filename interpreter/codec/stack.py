"""A fresh stack for what nests deeper than the caller's stack has room for.

Owns the hand-over to another thread. Knows nothing of what runs there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import TypeVar

__all__ = ["on_fresh_stack"]

T = TypeVar("T")


def on_fresh_stack(function: Callable[..., T], *args: object) -> T:
    """What ``function(*args)`` returns or raises, run on a thread of its own while this one waits.

    Python counts recursion by thread. A new one starts at zero, without touching the
    interpreter-wide limit that all threads share.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(function(*args))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=copy_context().run, args=(run,), name="dataflows-deep-value").start()
    return future.result()
