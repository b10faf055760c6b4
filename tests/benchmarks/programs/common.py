"""What the programs of all contestants share: how they are called, and how they see that everything is done.

A program is called with a workload's name, a database's URL and the workload's settings as JSON. It warms up,
measures, prints one line of JSON, and is gone. Owns that, and the looking; imports no contestant.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

__all__ = ["Values", "percentile", "resident_megabytes", "run", "wait_for_count"]

Values = dict[str, float]
"""What was measured, by name."""

_SHORTEST_PAUSE = 0.005
_PAUSE_PER_LOOK = 10
"""Looking costs at most an eleventh of one core, however slow the query is."""


def run(workloads: Mapping[str, Callable[..., Values]]) -> None:
    """Measure what the command line names, tell, and leave without waiting for what still sleeps or waits."""
    workload, url, settings = sys.argv[1:4]
    values = workloads[workload](url, **json.loads(settings))
    print(json.dumps(values), flush=True)
    os._exit(0)


def wait_for_count(url: str, query: str, count: int, parameters: Sequence[Any] = ()) -> None:
    """Return as soon as the query, asked again and again, answers ``count`` or more."""
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            asked = time.perf_counter()
            row = connection.execute(query, parameters, prepare=True).fetchone()
            if row is not None and row[0] >= count:
                return
            time.sleep(max(_SHORTEST_PAUSE, _PAUSE_PER_LOOK * (time.perf_counter() - asked)))


def percentile(times: Sequence[float], percent: int) -> float:
    """The value below which so many percent of the times lie."""
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def resident_megabytes() -> float:
    """What this process holds in memory; where there is no ``/proc``, the most that it ever held."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
