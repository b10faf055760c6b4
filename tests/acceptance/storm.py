"""Deliveries in a storm: they come in over HTTP while the servers are killed with SIGKILL again and again.

``python -m tests.acceptance.storm`` starts a real PostgreSQL and two processes of ``dataflows serve``, delivers 2,000
times as services do (again after no answer or an error, and now and then again after an answer too), kills each server
after a few deliveries and restarts it, lets all come to rest, and asks the database what happened. Exit code 1:
something is wrong, and is printed.
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
from psycopg.rows import dict_row

from interpreter.database import Database
from tests.acceptance import findings, ledger
from tests.acceptance.chaos import own_server
from tests.acceptance.reporting import Report, print_report
from tests.acceptance.storm_senders import Sent, deliver
from tests.acceptance.storm_servers import HookServer
from tests.acceptance.waiting import wait_until

__all__ = ["Plan", "run"]

_SERVED = "tests.acceptance.storm_workflows"
_SENDERS = 8
_LONGEST_REST = 120.0

_EVENT_OF = "convert_from(j.data, 'UTF8')::json -> 'args' -> 0 -> 'value' ->> 'id'"

VIOLATIONS = findings.LAWS | {
    "deliveries that have not started exactly one execution": f"""
        SELECT d.id, count(j.execution_id) FROM dataflows.deliveries d
        LEFT JOIN dataflows.journal j ON j.kind = 'started' AND {_EVENT_OF} = d.id
        GROUP BY d.id HAVING count(j.execution_id) <> 1
    """,
    "executions that no delivery has started": f"""
        SELECT j.execution_id FROM dataflows.journal j
        WHERE j.kind = 'started' AND NOT EXISTS (SELECT FROM dataflows.deliveries d WHERE d.id = {_EVENT_OF})
    """,
    "executions that are not completed": """
        SELECT id, status, problem FROM dataflows.executions WHERE status <> 'completed'
    """,
    "executions whose step never ran": """
        SELECT id FROM dataflows.executions e WHERE NOT EXISTS (SELECT FROM runs r WHERE r.execution_id = e.id)
    """,
    "deliveries that are not routed, or whose account is wrong": """
        SELECT id, routed_at, starts, conflicts FROM dataflows.deliveries
        WHERE routed_at IS NULL OR starts <> 1 OR conflicts <> 0
    """,
    "offers that nobody has dealt with": "SELECT * FROM dataflows.offers",
}
"""What must not be → the rows that show it."""


@dataclass(frozen=True)
class Plan:
    """How much of it.

    :ivar between: mean of the deliveries that a server accepts between its start and its death.
    :ivar seed: of everything that is drawn by chance here.
    """

    deliveries: int = 2_000
    servers: int = 2
    between: int = 40
    seed: int = 0


def run(plan: Plan, database: str, folder: Path) -> Report:
    """Let it happen to a migrated database, and judge it. Logs of the servers go to ``folder``."""
    with Connection.connect(database, autocommit=True) as connection:
        connection.execute(ledger.SCHEMA)
        environment = {ledger.LEDGER: database}
        servers = [
            HookServer(database, folder / f"server_{slot}.log", _SERVED, environment) for slot in range(plan.servers)
        ]
        began = time.monotonic()
        try:
            sent = _let_happen(plan, servers)
            wait_until(lambda: _is_at_rest(connection), "everything has come to rest", _LONGEST_REST, 0.2)
        finally:
            exits = [server.stop() for server in servers]
        report = _judge(connection, sent)
    report.counts = {"kills": sum(server.kills for server in servers)} | report.counts
    report.counts["seconds"] = round(time.monotonic() - began, 1)
    if any(exits):
        report.violations["servers that did not stop in peace after SIGTERM"] = [{"exit codes": exits}]
    return report


def _let_happen(plan: Plan, servers: list[HookServer]) -> list[Sent]:
    is_over = threading.Event()
    addresses = [server.address for server in servers]
    with ThreadPoolExecutor(_SENDERS + len(servers)) as threads:
        chances = [random.Random(f"{plan.seed}/server/{slot}") for slot in range(len(servers))]
        tormenting = [
            threads.submit(server.torment, chance, plan.between, is_over)
            for server, chance in zip(servers, chances, strict=True)
        ]
        numbers = iter(range(plan.deliveries))
        sending = [
            threads.submit(deliver, numbers, addresses, random.Random(f"{plan.seed}/sender/{sender}"))
            for sender in range(_SENDERS)
        ]
        try:
            sent = [one for future in sending for one in future.result()]
        finally:
            is_over.set()
        for future in tormenting:
            future.result()
    return sent


def _is_at_rest(connection: Connection[tuple[object, ...]]) -> bool:
    open_still = """
        SELECT WHERE EXISTS (SELECT FROM dataflows.deliveries WHERE routed_at IS NULL)
            OR EXISTS (SELECT FROM dataflows.offers)
            OR EXISTS (SELECT FROM dataflows.executions WHERE ended_at IS NULL)
    """
    return connection.execute(open_still).fetchone() is None


def _judge(connection: Connection[tuple[object, ...]], sent: list[Sent]) -> Report:
    violations = findings.shown(connection, VIOLATIONS)
    with connection.cursor(row_factory=dict_row) as cursor:
        stored = {row["id"] for row in cursor.execute("SELECT id FROM dataflows.deliveries")}
        [runs] = cursor.execute("SELECT count(*) AS n, count(DISTINCT execution_id) AS executions FROM runs").fetchall()
    lost = [{"delivery": one.id} for one in sent if one.is_answered and one.id not in stored]
    if lost:
        violations["deliveries that were accepted and are not there"] = lost
    counts = {
        "deliveries": len(sent),
        "tries": sum(one.tries for one in sent),
        "tries that were not answered": sum(one.unanswered for one in sent),
        "answered 503": sum(one.refused for one in sent),
        "answered 202": sum(one.is_answered for one in sent),
        "of which stored by a try whose answer was lost": sum(one.was_stored_unanswered for one in sent),
        "given up without an answer": sum(not one.is_answered for one in sent),
        "of which stored": sum(not one.is_answered and one.id in stored for one in sent),
        "delivered again after 202": sum(one.redelivered for one in sent),
        "stored": len(stored),
        "executions that ran": runs["executions"],
        "runs of their steps": runs["n"],
    }
    return Report(counts, violations)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deliveries", type=int, default=Plan.deliveries)
    parser.add_argument("--servers", type=int, default=Plan.servers)
    parser.add_argument("--between", type=int, default=Plan.between)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    plan = Plan(**vars(parser.parse_args()))
    with own_server() as (database, folder):
        Database(database).close()
        report = run(plan, database, folder)
    print_report(report, plan.seed, VIOLATIONS)
    return bool(report.violations)


if __name__ == "__main__":
    sys.exit(main())
