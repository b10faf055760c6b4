"""``repeat``: a round once a period, for as long as it takes, with journals that stay short."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVarTuple

from dataflows.commands import Flow
from dataflows.duration import Duration, to_timedelta
from dataflows.verbs import continue_as_new, now, sleep_until

__all__ = ["repeat"]

Ts = TypeVarTuple("Ts")


def repeat(
    body: Callable[[*Ts], Flow[tuple[*Ts] | None]], /, *args: *Ts, every: Duration, rounds: int = 100
) -> Flow[None]:
    """Run ``body(*args)``, which answers the next round's arguments, once a period, until it answers None.

    ::

        @workflow("collect")
        def collect(account: str, cursor: int) -> Flow[None]:
            yield from repeat(collect_news, account, cursor, every="1h")

        def collect_news(account: str, cursor: int) -> Flow[tuple[str, int] | None]:
            news = yield from step("fetch", fetch, account, cursor)
            return None if news.is_last else (account, news.cursor)

    After some rounds the workflow continues as new, so its own parameters are the body's, and this is the last thing
    that it does; a branch or a task cannot do it. Each round begins a period after the one before has begun, or at once
    if that took longer.

    :param rounds: so many to a journal.
    :raises ValueError: no duration, or ``rounds`` is no whole number from 1 on.
    """
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise ValueError(f"repeat(rounds=) is a whole number, 1 or more; got {rounds!r}")
    return _rounds(body, args, to_timedelta(every), rounds)


def _rounds(
    body: Callable[[*Ts], Flow[tuple[*Ts] | None]], args: tuple[*Ts], every: timedelta, rounds: int
) -> Flow[None]:
    for _ in range(rounds):
        began = yield from now()
        following = yield from body(*args)
        if following is None:
            return
        args = following
        yield from sleep_until("until the next round", began + every)
    yield from continue_as_new(*args)
