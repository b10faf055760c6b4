"""Transactions under violence, smaller: ``python -m tests.acceptance.transactions`` is the large one."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from psycopg import Connection

from interpreter import Scheduler
from tests.acceptance import transactions
from tests.acceptance.cutting_proxy import through_proxy
from tests.acceptance.transaction_workflows import SCHEMA, counting

SEED = int(os.environ.get("DATAFLOWS_SEED", random.SystemRandom().randrange(10**6)))
PLAN = transactions.Plan(least=6, processes=2, executions=6, steps=4, pause=0.5, lease="500ms", seed=SEED)


def test_a_counter_is_at_the_number_of_transactions_after_its_schedulers_were_killed_again_and_again(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    report = transactions.run(PLAN, new_database(), tmp_path)

    assert report.violations == {}, f"{PLAN}\n{report.counts}"
    assert report.counts["kills"] >= PLAN.least
    assert report.counts["transactions counted in the table"] == report.counts["transactions in the journal"] > 0


def test_transactions_whose_connections_are_cut_in_mid_request_happen_exactly_once(
    database: str, sql: Connection[Any]
) -> None:
    sql.execute(SCHEMA)
    chance = random.Random(4711)  # of the 324 requests and more it cuts the 16th, the 64th, the 66th …

    def cuts(first: bytes) -> bool:
        return b"dataflows transaction" in first and chance.random() < 0.05

    with through_proxy(database, cuts) as (proxy, proxied), Scheduler(proxied, lease="5s") as scheduler:
        handles = [scheduler.start(counting, f"cut-{number}", 3, 0.0) for number in range(12)]
        for handle in handles:
            assert [sorted(counts) for counts in zip(*[iter(handle.result("60s"))] * 3, strict=True)] == [
                [1, 1, 1],
                [2, 2, 2],
                [3, 3, 3],
            ]
        assert proxy.cut >= 3
    assert sql.execute("SELECT min(n), max(n), count(*) FROM counters").fetchone() == (3, 3, 36)
