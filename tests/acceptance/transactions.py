"""Proof under violence that transactions happen exactly once: schedulers are killed in the middle of them.

``python -m tests.acceptance.transactions`` starts a real PostgreSQL and three scheduler processes, kills each with
SIGKILL again and again, every other time while the server is at work on a transaction of it, until there
were 200 kills, and starts executions all the while. Then all come to rest, and what was counted in a table is compared
with what the journals say. Exit code 1: something is wrong, and is printed.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from psycopg import Connection

from interpreter import Client
from tests.acceptance import chaos, findings
from tests.acceptance.chaos import Tormentor, own_server
from tests.acceptance.reporting import Report, print_report
from tests.acceptance.transaction_workflows import SCHEMA, counting

__all__ = ["Plan", "run"]

_LONGEST_REST = 120.0
_MODULE = "tests.acceptance.transaction_workflows"
_OPEN = "application_name = 'dataflows transaction' AND state = 'active'"


@dataclass(frozen=True)
class Plan(chaos.Plan):
    """How much violence; ``steps`` is the rounds of each execution, ``executions`` how many are under way at once.

    :ivar least: kills, after which it ends.
    """

    executions: int = 12
    steps: int = 6
    least: int = 200


COUNTS = {
    "executions completed": "SELECT count(*) FROM dataflows.executions WHERE status = 'completed'",
    "transactions counted in the table": "SELECT coalesce(sum(n), 0) FROM counters",
    "transactions in the journal": "SELECT count(*) FROM dataflows.journal WHERE kind = 'step' AND name <> 'note'",
    "deaths of holders": "SELECT coalesce(sum(deaths), 0) FROM dataflows.executions",
}

VIOLATIONS = findings.LAWS | {
    "executions that are not completed": """
        SELECT id, status, problem FROM dataflows.executions WHERE status <> 'completed'
    """,
    "counters that are not at the number of transactions": """
        SELECT id, n FROM counters WHERE n <> %(steps)s
    """,
    "counters without an execution, or too few": """
        SELECT counted.n, three.n AS expected
        FROM (SELECT count(*) AS n FROM counters) AS counted,
             (SELECT 3 * count(*) AS n FROM dataflows.executions) AS three
        WHERE counted.n <> three.n
    """,
    "what was counted twice, or left out": """
        SELECT id, array_agg(n ORDER BY n) AS counted FROM counts GROUP BY id
        HAVING array_agg(n ORDER BY n) <> (SELECT array_agg(n) FROM generate_series(1, %(steps)s) AS n)
    """,
    "answers of transactions that no transaction counted": """
        SELECT j.execution_id, j.position, j.name, j.payload
        FROM dataflows.history j
        LEFT JOIN counts c ON c.n::text = j.payload
            AND c.id = j.execution_id || CASE j.name WHEN 'alone' THEN '' ELSE '/' || j.name END
        WHERE j.kind = 'step' AND j.name <> 'note' AND c.n IS NULL
    """,
}


def run(plan: Plan, database: str, folder: Path) -> Report:
    """Let it happen to a migrated database, and judge it. Logs of the schedulers go to ``folder``."""
    with Connection.connect(database, autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute(
            "CREATE TABLE runs (execution_id text, position text, step text, process int, began_at timestamptz)"
        )
        tormentors = [
            Tormentor(plan, database, folder, slot, connection, _MODULE, _OPEN, deaths=1_000)
            for slot in range(plan.processes)
        ]
        began = time.monotonic()
        try:
            _let_happen(plan, database, tormentors)
            _wait_for_rest(connection)
        finally:
            exits = [tormentor.stop() for tormentor in tormentors]
        told: dict[str, int | float] = {
            "kills": _kills(tormentors),
            "kills while the server was at work on a transaction": sum(t.hits for t in tormentors),
            "seconds in all": round(time.monotonic() - began, 1),
        }
        report = Report(
            told | findings.count(connection, COUNTS), findings.shown(connection, VIOLATIONS, steps=plan.steps)
        )
    if any(exits):
        report.violations["schedulers that did not stop in peace after SIGTERM"] = [{"exit codes": exits}]
    return report


def _kills(tormentors: list[Tormentor]) -> int:
    return sum(tormentor.kills for tormentor in tormentors)


def _let_happen(plan: Plan, database: str, tormentors: list[Tormentor]) -> None:
    over = threading.Event()
    with ThreadPoolExecutor(len(tormentors) + 1) as threads:
        feeding = threads.submit(_feed, plan, database, over)
        tormenting = [
            threads.submit(tormentor.torment, lambda _: _kills(tormentors) >= plan.least) for tormentor in tormentors
        ]
        try:
            for future in tormenting:
                future.result()
        finally:
            over.set()
        feeding.result()


def _feed(plan: Plan, database: str, over: threading.Event) -> None:
    """Keep so many executions under way."""
    unfinished = "SELECT count(*) FROM dataflows.executions WHERE ended_at IS NULL"
    number = 0
    with Client(database) as client, Connection.connect(database, autocommit=True) as connection:
        while True:
            row = connection.execute(unfinished).fetchone()
            assert row is not None
            for _ in range(plan.executions - row[0]):
                client.start(counting, f"counter-{number}", plan.steps, 0.05, id=f"counter-{number}")
                number += 1
            if over.wait(0.1):
                return


def _wait_for_rest(connection: Connection[tuple[object, ...]]) -> None:
    deadline = time.monotonic() + _LONGEST_REST
    unfinished = "SELECT FROM dataflows.executions WHERE ended_at IS NULL AND status <> 'blocked' LIMIT 1"
    while connection.execute(unfinished).fetchone() is not None and time.monotonic() < deadline:
        time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=Plan.least)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    arguments = parser.parse_args()
    with own_server() as (database, folder):
        with Client(database):
            pass  # migrates
        report = run(Plan(least=arguments.kills, seed=arguments.seed), database, folder)
    print_report(report, arguments.seed, VIOLATIONS)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
