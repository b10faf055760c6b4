"""Limits over schedulers that are killed, and over a service that counts requests itself."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from examples.services.clickup import LocalClickUp
from examples.services.clock import ServiceClock
from examples.services.limits import MinuteWindows
from interpreter import Client
from tests.acceptance import limit_workflows as flows
from tests.acceptance.limit_workflows import AS_A_WHOLE, CLICKUP, PLACES, PLACES_TAKEN, SCALE
from tests.acceptance.scheduler_process import SchedulerProcess
from tests.acceptance.waiting import wait_until
from tests.windows import most_within

MODULE = "tests.acceptance.limit_workflows"
TASKS = int(os.environ.get("DATAFLOWS_TEST_TASKS", "200"))
AT_ONCE = 5
A_MINUTE = 45
"""Tasks: each takes two requests, and with those that are under way that makes a hundred at the most."""

_WATCHED = """
CREATE TABLE turns_taken (number bigint, at timestamptz);
CREATE TABLE tickets_drawn (execution_id text, number bigint);
CREATE FUNCTION note_turn() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN INSERT INTO public.turns_taken VALUES (NEW.number, NEW.at); RETURN NEW; END $$;
CREATE FUNCTION note_ticket() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN INSERT INTO public.tickets_drawn VALUES (NEW.execution_id, NEW.number); RETURN NEW; END $$;
CREATE TRIGGER watched AFTER INSERT ON dataflows.uses FOR EACH ROW EXECUTE FUNCTION note_turn();
CREATE TRIGGER watched AFTER INSERT ON dataflows.tickets FOR EACH ROW EXECUTE FUNCTION note_ticket()
"""


@pytest.fixture(autouse=True)
def watched(sql: Connection[Any]) -> None:
    """Every turn, and every place in a queue, is noted by the database."""
    sql.execute(_WATCHED.encode())


def count(sql: Connection[Any], what: str) -> int:
    row = sql.execute(f"SELECT count(*) FROM {what}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def turns(sql: Connection[Any]) -> list[Any]:
    return [at for (at,) in sql.execute("SELECT at FROM turns_taken ORDER BY number")]


def test_schedulers_that_are_killed_exceed_no_limit_and_leave_no_place_taken(
    client: Client, sql: Connection[Any], run_scheduler: Callable[..., SchedulerProcess]
) -> None:
    """A step that finds no place fails; the server knows who has one, also of those that were killed."""
    chance = random.Random(7)
    limits = {PLACES_TAKEN: [40, "1s", PLACES]}
    handles = [client.start(flows.take_places, number, id=f"place {number}") for number in range(100)]
    handles += [client.start(flows.as_a_whole, number, id=f"whole {number}") for number in range(100, 120)]
    running = [run_scheduler(MODULE, limits=limits) for _ in range(2)]
    for kill in range(4):
        ran = count(sql, "runs")
        wait_until(lambda ran=ran: count(sql, "runs") >= min(ran + 12, 140), "some have run")  # type: ignore[misc]
        time.sleep(chance.random() * 0.05)  # so that it is not always the same moment
        running.pop(kill % 2).kill()
        running.append(run_scheduler(MODULE, limits=limits))
    assert [handle.result(timeout=60) for handle in handles] == list(range(120))
    assert most_within(turns(sql), 1.0) <= 40
    assert 140 <= count(sql, "runs") <= 140 + 4 * (PLACES + AS_A_WHOLE)
    wait_until(lambda: count(sql, "dataflows.tickets") == 0, "no place is taken")


# ClickUp ----------------------------------------------------------------------------------------


class FastClock(ServiceClock):
    """A service's clock that runs ahead."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.time()

    def timestamp(self) -> float:
        return self._began + (time.time() - self._began) * SCALE


class BusyClickUp(LocalClickUp):
    """The service, with its minutes as short as its clock makes them.

    :ivar refused: how many tasks there were at each 429.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = FastClock()
        self._windows = MinuteWindows(100, self.clock)
        self.refused: list[int] = []

    def _count(self, token: str) -> dict[str, str]:
        try:
            return super()._count(token)
        except Exception:
            self.refused.append(len(self.tasks))
            raise

    def use_up(self) -> None:
        """Somebody else has just made all the requests of a minute that has begun."""
        wait_until(lambda: self.clock.timestamp() % 60 < 6, "a minute begins", pause=0.001)
        for _ in range(100):
            self._windows.count(self.token)


@pytest.fixture
def clickup(monkeypatch: pytest.MonkeyPatch) -> Iterator[BusyClickUp]:
    with BusyClickUp() as service:
        monkeypatch.setenv(flows.ADDRESS, service.url)
        yield service


class Watch:
    """How large a process is."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self.sizes: list[tuple[int, int]] = []

    def look(self) -> None:
        fields = dict(line.split(":", 1) for line in self._status.read_text().splitlines())
        self.sizes.append((int(fields["VmRSS"].split()[0]), int(fields["Threads"])))

    def growth(self) -> tuple[float, int]:
        """In MB and threads, from the first look on at most."""
        (memory, threads), *_ = self.sizes
        return max(size[0] for size in self.sizes) / 1e3 - memory / 1e3, max(size[1] for size in self.sizes) - threads


def test_two_hundred_tasks_are_created_at_the_pace_of_the_service(
    client: Client,
    sql: Connection[Any],
    run_scheduler: Callable[..., SchedulerProcess],
    clickup: BusyClickUp,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The service is used up when they begin. Whoever is told so first holds all others back, until the next minute."""
    limits = {CLICKUP: [A_MINUTE, 60 / SCALE, AT_ONCE]}
    schedulers = [run_scheduler(MODULE, limits=limits) for _ in range(2)]
    clickup.use_up()
    began = time.monotonic()
    handles = [client.start(flows.create_tasks, number, id=f"task {number}") for number in range(TASKS)]
    wait_until(lambda: count(sql, "tickets_drawn") == TASKS, "all wait", pause=0.05)
    watches = [Watch(scheduler.pid) for scheduler in schedulers]
    while count(sql, "dataflows.executions WHERE ended_at IS NULL"):
        for watch in watches:
            watch.look()
        time.sleep(0.1)
    took = time.monotonic() - began
    assert all(handle.result(timeout=20) for handle in handles)

    queue = sql.execute("SELECT execution_id FROM tickets_drawn ORDER BY number")
    drawn = {id: place for place, (id,) in enumerate(queue)}
    created = [task["name"] for task in clickup.tasks]
    out_of_place = [abs(drawn[name] - place) for place, name in enumerate(created)]
    growth = [watch.growth() for watch in watches]
    with capsys.disabled():
        print(
            f"\n{TASKS} tasks in {took:.1f} s, that is {took * SCALE / 60:.1f} minutes of the service; "
            f"429: {len(clickup.refused)}, all before the first task; out of place by at most {max(out_of_place)}; "
            f"most in a minute: {most_within(turns(sql), 60 / SCALE)}; while they waited each scheduler grew by "
            + " and ".join(f"{memory:.1f} MB, {threads} threads" for memory, threads in growth)
        )
    assert sorted(created) == sorted(f"task {number}" for number in range(TASKS))
    assert 1 <= len(clickup.refused) <= AT_ONCE and set(clickup.refused) == {0}
    assert max(out_of_place) < 2 * AT_ONCE
    assert most_within(turns(sql), 60 / SCALE) <= A_MINUTE
    assert all(memory < 20 and threads <= AT_ONCE + 2 for memory, threads in growth), growth
