"""Random pauses where the threads of a scheduler hand over to each other, so that these meet as they seldom do.

A fault that needs one thread to be held up between two lines shows itself once in a hundred runs on an idle machine,
and once in ten so.
"""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import Any

from interpreter.scheduler.claimer import Claimer
from interpreter.scheduler.committer import Committer
from interpreter.scheduler.driver import Driver
from interpreter.scheduler.errands import Errands
from interpreter.scheduler.room import Room
from interpreter.scheduler.transactions import Transactions
from interpreter.scheduler.writer import Writer

__all__ = ["shake"]

_CHANCE = random.Random()  # not the one that others may have seeded
_SHARE = 0.2
_LONGEST = 0.02

_HAND_OVERS: dict[type[Any], tuple[str, ...]] = {
    Claimer: ("_hear", "_look_as_told", "_claim_up_to", "_take_up", "look_at_inbox", "let_go", "hint"),
    Committer: ("propose", "_commit", "write_now"),
    Driver: ("post", "hold", "_hold", "deliver", "drive_here", "_do"),
    Errands: ("submit", "_do"),
    Room: ("begin_start", "settle"),
    Transactions: ("perform",),
    Writer: ("write",),
}


def shake() -> None:
    """From now on this process's schedulers pause at one in five of these, before and after, for up to 20 ms."""
    for owner, names in _HAND_OVERS.items():
        for name in names:
            setattr(owner, name, _shaken(getattr(owner, name)))


def _shaken(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def paused(*arguments: Any, **options: Any) -> Any:
        _pause()
        try:
            return method(*arguments, **options)
        finally:
            _pause()

    return paused


def _pause() -> None:
    if _CHANCE.random() < _SHARE:
        time.sleep(_CHANCE.uniform(0, _LONGEST))
