"""A workflow that starts every second, and makes up for every second that it missed."""

from __future__ import annotations

from dataflows import Event, Flow, Retry, every, step, workflow
from tests.acceptance.ledger import record

__all__ = ["ticking"]


def tick(moment: str) -> str:
    record()
    return moment


@workflow("schedules/ticking", retry=Retry(attempts=100, first=0.05, longest=0.5), trigger=every("1s", catch_up="all"))
def ticking(event: Event) -> Flow[str]:
    return (yield from step("tick", tick, str(event.time)))
