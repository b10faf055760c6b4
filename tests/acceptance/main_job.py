"""The main job through the front door: bugs of Azure DevOps become tasks in ClickUp, exactly one each.

``python -m tests.acceptance.main_job`` starts a real PostgreSQL, the two local services, and ``dataflows serve`` with
the workflow of the README. Bugs are filed; Azure DevOps delivers them over HTTP by its own rules, late, twice and in
any order; somebody approves each by HTTP. Meanwhile the server is killed with SIGKILL between the commit of a delivery
and its answer, and while ClickUp creates a task. Exit code 1: something is wrong, and is printed.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from examples.copy_to_clickup import HOOK_USER
from examples.services import LocalAzureDevOps, LocalClickUp
from examples.services.clickup import EXTERNAL_ID, INBOX
from examples.services.hooks import Disorder
from interpreter.database import Database
from tests.acceptance import findings, ledger
from tests.acceptance.approver import Approver
from tests.acceptance.chaos import own_server
from tests.acceptance.commit_gate import CommitGate
from tests.acceptance.reporting import Report, print_report
from tests.acceptance.storm_servers import HookServer
from tests.acceptance.waiting import wait_until

__all__ = ["Plan", "run"]

MODULE = "examples.copy_to_clickup"
LATE, TWICE = 0.5, 0.3
LONGEST_WAIT = 60.0
"""Seconds between two tries of a delivery. Once there is a server again, the clock of the service is put forward."""

LONGEST_REST = 90.0


@dataclass(frozen=True)
class Plan:
    """How much of it.

    :ivar rounds: in each, bugs are filed, and the server is killed between a commit and its answer.
    :ivar bugs: in each round.
    :ivar in_mid_step: how many rounds end with another kill, while a task is being created.
    :ivar seed: of everything that is drawn by chance here.
    """

    rounds: int = 4
    bugs: int = 8
    in_mid_step: int = 2
    seed: int = 0


@dataclass
class World:
    """Who takes part."""

    devops: LocalAzureDevOps
    clickup: LocalClickUp
    server: HookServer
    gate: CommitGate


def run(plan: Plan, database: str, folder: Path) -> Report:
    """Let it happen to a migrated database, and judge it. The server's log goes to ``folder``."""
    began = time.monotonic()
    with Connection.connect(database, autocommit=True) as connection, opened(plan, database, folder) as world:
        connection.execute(ledger.SCHEMA)
        with Approver(world.server.address):
            for number in range(plan.rounds):
                play_round(plan, number, world)
            wait_until(lambda: is_at_rest(connection, world), "everything has come to rest", LONGEST_REST, 0.05)
        report = judge(connection, world)
    report.counts |= {
        "kills between commit and answer": plan.rounds,
        "kills while a task was created": plan.in_mid_step,
        "seconds": round(time.monotonic() - began, 1),
    }
    return report


@contextmanager
def opened(plan: Plan, database: str, folder: Path) -> Iterator[World]:
    """All of them, and a service hook from one to the other."""
    disorder, password = Disorder(LATE, TWICE, random.Random(plan.seed)), secrets.token_urlsafe()
    with LocalAzureDevOps(disorder=disorder) as devops, LocalClickUp() as clickup:
        environment = {
            "AZURE_DEVOPS_URL": devops.url,
            "AZURE_DEVOPS_TOKEN": devops.token,
            "AZURE_DEVOPS_HOOK_PASSWORD": password,
            "CLICKUP_URL": clickup.url,
            "CLICKUP_TOKEN": clickup.token,
            "CLICKUP_LIST": INBOX,
            "CLICKUP_EXTERNAL_ID_FIELD": EXTERNAL_ID,
            "COOL_DOWN": "50ms",
        }
        server = HookServer(database, folder / "server.log", MODULE, environment)
        try:
            with CommitGate(database) as gate:
                server.wait_until_serving()
                devops.hooks.subscribe(f"{server.address}/hooks/azure-devops", HOOK_USER, password, project="Shop")
                yield World(devops, clickup, server, gate)
        finally:
            server.stop()


def play_round(plan: Plan, number: int, world: World) -> None:
    """Bugs come in; the first commit of some of them is carried out, and nobody lives to answer it."""
    world.gate.shut()
    for bug in range(plan.bugs):
        world.devops.create_item(f"bug {number}.{bug}")
    world.devops.create_item("not for us", project="Blog")
    world.gate.wait_until_somebody_waits()
    world.server.freeze()
    world.gate.open()
    kill_and_deliver_again(world)
    if number < plan.in_mid_step:
        world.clickup.faults.add("hold-answer", method="POST")
        wait_until(lambda: not world.clickup.faults, "ClickUp creates a task")
        kill_and_deliver_again(world)


