"""Proof that people may do anything at any time: pause, resume, cancel, terminate, retry, fork, delete, signal, emit.

``python -m tests.acceptance.meddling`` starts a real PostgreSQL and two scheduler processes, which are killed again
and again, and three threads that do one such thing after the other to executions that they draw by chance. Then all
that is paused is resumed, everything comes to rest, and is judged: each has ended, none was blocked, each journal
leads to where it stands when it is applied once more, and nobody was told anything but what is documented. Exit
code 1: something is wrong, and is printed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from dataflows import IdInUse, NotFound
from dataflows.errors import WrongStatus
from interpreter import Client, Status
from interpreter.operations import read_recording
from interpreter.testing.checking import check
from tests.acceptance import chaos, findings
from tests.acceptance.chaos import Tormentor, own_server
from tests.acceptance.meddled_workflows import KEYS, LIMITS, SCHEMA, whole
from tests.acceptance.reporting import Report, print_report

__all__ = ["Plan", "run"]

_MODULE = "tests.acceptance.meddled_workflows"
_LONGEST_REST = 90.0

_BLOCKED = "executions that were blocked"
_WRONG = "what nobody should be told"
_LED_ASTRAY = "journals that do not lead to where they stand"
_NOT_IN_PEACE = "schedulers that did not stop in peace after SIGTERM"


@dataclass(frozen=True)
class Plan(chaos.Plan):
    """How much violence; ``executions`` is how many are started.

    :ivar people: threads that meddle.
    """

    executions: int = 150
    processes: int = 2
    pause: float = 1.5
    people: int = 3


LAWS = {
    what: findings.LAWS[what]
    for what in (
        "positions with more than one outcome",
        "commands that have started more than one execution",
        "children that have ended and not told their parent, which waits",
        "journals whose time goes back",
    )
}
VIOLATIONS = LAWS | {
    "executions that have not ended": """
        SELECT id, workflow, status, due_at, due_at < now() AS is_due, scheduler, deaths, paused, problem, waits_for
        FROM dataflows.executions WHERE ended_at IS NULL
    """,
    "journals with a gap": """
        SELECT j.execution_id, min(seq), max(seq), count(*)
        FROM dataflows.journal j JOIN dataflows.executions e ON e.id = j.execution_id AND e.generation = j.generation
        GROUP BY j.execution_id HAVING min(seq) <> 1 OR max(seq) <> count(*)
    """,
    "transactions done twice": """
        SELECT execution_id, position, payload FROM dataflows.history WHERE payload LIKE '%%UniqueViolation%%'
    """,
    "entries of nobody": """
        SELECT execution_id, count(*) FROM dataflows.journal j
        WHERE NOT EXISTS (SELECT FROM dataflows.executions e WHERE e.id = j.execution_id) GROUP BY execution_id
    """,
    "messages of nobody": """
        SELECT execution_id, count(*) FROM dataflows.inbox i
        WHERE NOT EXISTS (SELECT FROM dataflows.executions e WHERE e.id = i.execution_id) GROUP BY execution_id
    """,
}
COUNTS = {
    f"executions {status}": f"SELECT count(*) FROM dataflows.executions WHERE status = '{status}'"
    for status in ("completed", "failed", "cancelled")
} | {
    "journal entries": "SELECT count(*) FROM dataflows.journal",
    "of the generation": "SELECT max(generation) FROM dataflows.executions",
    "subscriptions that were left": "SELECT count(*) FROM dataflows.subscriptions",
    "turns that were left": "SELECT count(*) FROM dataflows.tickets",
}


class Person:
    """Somebody who does one thing after the other.

    :ivar done: what they did, and what they were told → how often.
    :ivar wrong: what nobody should be told.
    """

    def __init__(self, plan: Plan, database: str, number: int) -> None:
        self._plan, self._database, self._number = plan, database, number
        self._chance = random.Random(f"{plan.seed}/person/{number}")
        self.done: Counter[str] = Counter()
        self.wrong: list[dict[str, Any]] = []

    def meddle(self, until: float) -> None:
        """Until that monotonic time."""
        with Client(self._database) as client:
            acts = self._acts(client)
            names, weights = list(acts), [weight for weight, _ in acts.values()]
            while time.monotonic() < until:
                [name] = self._chance.choices(names, weights)
                self._do(name, acts[name][1])
                time.sleep(self._chance.random() * 0.02)

    def _do(self, name: str, act: Callable[[], object]) -> None:
        try:
            act()
            self.done[name] += 1
        except (NotFound, WrongStatus, IdInUse) as told:
            self.done[f"{name}: {type(told).__name__}"] += 1
        except Exception as error:
            self.wrong.append({"act": name, "error": repr(error)})

    def _acts(self, client: Client) -> dict[str, tuple[int, Callable[[], object]]]:
        chance = self._chance

        def number() -> int:
            return chance.randrange(self._plan.executions)

        def top() -> str:
            return f"whole-{number()}"

        def one() -> str:
            """An execution of any kind."""
            listed = client.list(limit=200)
            return chance.choice(listed).id if listed else top()

        def delete() -> None:
            """Not what anybody starts under the same id again: a transaction of that has the same key."""
            if not (id := one()).startswith("whole-"):
                client.delete(id)

        def key() -> str:
            return f"order {chance.randrange(KEYS)}"

        def start() -> None:
            mine = number()
            client.start(whole, mine, id=f"whole-{mine}")

        def start_with_signal() -> None:
            mine = number()
            client.start_with_signal(whole, mine, id=f"whole-{mine}", signal="go", payload="at once")

        def fork() -> None:
            history = client.history(id := one())
            positions = [entry.position for entry in history if entry.position is not None]
            client.fork(id, chance.choice([None, *positions]))

        def retry() -> None:
            failed = client.list(status=Status.FAILED, limit=50)
            client.retry(chance.choice(failed).id if failed else one())

        return {
            "start": (30, start),
            "start with signal": (5, start_with_signal),
            "pause": (12, lambda: client.pause(one())),
            "resume": (14, lambda: client.resume(one())),
            "cancel": (2, lambda: client.cancel(one())),
            "terminate": (1, lambda: client.terminate(one())),
            "retry": (10, retry),
            "fork": (2, fork),
            "delete": (3, delete),
            "signal": (10, lambda: client.signal(top(), "go", "by hand")),
            "signal aside": (5, lambda: client.signal(top(), "aside")),
            "emit": (10, lambda: client.emit("paid", "paid", key=key())),
            "pause all of a kind": (1, lambda: client.in_bulk("pause", workflow="meddled/leaf")),
            "resume all": (2, lambda: client.in_bulk("resume")),
            "look": (3, lambda: client.describe(one())),
            "look at what it published": (3, lambda: client.published(one(), "generation")),
        }


def run(plan: Plan, database: str, folder: Path) -> Report:
    """Let it happen to a migrated database, and judge it. Logs of the schedulers go to ``folder``."""
    with Connection.connect(database, autocommit=True) as connection, Client(database) as client:
        connection.execute(SCHEMA)
        tormentors = [
            Tormentor(plan, database, folder, slot, connection, _MODULE, deaths=1_000, limits=LIMITS)
            for slot in range(plan.processes)
        ]
        people = [Person(plan, database, number) for number in range(plan.people)]
        began = time.monotonic()
        try:
            _let_happen(plan, tormentors, people)
            blocked = client.list(status=Status.BLOCKED)
            rest = time.monotonic()
            _wait_for_rest(client, connection)
            rested = time.monotonic() - rest
        finally:
            exits = [tormentor.stop() for tormentor in tormentors]
        told: dict[str, int | float] = {"kills": sum(tormentor.kills for tormentor in tormentors)}
        told |= sorted(sum((person.done for person in people), Counter[str]()).items())
        told |= findings.count(connection, COUNTS)
        told |= {"seconds from the last kill to rest": round(rested, 1)}
        told |= {"seconds in all": round(time.monotonic() - began, 1)}
        besides = {
            _BLOCKED: [{"id": one.id, "problem": one.problem} for one in blocked],
            _WRONG: [row for person in people for row in person.wrong],
            _LED_ASTRAY: _led_astray(client),
            _NOT_IN_PEACE: [{"exit code": code} for code in exits if code],
        }
        return Report(
            told, findings.shown(connection, VIOLATIONS) | {what: rows for what, rows in besides.items() if rows}
        )


def _let_happen(plan: Plan, tormentors: list[Tormentor], people: list[Person]) -> None:
    until = time.monotonic() + plan.seconds
    with ThreadPoolExecutor(len(tormentors) + len(people)) as threads:
        futures = [threads.submit(person.meddle, until) for person in people]
        futures += [threads.submit(tormentor.torment, until.__le__) for tormentor in tormentors]
    for future in futures:
        future.result()


def _wait_for_rest(client: Client, connection: Connection[Any]) -> None:
    client.in_bulk("resume")
    deadline = time.monotonic() + _LONGEST_REST
    unfinished = "SELECT FROM dataflows.executions WHERE ended_at IS NULL LIMIT 1"
    while connection.execute(unfinished).fetchone() is not None and time.monotonic() < deadline:
        time.sleep(0.1)


def _led_astray(client: Client) -> list[dict[str, Any]]:
    """Each journal is applied to the code once more."""
    recordings = [client._perform(read_recording(one.id)) for one in client.list(limit=100_000)]
    findings = [(recording.id, check(recording)) for recording in recordings]
    return [{"id": id, "finding": str(finding)} for id, finding in findings if finding is not None]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=Plan.seconds, help="for how long they meddle")
    parser.add_argument("--executions", type=int, default=Plan.executions)
    parser.add_argument("--shaken", action="store_true")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    plan = Plan(**vars(parser.parse_args()))
    with own_server() as (database, folder):
        with Client(database):
            pass  # migrates
        report = run(plan, database, folder)
    print_report(report, plan.seed, [*VIOLATIONS, _BLOCKED, _WRONG, _LED_ASTRAY, _NOT_IN_PEACE])
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
