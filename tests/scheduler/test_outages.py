"""Lost connections, lost leases, dead schedulers: nothing is lost, and nothing that was journaled happens again."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dataflows import ExecutionBlocked, Flow, Retry, gather, sleep, step, wait, workflow
from interpreter import Client, Scheduler, Status
from interpreter.store import journal
from tests.databases import opened
from tests.store.desk import Desk, one, started
from tests.waiting import eventually

EXPIRE_ALL_BUT = "UPDATE dataflows.schedulers SET expires_at = clock_timestamp() - interval '1 s' WHERE id <> %s"

RAN: Counter[tuple[str, int]] = Counter()
RELEASED = threading.Event()
RUNNING = threading.Semaphore(0)


def run(id: str, number: int) -> int:
    RAN[id, number] += 1
    return number


def hold(id: str) -> str:
    RAN[id, 0] += 1
    RUNNING.release()
    RELEASED.wait(20)
    return "held"


@workflow("outages/steps", retry=Retry(attempts=1))
def steps(id: str) -> Flow[int]:
    total = 0
    for number in range(5):
        total += yield from step("run", run, id, number)
        yield from sleep("breathe", 0.05)
    return total + sum((yield from gather(step("a", run, id, 5), step("b", run, id, 6))))


@workflow("outages/held", retry=Retry(attempts=1))
def held(id: str) -> Flow[str]:
    return (yield from step("hold", hold, id))


@workflow("outages/named", retry=Retry(attempts=1))
def named(name: str) -> Flow[str]:
    yield from step(name, run, name, 0)
    return (yield from wait("go"))


@workflow("w", retry=Retry(attempts=1))
def of_the_desk() -> Flow[str]:
    return (yield from step("work", lambda: "done by another"))


@pytest.fixture(autouse=True)
def forget() -> None:
    RAN.clear()
    RELEASED.clear()


@pytest.fixture
def told() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def listen(told: list[tuple[str, dict[str, Any]]]) -> Callable[[str, dict[str, Any]], None]:
    return lambda event, details: told.append((event, details))


def events(told: list[tuple[str, dict[str, Any]]]) -> set[str]:
    return {event for event, _ in told}


def disconnect_all(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


@contextmanager
def outage(database: str) -> Iterator[None]:
    """Nobody is connected to the database, and nobody can connect."""
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with opened(make_conninfo(database, dbname="postgres")) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


# Connections ------------------------------------------------------------------------------------


def test_connections_that_are_cut_again_and_again_cost_time_and_nothing_else(
    new_scheduler: Callable[..., Scheduler], told: list[Any], listen: Any
) -> None:
    with new_scheduler(on_event=listen) as scheduler:
        ids = [f"cut-{number}" for number in range(40)]
        handles = [scheduler.start(steps, id, id=id) for id in ids]
        with opened(str(scheduler._named)) as connection:
            for _ in range(6):
                time.sleep(0.05)  # anywhere in the run: the six cuts are to be spread over it
                disconnect_all(connection)
        assert {handle.result(timeout=60) for handle in handles} == {21}
    assert "blocked" not in events(told)
    assert "commit-repeated" in events(told) or "heartbeat-failed" in events(told)
    for id in ids:
        with Client(scheduler._named) as client:
            settled = Counter(entry.position for entry in client.history(id) if entry.kind == "step")
        assert set(settled.values()) == {1}


def test_a_database_that_is_away_for_a_while_is_waited_for(
    new_scheduler: Callable[..., Scheduler], told: list[Any], listen: Any
) -> None:
    with new_scheduler(on_event=listen, lease=2) as scheduler:
        handles = [scheduler.start(steps, f"away-{number}") for number in range(10)]
        with outage(str(scheduler._named)):
            eventually(lambda: "database-unreachable" in events(told))
        assert {handle.result(timeout=60) for handle in handles} == {21}
        assert scheduler.run(steps, "after") == 21
    assert "blocked" not in events(told)


def test_a_scheduler_closes_though_the_database_is_away(new_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = new_scheduler(lease=0.5, grace=0)
    with scheduler:
        scheduler.start(held, "away")
        assert RUNNING.acquire(timeout=20)
        cut = outage(str(scheduler._named))
        cut.__enter__()
        RELEASED.set()
    cut.__exit__(None, None, None)
    with new_scheduler(lease=0.5) as second:
        assert second.result(second.list()[0].id, timeout=20) == "held"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_whose_answer_is_lost_counts_exactly_once(
    new_scheduler: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    commit, cut = journal.commit, Counter[str]()

    def commit_and_lose(connection: Any, scheduler: int, batch: journal.Batch) -> journal.Committed:
        if cut["done"] >= 6 or not (batch.lines or batch.starts):
            return commit(connection, scheduler, batch)
        cut["done"] += 1
        if when == "after":
            commit(connection, scheduler, batch)
        connection.close()
        raise psycopg.OperationalError("the connection was cut")

    with new_scheduler() as scheduler:
        monkeypatch.setattr(journal, "commit", commit_and_lose)
        handles = [scheduler.start(steps, f"{when}-{number}", id=f"{when}-{number}") for number in range(5)]
        assert [handle.result(timeout=60) for handle in handles] == [21] * 5
        assert cut["done"] == 6
        for handle in handles:
            entries = handle.history()
            assert Counter(entry.position for entry in entries if entry.kind == "step").most_common(1)[0][1] == 1
            assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    assert set(RAN.values()) == {1}


# What the database does not take ----------------------------------------------------------------


@pytest.mark.parametrize("code", ["23514", "54000"])
def test_of_a_batch_that_the_database_refuses_only_the_guilty_execution_is_blocked(
    new_scheduler: Callable[..., Scheduler], code: str
) -> None:
    refuse = f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.name = 'cursed' THEN RAISE EXCEPTION 'the cursed one' USING ERRCODE = '{code}'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON dataflows.journal FOR EACH ROW EXECUTE FUNCTION refuse()
    """
    with new_scheduler() as scheduler, opened(str(scheduler._named)) as connection:
        connection.execute(refuse.encode())
        handles = [scheduler.start(named, name) for name in ("blessed", "cursed", "blessed too")]
        with pytest.raises(ExecutionBlocked, match="the database refused its entries: the cursed one"):
            handles[1].result(timeout=20)
        for handle in (handles[0], handles[2]):
            handle.signal("go", "went")
            assert handle.result(timeout=20) == "went"
        connection.execute("DROP TRIGGER refuse ON dataflows.journal")
        handles[1].resume()
        handles[1].signal("go", "went too")
        assert handles[1].result(timeout=20) == "went too"
        assert scheduler.run(of_the_desk) == "done by another"


