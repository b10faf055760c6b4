"""The main job, smaller. ``python -m tests.acceptance.main_job`` is the large one."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance import main_job

SEED = int(os.environ.get("DATAFLOWS_SEED", random.SystemRandom().randrange(10**6)))
PLAN = main_job.Plan(rounds=2, bugs=6, in_mid_step=1, seed=SEED)


def test_each_bug_that_is_delivered_late_twice_and_to_servers_that_are_killed_becomes_exactly_one_task(
    new_database: Callable[[], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some are committed by a server that is killed before it answers: they come again, and start nothing."""
    report = main_job.run(PLAN, new_database(), tmp_path)

    with capsys.disabled():
        print(f"\n{PLAN}: {report.counts}")
    bugs = PLAN.rounds * PLAN.bugs
    assert report.violations == {}
    assert report.counts["bugs"] == report.counts["executions"] == report.counts["tasks"] == bugs
    assert report.counts["bugs of which the first answer was: duplicate"] >= PLAN.rounds
    assert report.counts["bugs that were overtaken on their way"] > 0
