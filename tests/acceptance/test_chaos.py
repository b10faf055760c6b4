"""The chaos, smaller: a few seconds of kills. ``python -m tests.acceptance.chaos`` is the large one."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

from tests.acceptance import chaos

SEED = int(os.environ.get("DATAFLOWS_SEED", random.SystemRandom().randrange(10**6)))
PLAN = chaos.Plan(executions=80, steps=5, processes=3, seconds=5, pause=0.5, lease="500ms", seed=SEED)


def test_schedulers_that_are_killed_again_and_again_lose_double_and_strand_nothing(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    report = chaos.run(PLAN, new_database(), tmp_path)

    assert report.violations == {}, f"{PLAN}\n{report.counts}"
    assert report.counts["executions completed"] == PLAN.executions
    assert report.counts["kills"] > 0
