"""People who meddle, for a few seconds. ``python -m tests.acceptance.meddling`` is the large run."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

from tests.acceptance import meddling

SEED = int(os.environ.get("DATAFLOWS_SEED", random.SystemRandom().randrange(10**6)))
PLAN = meddling.Plan(executions=60, seconds=5, lease="500ms", seed=SEED)


def test_whatever_people_do_while_schedulers_are_killed_all_ends_and_nobody_is_told_what_is_wrong(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    report = meddling.run(PLAN, new_database(), tmp_path)

    assert report.violations == {}, f"{PLAN}\n{report.counts}"
    assert report.counts["kills"] > 0
    assert report.counts["executions completed"] > 0
