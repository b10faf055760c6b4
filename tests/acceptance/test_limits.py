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
from interpreter import Client
from tests.acceptance import limit_workflows as flows
from tests.acceptance.limit_workflows import AS_A_WHOLE, CLICKUP, PLACES, PLACES_TAKEN, SCALE
from tests.acceptance.scheduler_process import SchedulerProcess
from tests.acceptance.waiting import wait_until
from tests.windows import most_within

MODULE = "tests.acceptance.limit_workflows"
TASKS = int(os.environ.get("DATAFLOWS_TEST_TASKS", "200"))
A_MINUTE = 45
"""Tasks: each takes two requests, and with those that are under way that makes a hundred at the most."""

_WATCHED = """
CREATE TABLE turns_taken (number bigint, at timestamptz);
CREATE TABLE tickets_drawn (execution_id text, number bigint);
CREATE FUNCTION note_turn() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN INSERT INTO public.turns_taken VALUES (NEW.number, NEW.at); RETURN NEW; END $$;
CREATE FUNCTION note_ticket() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN INSERT INTO public.tickets_drawn VALUES (NEW.execution_id, NEW.number); RETURN NEW; END $$;
CREATE TABLE turns_granted (execution_id text, number bigint, at timestamptz);
CREATE FUNCTION note_grant() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO public.turns_granted VALUES (NEW.execution_id, NEW.number, NEW.granted_at); RETURN NEW;
END $$;
CREATE TRIGGER granted AFTER UPDATE ON dataflows.tickets FOR EACH ROW
    WHEN (OLD.granted_at IS NULL AND NEW.granted_at IS NOT NULL) EXECUTE FUNCTION note_grant();
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


class BusyClickUp(LocalClickUp):
    """The service, with minutes of two seconds, in which it takes a hundred requests.

    Somebody else has made all those of the present minute, until we are told so.

    :ivar refused: how many tasks there were at each 429.
    """

    def __init__(self) -> None:
        super().__init__(pace=SCALE)
        self.refused: list[int] = []

    def _count(self, token: str) -> dict[str, str]:
        if not self.refused:
            for _ in range(100):
                self._windows.count(token)
        try:
            return super()._count(token)
        except Exception:
            self.refused.append(len(self.tasks))
            raise

    def wait_for_a_minute(self) -> None:
        """Until one begins, so that nearly all of it is left to be waited for."""
        wait_until(lambda: self.clock.timestamp() % 60 < 6, "a minute begins", pause=0.001)


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


@pytest.mark.parametrize(("tasks", "at_once"), [(TASKS, 5), (TASKS // 4, 1)])
def test_tasks_are_created_in_order_at_the_pace_of_the_service_which_says_once_that_it_is_used_up(
    client: Client,
    sql: Connection[Any],
    run_scheduler: Callable[..., SchedulerProcess],
    clickup: BusyClickUp,
    capsys: pytest.CaptureFixture[str],
    tasks: int,
    at_once: int,
) -> None:
    """One of them goes ahead; what it is told holds all others back, on both schedulers, until the next minute."""
    limits = {CLICKUP: [A_MINUTE, 60 / SCALE, at_once]}
    schedulers = [run_scheduler(MODULE, limits=limits) for _ in range(2)]
    clickup.wait_for_a_minute()
    began = time.monotonic()
    handles = [client.start(flows.create_tasks, number, id=f"task {number}") for number in range(tasks)]
    wait_until(lambda: count(sql, "tickets_drawn") == tasks, "all wait", pause=0.05)
    wait_until(lambda: len(clickup.tasks) > A_MINUTE // 2, "both have loaded what steps need", pause=0.05)
    watches = [Watch(scheduler.pid) for scheduler in schedulers]
    while count(sql, "dataflows.executions WHERE ended_at IS NULL"):
        for watch in watches:
            watch.look()
        time.sleep(0.1)
    took = time.monotonic() - began
    assert all(handle.result(timeout=20) for handle in handles)

    queue = [id for (id,) in sql.execute("SELECT execution_id FROM tickets_drawn ORDER BY number")]
    granted = [
        id for (id,) in sql.execute("SELECT execution_id FROM turns_granted GROUP BY 1 ORDER BY max(at), max(number)")
    ]
    created = [task["name"] for task in clickup.tasks]
    overtaken = [len(set(queue[: queue.index(name)]).difference(created[:place])) for place, name in enumerate(created)]
    growth = [watch.growth() for watch in watches]
    with capsys.disabled():
        print(
            f"\n{tasks} tasks, {at_once} at once, in {took:.1f} s, {took * SCALE / 60:.1f} minutes of the service; "
            f"429: {len(clickup.refused)}, before the first task; each overtook at most {max(overtaken)}; "
            f"most in a minute: {most_within(turns(sql), 60 / SCALE)}; while they waited each scheduler grew by "
            + " and ".join(f"{memory:.1f} MB, {threads} threads" for memory, threads in growth)
        )
    assert sorted(created) == sorted(f"task {number}" for number in range(tasks))
    assert clickup.refused == [0]
    assert granted == queue
    assert max(overtaken) < at_once  # those in flight, which may take their time: nobody else can be overtaken
    assert most_within(turns(sql), 60 / SCALE) <= A_MINUTE
    assert all(memory < 8 and threads <= at_once for memory, threads in growth), growth