def test_an_end_that_the_database_refuses_blocks_and_is_no_result(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler() as scheduler, opened(str(scheduler._named)) as connection:
        connection.execute("ALTER TABLE dataflows.journal ADD CONSTRAINT no_end CHECK (kind <> 'completed')")
        handle = scheduler.start(of_the_desk)
        with pytest.raises(ExecutionBlocked, match="no_end"):
            handle.result(timeout=20)
        connection.execute("ALTER TABLE dataflows.journal DROP CONSTRAINT no_end")
        handle.resume()
        assert handle.result(timeout=20) == "done by another"


class Hostile:
    """A value that can be stored, and later complains with what no database takes when it is read."""

    read = 0

    def __init__(self) -> None:
        self.value = 1

    def __setstate__(self, state: Any) -> None:
        Hostile.read += 1
        if Hostile.read > 1:
            raise ValueError("\ud800 and \0")


@workflow("outages/hostile", retry=Retry(attempts=1))
def hostile() -> Flow[Any]:
    return (yield from step("give", Hostile))


def test_a_problem_that_no_database_takes_as_it_is_is_told_all_the_same(
    new_scheduler: Callable[..., Scheduler],
) -> None:
    with new_scheduler() as scheduler:
        with pytest.raises(ExecutionBlocked, match="cannot be read by this code"):
            scheduler.start(hostile).result(timeout=20)
        assert "cannot be read" in str(scheduler.list(status=Status.BLOCKED)[0].problem)
        assert scheduler.run(of_the_desk) == "done by another"


# Leases -----------------------------------------------------------------------------------------


def test_what_a_dead_scheduler_held_is_taken_over_within_its_lease(new_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = new_scheduler(lease=0.5)
    with Desk(str(scheduler._named), lease=0.5) as dead:
        dead.start_held("orphan")
    with scheduler:
        assert scheduler.result("orphan", timeout=20) == "done by another"


def test_what_is_held_by_a_living_scheduler_is_left_to_it(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler(lease=0.5) as first, new_scheduler(lease=0.5) as second:
        handle = first.start(held, "long")
        assert RUNNING.acquire(timeout=20)
        beats = one_beat_after_another(second)
        assert next(beats) and next(beats) and next(beats) and next(beats)
        assert RAN["long", 0] == 1
        RELEASED.set()
        assert handle.result() == "held"
        assert [entry.kind for entry in handle.history()] == ["started", "begun", "step", "completed"]


def one_beat_after_another(scheduler: Scheduler) -> Iterator[bool]:
    """True each time that the lease of a scheduler has been renewed in full."""
    with opened(str(scheduler._named)) as connection:
        while True:
            expiry = one(connection, "SELECT min(expires_at) FROM dataflows.schedulers")
            yield bool(eventually(lambda: _min_expiry(connection) > expiry))  # noqa: B023


def _min_expiry(connection: psycopg.Connection[Any]) -> datetime:
    expiry: datetime = one(connection, "SELECT min(expires_at) FROM dataflows.schedulers")
    return expiry


def test_a_scheduler_that_was_taken_over_writes_nothing_and_goes_on_under_a_new_number(
    new_scheduler: Callable[..., Scheduler], told: list[Any], listen: Any
) -> None:
    with new_scheduler(on_event=listen, lease=1.5) as scheduler:
        handle = scheduler.start(held, "ghost")
        assert RUNNING.acquire(timeout=20)
        with Desk(str(scheduler._named)) as heir:
            with heir.connection.transaction():  # or it might renew in between
                heir.connection.execute(EXPIRE_ALL_BUT, [heir.scheduler])
                assert heir.bury() == [(handle.id, "suspended")]
            heir.connection.execute("UPDATE dataflows.executions SET due_at = now() + interval '1 h'")
            RELEASED.set()  # the step of the ghost comes to its end
            eventually(lambda: "lease-lost" in events(told))
            assert [entry.kind for entry in handle.history()] == ["started", "begun"], "nothing of it is journaled"
            heir.connection.execute("UPDATE dataflows.executions SET due_at = now()")
        assert handle.result(timeout=20) == "held"
        assert RAN["ghost", 0] == 2
        assert [entry.kind for entry in handle.history()] == ["started", "begun", "step", "completed"]
        assert scheduler.run(of_the_desk) == "done by another"


def test_a_start_that_finds_the_lease_lost_is_made_under_the_next_number(
    new_scheduler: Callable[..., Scheduler],
) -> None:
    with new_scheduler(lease=1.5) as scheduler, opened(str(scheduler._named)) as connection:
        connection.execute("DELETE FROM dataflows.schedulers")
        assert scheduler.run(of_the_desk) == "done by another"


def test_an_execution_that_kills_its_schedulers_is_blocked_in_the_end_and_harms_no_other(
    new_scheduler: Callable[..., Scheduler],
) -> None:
    scheduler = new_scheduler(lease=0.5, deaths=3)
    database = str(scheduler._named)
    with opened(database) as connection:
        for id in ("poison", "bystander"):
            started(connection, id)
    for _ in range(2):
        with Desk(database) as victim, Desk(database) as heir:
            assert "poison" in [claimed.execution_id for claimed in victim.claim()]
            heir.expire(victim)
            heir.bury()
            heir.connection.execute("DELETE FROM dataflows.schedulers")
    with Desk(database, lease=0.5) as last:
        claimed = [one.execution_id for one in last.claim()]
        assert claimed in (["poison"], ["bystander"]), "one suspect at a time"
        (taken,) = journal.list_held(last.connection, last.scheduler)
    with scheduler:
        other = {"poison": "bystander", "bystander": "poison"}[taken.execution_id]
        assert scheduler.result(other, timeout=20) == "done by another"
        with pytest.raises(ExecutionBlocked, match="its scheduler died 3 times in a row"):
            scheduler.result(taken.execution_id, timeout=20)
        scheduler.resume(taken.execution_id)
        assert scheduler.result(taken.execution_id, timeout=20) == "done by another"
