"""Proof under violence: schedulers are killed with SIGKILL again and again, and nothing is lost, doubled or stranded.

``python -m tests.acceptance.chaos`` starts a real PostgreSQL and three scheduler processes, starts 500 executions of
five steps, kills each scheduler every second or so for 20 seconds and restarts it at once, lets the survivors come
to rest, and asks the database what happened. Exit code 1: something is wrong, and is printed.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.conninfo import make_conninfo
from rich.console import Console

from interpreter import Client
from interpreter.embedded import EmbeddedPostgres
from tests.acceptance import findings, ledger
from tests.acceptance.chaos_workflows import SHAPES, signalled
from tests.acceptance.reporting import Report, print_report
from tests.acceptance.scheduler_process import SchedulerProcess

__all__ = ["Plan", "Tormentor", "own_server", "run"]

_LONGEST_REST = 90.0
"""Seconds after the last kill within which everything has to be completed."""

_AIM = 0.2
"""Seconds that a kill waits for a commit to hit."""


@dataclass(frozen=True)
class Plan:
    """How much violence.

    :ivar seconds: for how long there are kills.
    :ivar pause: mean of the seconds that a scheduler is left alone once it serves; drawn from an exponential
        distribution. With the time that a process takes to start, each is killed every second or so.
    :ivar lease: of each scheduler, as ``Scheduler(lease=)`` takes it.
    :ivar shaken: whether the threads of each scheduler pause at random where they hand over to each other.
    :ivar seed: of everything that is drawn by chance here.
    """

    executions: int = 500
    steps: int = 5
    processes: int = 3
    seconds: float = 20.0
    pause: float = 0.7
    lease: str = "1s"
    shaken: bool = False
    seed: int = 0


def run(plan: Plan, database: str, folder: Path) -> Report:
    """Let it happen to a migrated database, and judge it. Logs of the schedulers go to ``folder``."""
    with Connection.connect(database, autocommit=True) as connection:
        connection.execute(ledger.SCHEMA)
        tormentors = [Tormentor(plan, database, folder, slot, connection) for slot in range(plan.processes)]
        began = time.monotonic()
        try:
            _let_happen(plan, database, tormentors)
            rest = time.monotonic()
            _wait_for_rest(connection)
            rested = time.monotonic() - rest
        finally:
            exits = [tormentor.stop() for tormentor in tormentors]
        counts = {"kills": sum(tormentor.kills for tormentor in tormentors)}
        counts["kills in mid commit"] = sum(tormentor.hits for tormentor in tormentors)
        counts["takeovers"] = sum(tormentor.count("took-over") for tormentor in tormentors)
        counts["leases lost by the living"] = sum(tormentor.count("lease-lost") for tormentor in tormentors)
        told = {"seconds from the last kill to rest": round(rested, 1)}
        told["seconds in all"] = round(time.monotonic() - began, 1)
        report = Report(counts | findings.count(connection) | told, findings.violations(connection, plan.steps))
    if any(exits):
        report.violations["schedulers that did not stop in peace after SIGTERM"] = [{"exit codes": exits}]
    return report


# The violence -----------------------------------------------------------------------------------


class Tormentor:
    """Keeps one scheduler process running, and kills it again and again.

    Each has a role of its own in the database, so that its commits can be told from the others'.

    :param module: whose workflows it serves.
    :param settings: of its ``Scheduler``.
    :param aim: what it is killed in the middle of, every other time, as a condition on the server's list of sessions.
    """

    def __init__(
        self,
        plan: Plan,
        database: str,
        folder: Path,
        slot: int,
        connection: Connection[Any],
        module: str = "tests.acceptance.chaos_workflows",
        aim: str = "application_name = 'dataflows committer' AND state = 'active'",
        **settings: Any,
    ) -> None:
        self._plan = plan
        self._module = module
        self._settings = settings
        self._aim = f"SELECT FROM pg_stat_activity WHERE usename = %s AND {aim}"
        self._role = f"scheduler_{slot}"
        connection.execute(f"DROP ROLE IF EXISTS {self._role}")
        connection.execute(f"CREATE ROLE {self._role} LOGIN SUPERUSER")
        self._admin = database
        self._database = make_conninfo(database, user=self._role)
        self._log = folder / f"{self._role}.log"
        self._random = random.Random(f"{plan.seed}/{slot}")
        self._process = self._start()
        self.kills = 0
        self.hits = 0

    def torment(self, is_over: Callable[[float], bool]) -> None:
        """Kill it every now and then until, for the monotonic time of the next kill, it is over; leave one running."""
        with Connection.connect(self._admin, autocommit=True, application_name="chaos") as connection:
            while True:
                self._process.wait_until_serving()
                life = self._random.expovariate(1 / self._plan.pause)
                if is_over(time.monotonic() + life):
                    return
                time.sleep(life)
                self.hits += self._random.random() < 0.5 and self._wait_for_commit(connection)
                self._process.kill()
                self.kills += 1
                self._process = self._start()

    def stop(self) -> int:
        """End it in peace. Answers its exit code."""
        return self._process.stop()

    def count(self, event: str) -> int:
        """How often its schedulers have told this event."""
        return self._log.read_text(errors="replace").count(f'{{"event": "{event}"')

    def _start(self) -> SchedulerProcess:
        settings = {"lease": self._plan.lease, "shaken": self._plan.shaken, **self._settings}
        return SchedulerProcess(self._database, self._module, self._log, **settings)

    def _wait_for_commit(self, connection: Connection[Any]) -> bool:
        """Until the server works on a commit of this scheduler; not for long, as it may have none."""
        deadline = time.monotonic() + _AIM
        while time.monotonic() < deadline:
            if connection.execute(self._aim.encode(), [self._role]).fetchone() is not None:
                return True
        return False


def _let_happen(plan: Plan, database: str, tormentors: list[Tormentor]) -> None:
    until = time.monotonic() + plan.seconds
    with ThreadPoolExecutor(len(tormentors) + 1) as threads:
        feeding = threads.submit(_feed, plan, database)
        tormenting = [threads.submit(tormentor.torment, until.__le__) for tormentor in tormentors]
    for future in (feeding, *tormenting):
        future.result()


def _feed(plan: Plan, database: str) -> None:
    """Start the executions, and send the signals, spread over the time of the kills."""
    chance = random.Random(f"{plan.seed}/feed")
    begin = time.monotonic()
    todo = sorted(_occasions(plan, chance), key=lambda occasion: occasion[0])
    with Client(database) as client:
        for share, number, is_signal in todo:
            time.sleep(max(0.0, begin + share * plan.seconds - time.monotonic()))
            execution_id = f"chaos-{number}"
            if is_signal:
                client.signal(execution_id, "go", execution_id, id="once")
            else:
                client.start(SHAPES[number % len(SHAPES)], number, plan.steps, id=execution_id)


def _occasions(plan: Plan, chance: random.Random) -> Iterator[tuple[float, int, bool]]:
    """When in the period (0 to 1), which execution, and whether it is sent its signal (twice, as senders do)."""
    for number in range(plan.executions):
        started = chance.random() * 0.95
        yield started, number, False
        if SHAPES[number % len(SHAPES)] is signalled:
            yield chance.uniform(started, 1), number, True
            yield chance.uniform(started, 1), number, True


def _wait_for_rest(connection: Connection[Any]) -> None:
    """Until all have ended, or have had time enough."""
    deadline = time.monotonic() + _LONGEST_REST
    unfinished = "SELECT FROM dataflows.executions WHERE status NOT IN ('completed', 'failed', 'blocked') LIMIT 1"
    while connection.execute(unfinished).fetchone() is not None and time.monotonic() < deadline:
        time.sleep(0.1)


# The script -------------------------------------------------------------------------------------


@contextmanager
def own_server() -> Iterator[tuple[str, Path]]:
    """A PostgreSQL of our own, and a folder for logs; both are gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="df-", dir="/tmp"))  # short, since a socket's path is
    home.chmod(0o755)
    try:
        with EmbeddedPostgres(home) as postgres:
            yield postgres.conninfo, home
    finally:
        shutil.rmtree(home)


def _plan() -> Plan:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=Plan.executions)
    parser.add_argument("--steps", type=int, default=Plan.steps, help="of each execution; at least 3")
    parser.add_argument("--processes", type=int, default=Plan.processes, help="schedulers")
    parser.add_argument("--seconds", type=float, default=Plan.seconds, help="for how long they are killed")
    parser.add_argument(
        "--pause", type=float, default=Plan.pause, help="mean of the seconds that a scheduler is left alone"
    )
    parser.add_argument("--lease", default=Plan.lease, help="of each scheduler")
    parser.add_argument("--shaken", action="store_true", help="their threads pause where they hand over to each other")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    return Plan(**vars(parser.parse_args()))


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing is left behind
    plan = _plan()
    Console().print(
        f"{plan.executions} executions of {plan.steps} steps on {plan.processes} schedulers, each killed again "
        f"and again for {plan.seconds:g} s; then all come to rest. Seed {plan.seed} …"
    )
    with own_server() as (database, folder):
        with Client(database):
            pass  # migrates
        report = run(plan, database, folder)
    print_report(report, plan.seed, findings.VIOLATIONS)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
