"""Waiting for what happens on another thread, in another process, or in the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["eventually"]

T = TypeVar("T")


def eventually(look: Callable[[], T], within: float = 60) -> T:
    """Look again and again until what is seen is true, and answer it.

    :raises AssertionError: it is not, after so many seconds; carries what was last seen.
    """
    deadline = time.monotonic() + within
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {within} s it is still {seen!r}")
        time.sleep(0.01)
    return seen