def kill_and_deliver_again(world: World) -> None:
    """The server is away as long as it takes to start another, and some tries find nobody."""
    world.server.kill_and_start()
    world.server.wait_until_serving()
    world.devops.clock.advance(LONGEST_WAIT)


def is_at_rest(connection: Connection[Any], world: World) -> bool:
    """All deliveries are answered, and whatever they have started has ended."""
    open_still = """
        SELECT WHERE EXISTS (SELECT FROM dataflows.deliveries WHERE routed_at IS NULL)
            OR EXISTS (SELECT FROM dataflows.offers)
            OR EXISTS (SELECT FROM dataflows.executions WHERE ended_at IS NULL)
    """
    world.devops.clock.advance(LONGEST_WAIT)
    is_answered = all(each.is_settled for each in world.devops.hooks.notifications)
    return is_answered and connection.execute(open_still).fetchone() is None


# The judgement ----------------------------------------------------------------------------------


def judge(connection: Connection[Any], world: World) -> Report:
    """What is told of it, and what must not be."""
    notifications = world.devops.hooks.notifications
    wanted = {f"{world.devops.url}/_apis/wit/workItems/{each.item_id}" for each in notifications}
    tasks = Counter(external_id_of(task) for task in world.clickup.tasks)
    statuses = [[told_by(answer.text) or answer.status for answer in each.answers] for each in notifications]
    executions = connection.execute("SELECT id, status FROM dataflows.executions").fetchall()
    events = {json.loads(each.body)["id"]: each.item_id for each in notifications}
    stored = connection.execute("SELECT id FROM dataflows.deliveries ORDER BY received_at").fetchall()
    arrived = [events[id.rpartition(":")[2]] for (id,) in stored]
    violations: dict[str, list[dict[str, Any]]] = {
        "bugs without exactly one task": [{"bug": url, "tasks": tasks[url]} for url in wanted if tasks[url] != 1],
        "tasks of no bug": [{"external id": id} for id in tasks if id not in wanted],
        "executions that are not completed": [{"id": id} for id, status in executions if status != "completed"],
        "deliveries that were not accepted": [{"bug": each.item_id} for each in notifications if not each.is_delivered],
        "more or fewer executions than bugs": [{"executions": len(executions)}]
        if len(executions) != len(wanted)
        else [],
    } | findings.broken_laws(connection)
    all_answers = [status for each in statuses for status in each]
    counts = {
        "bugs": len(wanted),
        "tries to deliver them": len(all_answers),
        "of which were not answered": all_answers.count(None),
        "were answered 202, accepted": all_answers.count("accepted"),
        "were answered 202, duplicate": all_answers.count("duplicate"),
        "bugs of which the first answer was: duplicate": sum(first(each) == "duplicate" for each in statuses),
        "bugs that were overtaken on their way": sum(after > before for before, after in enumerate(ranks(arrived))),
        "executions": len(executions),
        "requests to create a task": sum(request.method == "POST" for request in world.clickup.requests),
        "tasks": tasks.total(),
    }
    return Report(dict(counts), {what: rows for what, rows in violations.items() if rows})


def external_id_of(task: dict[str, Any]) -> str:
    return next(str(field.get("value")) for field in task["custom_fields"] if field["id"] == EXTERNAL_ID)


def told_by(text: str) -> str | None:
    """What the server said of a delivery."""
    return str(json.loads(text)["status"]) if text else None


def first(statuses: list[str | int | None]) -> str | int | None:
    """The first answer, if there was one."""
    return next((status for status in statuses if status is not None), None)


def ranks(arrived: list[int]) -> list[int]:
    """For each that was filed, in that order, as the how-many-th it arrived."""
    places = {item: place for place, item in enumerate(arrived)}
    return [places[item] for item in sorted(arrived)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=Plan.rounds)
    parser.add_argument("--bugs", type=int, default=Plan.bugs)
    parser.add_argument("--in-mid-step", type=int, default=Plan.in_mid_step)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    plan = Plan(**vars(parser.parse_args()))
    with own_server() as (database, folder):
        Database(database).close()
        report = run(plan, database, folder)
    print_report(report, plan.seed, findings.LAWS)
    return bool(report.violations)


if __name__ == "__main__":
    sys.exit(main())
