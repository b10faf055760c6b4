"""What a running step can ask about itself.

Owns the context variable that a performer sets around each attempt. Knows nothing of performers.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import field

from dataflows.frozen import frozen

__all__ = ["Attempt", "cancelled", "current_attempt", "running_attempt"]


def _never() -> bool:
    return False


@frozen
class Attempt:
    """One try at a step.

    :ivar execution_id: whose step it is.
    :ivar position: where in the execution it stands, like ``"3.0.2"``.
    :ivar name: the step's name.
    :ivar number: 1 for the first try; a crash in mid attempt does not count.
    :ivar idempotency_key: the same text at every try, and at no other step: give it to a
        service that deduplicates by key.
    """

    execution_id: str
    position: str
    name: str
    number: int
    idempotency_key: str
    is_cancelled: Callable[[], bool] = field(default=_never, repr=False, compare=False)


running_attempt: ContextVar[Callable[[], Attempt]] = ContextVar("running_attempt")
"""Answers with the attempt, which few steps ask. Set by whoever performs a step, around the call of its function."""


def current_attempt() -> Attempt:
    """The attempt that this code is part of.

    :raises LookupError: the code does not run inside a step, or in a thread or process that the step started itself.
    """
    return running_attempt.get()()


def cancelled() -> bool:
    """Whether the step that this code is part of is no longer wanted: it was cancelled, or timed out.

    A thread cannot be stopped from outside; a long step asks this now and then, and returns.
    Outside a step it is False.
    """
    attempt = running_attempt.get(None)
    return attempt is not None and attempt().is_cancelled()
