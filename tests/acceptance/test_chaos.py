"""The chaos, smaller: a few seconds of kills. ``python -m tests.acceptance.chaos`` is the large one."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.acceptance import chaos

SEED = int(os.environ.get("DATAFLOWS_SEED", random.SystemRandom().randrange(10**6)))
PLAN = chaos.Plan(executions=80, steps=5, processes=3, seconds=5, pause=0.5, lease="500ms", seed=SEED)


@pytest.mark.parametrize("shaken", [False, True], ids=["as they are", "with pauses in between"])
def test_schedulers_that_are_killed_again_and_again_lose_double_and_strand_nothing(
    new_database: Callable[[], str], tmp_path: Path, shaken: bool
) -> None:
    plan = replace(PLAN, shaken=shaken)
    report = chaos.run(plan, new_database(), tmp_path)

    assert report.violations == {}, f"{plan}\n{report.counts}"
    assert report.counts["executions completed"] == PLAN.executions
    assert report.counts["kills"] > 0
