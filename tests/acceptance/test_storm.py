"""The storm, smaller. ``python -m tests.acceptance.storm`` is the large one."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

from tests.acceptance import storm

SEED = int(os.environ.get("DATAFLOWS_SEED", random.SystemRandom().randrange(10**6)))
PLAN = storm.Plan(deliveries=60, servers=2, between=8, seed=SEED)


def test_of_deliveries_to_servers_that_are_killed_each_that_was_accepted_runs_exactly_once(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    report = storm.run(PLAN, new_database(), tmp_path)

    assert report.violations == {}, f"{PLAN}\n{report.counts}"
    assert report.counts["deliveries"] == PLAN.deliveries
    assert report.counts["executions that ran"] == report.counts["stored"] >= report.counts["answered 202"]
    assert report.counts["kills"] >= PLAN.servers
