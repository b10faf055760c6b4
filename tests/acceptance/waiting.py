"""Waiting for a condition, with a generous deadline: a test that must wait asks, it does not sleep for luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from interpreter import Handle, Status

__all__ = ["wait_for_status", "wait_until"]

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, seconds: float = 30, pause: float = 0.02) -> T:
    """Ask until the answer is true, and give it.

    :raises AssertionError: it has not become true in time; the message says ``what`` was waited for.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"in {seconds} s it did not happen that {what}"
        time.sleep(pause)
    return answer


def wait_for_status(handle: Handle[Any], status: Status) -> None:
    """Until the execution is at that place in its life."""
    wait_until(lambda: handle.status() is status, f"{handle} is {status.value}")
