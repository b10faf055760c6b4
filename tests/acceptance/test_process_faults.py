"""A scheduler's process dies, stops for a while, ends in peace or forks: others go on, and nothing is done twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from dataflows.errors import ExecutionBlocked
from interpreter import Client, Handle, Scheduler, Status
from tests.acceptance import fault_workflows as faults
from tests.acceptance.scheduler_process import SchedulerProcess
from tests.acceptance.waiting import wait_for_status, wait_until
from tests.databases import opened

MODULE = "tests.acceptance.fault_workflows"
RunScheduler = Callable[..., SchedulerProcess]
OpenScheduler = Callable[..., Scheduler]


def ask(sql: Connection[Any], question: str, *parameters: object) -> Any:
    row = sql.execute(question, parameters).fetchone()
    assert row is not None
    return row[0]


def runs(sql: Connection[Any], step: str) -> int:
    return int(ask(sql, "SELECT count(*) FROM runs WHERE step = %s", step))


def has_died_or_blocked(scheduler: SchedulerProcess, handle: Handle[Any]) -> bool:
    return scheduler.returncode is not None or handle.status() is Status.BLOCKED


# It stops, and comes back -----------------------------------------------------------------------


def test_a_scheduler_that_was_stopped_for_longer_than_its_lease_writes_nothing_and_starts_nothing_of_what_it_lost(
    client: Client, sql: Connection[Any], run_scheduler: RunScheduler, open_scheduler: OpenScheduler
) -> None:
    handles = [client.start(faults.doing_nothing_wrong, 5, 0.01) for _ in range(60)]
    # Few at once: what has just begun when its process is stopped goes on when it is continued.
    stopped = run_scheduler(MODULE, concurrency=2)
    wait_until(lambda: ask(sql, "SELECT count(*) FROM dataflows.journal WHERE kind = 'step'") > 30, "it is at work")
    stopped.send(signal.SIGSTOP)
    open_scheduler(lease="500ms")
    ended = "SELECT count(*) FROM dataflows.executions WHERE ended_at IS NOT NULL"
    before = ask(sql, ended)
    wait_until(lambda: ask(sql, ended) > before, "another has taken over")
    stopped.send(signal.SIGCONT)

    assert [handle.result("30s") for handle in handles] == [5] * 60
    wait_until(lambda: stopped.has_told("lease-lost"), "it knows that it lost")


def test_a_stopped_scheduler_in_mid_step_does_not_journal_what_another_has_done_meanwhile(
    client: Client, sql: Connection[Any], run_scheduler: RunScheduler, open_scheduler: OpenScheduler
) -> None:
    stopped = run_scheduler(MODULE)
    handle = client.start(faults.slow, 1.0)
    wait_until(lambda: runs(sql, "slow") == 1, "the step runs")
    stopped.send(signal.SIGSTOP)
    open_scheduler()
    first, _ = handle.result("30s").split()
    stopped.send(signal.SIGCONT)
    wait_until(lambda: stopped.has_told("lease-lost"), "it knows that it lost")

    assert ask(sql, "SELECT process FROM runs WHERE token = %s", first) != stopped.pid
    assert runs(sql, "slow") == 2
    assert runs(sql, "quick") == 1
    assert [entry.kind for entry in handle.history()] == ["started", "begun", "step", "step", "completed"]


def test_a_scheduler_that_was_stopped_for_a_while_does_not_blame_the_workflow_that_was_just_being_driven(
    client: Client, sql: Connection[Any], run_scheduler: RunScheduler
) -> None:
    stopped = run_scheduler(MODULE, lease="60s", drive_limit="600ms")
    handle = client.start(faults.computing, 8, 0.2)
    for passed in (2, 4, 6):
        wait_until(partial(runs, sql, f"step-{passed}"), "it computes after that step")
        stopped.send(signal.SIGSTOP)
        time.sleep(0.8)  # longer than a drive may take
        stopped.send(signal.SIGCONT)

    assert handle.result("30s") == 8


# It dies ----------------------------------------------------------------------------------------


def test_what_kills_its_scheduler_again_and_again_is_blocked_harms_no_other_and_can_be_resumed(
    client: Client, sql: Connection[Any], run_scheduler: RunScheduler, tmp_path: Path
) -> None:
    cure = tmp_path / "cure"
    poison = client.start(faults.poisonous, str(cure))
    others = [client.start(faults.harmless, number) for number in range(20)]
    while poison.status() is not Status.BLOCKED:
        scheduler = run_scheduler(MODULE, lease="500ms", deaths=3)
        wait_until(partial(has_died_or_blocked, scheduler, poison), "it dies of it, or it is blocked")
    run_scheduler(MODULE, lease="500ms")

    assert [handle.result("30s") for handle in others] == list(range(20))
    assert runs(sql, "swallow") == 3
    with pytest.raises(ExecutionBlocked, match="died 3 times in a row"):
        poison.result("10s")
    cure.touch()
    poison.resume()
    assert poison.result("10s") == "cured"
    assert runs(sql, "before") == 1


def test_what_slept_while_every_scheduler_was_dead_goes_on_with_the_next(
    client: Client, sql: Connection[Any], run_scheduler: RunScheduler
) -> None:
    first = run_scheduler(MODULE)
    sleeper, waiter = client.start(faults.resting, 1.5), client.start(faults.waiting)
    for handle in (sleeper, waiter):
        wait_for_status(handle, Status.SUSPENDED)
    first.kill()
    assert waiter.signal("go", "told while nobody was there")
    run_scheduler(MODULE)

    assert sleeper.result("30s") == "rested"
    assert waiter.result("30s") == "told while nobody was there"
    assert runs(sql, "before") == 2
    assert ask(sql, "SELECT sum(deaths) FROM dataflows.executions") == 0


def test_what_an_earlier_crash_left_running_is_taken_up_within_the_lease_of_the_dead(
    client: Client, sql: Connection[Any], run_scheduler: RunScheduler
) -> None:
    first = run_scheduler(MODULE, lease="500ms")
    handle = client.start(faults.slow, 0.5)
    wait_until(lambda: runs(sql, "slow") == 1, "the step runs")
    first.kill()
    assert handle.status() is Status.RUNNING
    run_scheduler(MODULE, lease="500ms")

    handle.result("30s")
    assert runs(sql, "slow") == 2


# It is ended in peace ---------------------------------------------------------------------------


def test_a_scheduler_that_is_asked_to_end_lets_its_steps_end_and_hands_back_the_rest_at_once(
    client: Client, sql: Connection[Any], run_scheduler: RunScheduler, open_scheduler: OpenScheduler
) -> None:
    first = run_scheduler(MODULE, lease="60s", grace="20s", concurrency=2)
    handles = [client.start(faults.slow, 0.7) for _ in range(4)]
    wait_until(lambda: runs(sql, "slow") == 2, "two steps run, and two wait for their turn")
    assert first.stop() == 0
    assert ask(sql, "SELECT count(*) FROM dataflows.journal WHERE kind = 'step'") == 2
    open_scheduler(lease="60s")

    for handle in handles:
        handle.result("20s")  # a third of the lease within which nobody takes over
    assert runs(sql, "slow") == 4
    assert ask(sql, "SELECT max(deaths) FROM dataflows.executions") == 0


def test_a_step_that_outlives_the_grace_time_is_handed_back_too_and_its_late_result_is_not_wanted(
    client: Client, database: str, sql: Connection[Any], open_scheduler: OpenScheduler
) -> None:
    with Scheduler(database, lease="60s", grace="100ms"):
        handle = client.start(faults.slow, 1.0)
        wait_until(lambda: runs(sql, "slow") == 1, "the step runs")
    open_scheduler(lease="60s")

    result = handle.result("20s").split()[0]
    tokens = [row[0] for row in sql.execute("SELECT token FROM runs WHERE step = 'slow' ORDER BY began_at")]
    assert result == tokens[1]
    assert len(tokens) == 2


# It forks ---------------------------------------------------------------------------------------


def test_a_step_that_forks_is_journaled_once_by_the_parent_alone(
    client: Client, sql: Connection[Any], run_scheduler: RunScheduler
) -> None:
    scheduler = run_scheduler(MODULE)
    handles = [client.start(faults.forking) for _ in range(5)]

    for handle in handles:
        process, raised, exitcode = handle.result("30s")
        assert process == scheduler.pid
        assert (raised, exitcode) == (0, 0)
    assert ask(sql, "SELECT count(*) FROM runs") == 15
    assert scheduler.stop() == 0


# Locks that somebody keeps ----------------------------------------------------------------------


def test_a_dead_schedulers_commit_that_still_waits_in_the_server_does_not_stop_the_heartbeat_of_the_living(
    client: Client, database: str, sql: Connection[Any], run_scheduler: RunScheduler, open_scheduler: OpenScheduler
) -> None:
    dead = run_scheduler(MODULE, lease="500ms")
    locked, free = client.start(faults.slow, 0.3), client.start(faults.slow, 0.3)
    wait_until(lambda: runs(sql, "slow") == 2, "both run")
    with opened(database) as person, person.transaction():
        person.execute("SELECT FROM dataflows.executions WHERE id = %s FOR UPDATE", [locked.id])
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        wait_until(lambda: ask(sql, waits) == 1, "its commit waits for the person's lock")
        dead.kill()
        living = open_scheduler(lease="500ms")
        wait_until(lambda: ask(sql, "SELECT count(*) FROM dataflows.schedulers WHERE expires_at < now()"), "it is dead")
        assert living.start(faults.doing_nothing_wrong, 8, 0.2).result("20s") == 8  # each step needs a valid lease

    for handle in (locked, free):
        handle.result("30s")


def test_a_scheduler_can_be_left_while_a_person_keeps_a_lock_on_what_it_wants_to_write(
    client: Client, database: str, sql: Connection[Any], open_scheduler: OpenScheduler
) -> None:
    with opened(database) as person:
        with Scheduler(database, lease="60s", grace="500ms"):
            handle = client.start(faults.slow, 0.3)
            wait_until(lambda: runs(sql, "slow") == 1, "it runs")
            person.execute("BEGIN")
            person.execute("SELECT FROM dataflows.executions WHERE id = %s FOR UPDATE", [handle.id])
            waits = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            wait_until(lambda: ask(sql, waits) == 1, "its end cannot be written")
        person.execute("ROLLBACK")
    sql.execute("UPDATE dataflows.schedulers SET expires_at = clock_timestamp()")  # nobody has to wait for its lease
    open_scheduler(lease="500ms")

    assert handle.result("20s")
