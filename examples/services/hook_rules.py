"""When Azure DevOps tries a delivery again, and what becomes of a subscription whose deliveries fail.

Owns the rules that the service documents. Pure: what asks it has the clock and the socket. The documentation says
nothing of a request that no answer comes to; here that counts as 408, Request Timeout.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum
from typing import TypeAlias

from examples.services.subscriptions import State, Subscription

__all__ = ["PROBATION_WAITS", "TRANSIENT_WAITS", "Failure", "failure_of", "tries"]

TRANSIENT_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0)
"""Seconds before each of the tries that follow a failure which may pass."""

PROBATION_WAITS = (1_200.0, 2_400.0, 4_800.0, 9_600.0, 19_200.0, 38_400.0, 54_000.0)
"""Seconds before each of the tries that a subscription on probation has."""

_TRANSIENT = frozenset({None, 408, 502, 503, 504})

Tries: TypeAlias = Generator[float, "int | None", bool]


class Failure(Enum):
    """What an answer means that is no success."""

    TRANSIENT = "tried again at once"
    ENDURING = "puts the subscription on probation"
    TERMINAL = "disables the subscription"


def failure_of(status: int | None) -> Failure | None:
    """What a status means, None for a success; the status is None where no answer came."""
    if status in _TRANSIENT:
        return Failure.TRANSIENT
    if status == 410:
        return Failure.TERMINAL
    return Failure.ENDURING if status is not None and status >= 400 else None


def tries(subscription: Subscription) -> Tries:
    """Yields the seconds to wait before each try, is sent the status of its answer, and returns whether it arrived."""
    status = yield 0.0
    for wait in TRANSIENT_WAITS:
        if failure_of(status) is not Failure.TRANSIENT:
            break
        status = yield wait
    if failure_of(status) is not None:
        subscription.state = State.ON_PROBATION
    for wait in PROBATION_WAITS:
        if failure_of(status) in (None, Failure.TERMINAL):
            break
        status = yield wait
    is_arrived = failure_of(status) is None
    subscription.state = State.ENABLED if is_arrived else State.DISABLED_BY_SYSTEM
    return is_arrived
