"""``poll``: look again and again, until what is seen is what is waited for."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from dataflows.commands import Flow, Step
from dataflows.duration import Duration, to_optional_timedelta, to_text, to_timedelta
from dataflows.errors import DeadlineExceeded
from dataflows.verbs import now, sleep

__all__ = ["poll"]

T = TypeVar("T")


def poll(look: Step[T], /, *, until: Callable[[T], bool], every: Duration, within: Duration | None = None) -> Flow[T]:
    """Run a step again and again, until its answer is what is waited for; answer that.

    ::

        job = yield from poll(step("status", get_job, job_id), until=lambda job: job.done, every="30s", within="1h")

    :param until: asked with each answer, and again on a replay: it only decides.
    :param every: the pause after a look.
    :param within: the last look begins so long after the first, however short the last pause is; default: there is
        always another.
    :raises DeadlineExceeded: the last look has not seen it either; its answer is in the message.
    :raises TypeError: what is given is no step.
    :raises ValueError: ``every`` or ``within`` is no duration.
    """
    if not isinstance(look, Step):
        raise TypeError(f'poll(...) takes a step: poll(step("status", get_status, id), …), not {type(look).__name__}')
    return _look_again(look, until, to_timedelta(every), to_optional_timedelta(within))


def _look_again(look: Step[T], until: Callable[[T], bool], every: timedelta, within: timedelta | None) -> Flow[T]:
    began = yield from now()
    while not until(answer := (yield from look)):
        pause = every
        if within is not None:
            left = began + within - (yield from now())
            if left <= timedelta(0):
                seen = f"the last answer was {reprlib.repr(answer)}"
                raise DeadlineExceeded(
                    f"step {look.name!r} did not see within {to_text(within)} what it waits for; {seen}"
                )
            pause = min(every, left)
        yield from sleep(f"{look.name}: again", pause)
    return answer
