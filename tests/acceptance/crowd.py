"""Very many at one instant: ``python -m tests.acceptance.crowd 10000``.

It puts so many executions to sleep until one moment, and then has one execution do so many steps beside each other;
prints how long each takes, and by how much the process grew at most.

Two schedulers share the first; each step writes down that it ran, and one that is late, lost or doubled is an error.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from dataflows import Flow, gather, sleep_until, step, workflow
from interpreter import Client, Scheduler
from tests.acceptance.chaos import own_server
from tests.databases import opened

__all__ = ["Report", "beside_each_other", "wake_at_once"]

WOKEN: Counter[int] = Counter()


async def note(number: int) -> int:
    WOKEN[number] += 1
    return number


@workflow("crowd/sleeper")
def sleeper(number: int, instant: datetime) -> Flow[int]:
    yield from sleep_until("the instant", instant)
    return (yield from step("note", note, number))


@workflow("crowd/fan-out")
def fan_out(number: int) -> Flow[int]:
    return sum((yield from gather(*(step("note", note, each) for each in range(number)))))


class Report(NamedTuple):
    """What happened; seconds and megabytes.

    :ivar seconds: from the instant, or the start, until the last had ended.
    """

    number: int
    seconds: float
    grown: float

    def __str__(self) -> str:
        return (
            f"{self.number:,} in {self.seconds:.1f} s, {self.number / self.seconds:,.0f} a second, {self.grown:.0f} MB"
        )


def wake_at_once(database: str, number: int, lead: float) -> Report:
    """So many sleepers until one instant, which is that many seconds away when the first of them is started."""
    WOKEN.clear()
    with Client(database) as client, opened(database) as sql, _growing() as grown:
        instant = _ask(sql, "SELECT clock_timestamp() + %s * interval '1 second'", lead)
        with sql.transaction():
            for each in range(number):
                client.start(sleeper, each, instant, connection=sql)
        with Scheduler(database), Scheduler(database):
            while _ask(sql, "SELECT count(*) FROM dataflows.executions WHERE ended_at IS NULL"):
                time.sleep(0.2)
        assert Counter(range(number)) == WOKEN
        statuses = _ask(sql, "SELECT array_agg(DISTINCT status) FROM dataflows.executions")
        assert statuses == ["completed"], statuses
        seconds = _ask(sql, "SELECT extract(epoch FROM max(ended_at) - %s)::float FROM dataflows.executions", instant)
        early = _ask(sql, "SELECT count(*) FROM dataflows.journal WHERE kind = 'sleep' AND at < %s", instant)
        assert early == 0
        return Report(number, seconds, grown())


def beside_each_other(database: str, number: int) -> Report:
    """One execution with so many steps at once."""
    WOKEN.clear()
    with Scheduler(database) as scheduler, _growing() as grown:
        begun = time.monotonic()
        assert scheduler.run(fan_out, number) == sum(range(number))
        assert Counter(range(number)) == WOKEN
        return Report(number, time.monotonic() - begun, grown())


@contextmanager
def _growing() -> Iterator[Any]:
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield lambda: (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def _ask(sql: Any, question: str, *parameters: object) -> Any:
    return sql.execute(question, parameters).fetchone()[0]


def main(number: int) -> None:
    with own_server() as (database, _):
        print("woken at one instant:   ", wake_at_once(database, number, lead=number / 200))
        print("steps beside each other:", beside_each_other(database, number))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
