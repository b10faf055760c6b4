"""Lost connections, an absent database, entries that it refuses: nothing is lost, and nothing happens twice."""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dataflows import ExecutionBlocked, Flow, Retry, every, step, workflow
from dataflows.errors import DatabaseUnavailable, SchedulerStopped
from interpreter import Client, Scheduler, Status
from interpreter.scheduler import claimer, dispatcher
from interpreter.store import claims, journal
from interpreter.store.connection import connect
from tests.databases import opened
from tests.scheduler.conftest import Told
from tests.scheduler.scheduled import executions, moment_of, moments_of, scheduled
from tests.scheduler.work import RAN, RELEASED, RUNNING, forget, held, named, of_the_desk, steps
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def forgotten() -> None:
    forget()


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


def test_where_no_file_descriptor_is_left_the_database_is_not_there_and_nothing_worse(database: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 1, hard))  # one for the socket, none for what waits on it
    try:
        with pytest.raises(DatabaseUnavailable, match="Too many open files"):
            connect(database, "test")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_that_are_cut_again_and_again_cost_time_and_nothing_else(
    new_scheduler: Callable[..., Scheduler], told: Told
) -> None:
    with new_scheduler(on_event=told) as scheduler:
        ids = [f"cut-{number}" for number in range(40)]
        handles = [scheduler.start(steps, id, id=id) for id in ids]
        with opened(str(scheduler._named)) as connection:
            for _ in range(6):
                time.sleep(0.05)  # anywhere in the run: the six cuts are to be spread over it
                disconnect_all(connection)
        assert {handle.result(timeout=60) for handle in handles} == {21}
    assert "blocked" not in told.events
    assert "commit-repeated" in told.events or "heartbeat-failed" in told.events
    for id in ids:
        with Client(scheduler._named) as client:
            settled = Counter(entry.position for entry in client.history(id) if entry.kind == "step")
        assert set(settled.values()) == {1}


def test_a_message_that_the_claimer_was_told_of_is_not_forgotten_when_its_connection_breaks_over_it(
    scheduler_of_its_own: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    read_inbox = claims.read_inbox
    broken: list[str] = []

    def broken_once(connection: psycopg.Connection[Any], ids: Any) -> Any:
        if not broken:
            broken.extend(ids)
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return read_inbox(connection, ids)

    monkeypatch.setattr(claims, "read_inbox", broken_once)
    monkeypatch.setattr(claimer, "_POLL", 3600)
    with scheduler_of_its_own() as scheduler, Client(scheduler._named) as client:
        handle = scheduler.start(held, "busy", id="busy")
        assert RUNNING.acquire(timeout=20)
        client.signal("busy", "anything")
        eventually(lambda: "signal" in [entry.kind for entry in handle.history()])
        assert broken == ["busy"]
        RELEASED.set()
        assert handle.result() == "held"


def test_a_claimer_whose_new_connection_is_lost_at_once_opens_another(
    new_scheduler: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_session = claimer.begin_session
    with new_scheduler() as scheduler:
        cuts = iter([True, True, False])

        def begin_in_vain(connection: psycopg.Connection[Any]) -> None:
            if next(cuts):
                connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            begin_session(connection)

        monkeypatch.setattr(claimer, "begin_session", begin_in_vain)
        monkeypatch.setattr(claimer, "_POLL", 0.1)
        scheduler._host._claimer._connection.close()
        with Client(scheduler._named) as client:
            assert client.start(steps, "after", id="after").result("60s") == 21
        assert next(cuts, None) is None


def test_a_database_that_is_away_for_a_while_is_waited_for(new_scheduler: Callable[..., Scheduler], told: Told) -> None:
    with new_scheduler(on_event=told, lease=2) as scheduler:
        handles = [scheduler.start(steps, f"away-{number}") for number in range(10)]
        with outage(str(scheduler._named)):
            eventually(lambda: "database-unreachable" in told.events)
        assert {handle.result(timeout=60) for handle in handles} == {21}
        assert scheduler.run(steps, "after") == 21
    assert "blocked" not in told.events


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


def test_a_database_that_is_serializable_by_default_costs_repetitions_and_nothing_else(
    scheduler_of_its_own: Callable[..., Scheduler],
) -> None:
    scheduler = scheduler_of_its_own()
    with opened(str(scheduler._named)) as connection:
        change = f"ALTER DATABASE {connection.info.dbname} SET default_transaction_isolation = 'serializable'"
        connection.execute(change.encode())
    with scheduler, scheduler_of_its_own() as other, Client(scheduler._named) as client:
        handles = [(scheduler, other, client)[number % 3].start(steps, f"serial-{number}") for number in range(30)]
        waiting = [scheduler.start(named, f"waiting-{number}") for number in range(10)]
        for handle in waiting:
            client.signal(handle.id, "go", "went")
        assert {handle.result(timeout=60) for handle in handles} == {21}
        assert {handle.result(timeout=60) for handle in waiting} == {"went"}


# What the database does not take ----------------------------------------------------------------


@pytest.mark.parametrize("code", ["23514", "54000"])
def test_of_a_batch_that_the_database_refuses_only_the_guilty_execution_is_blocked(
    scheduler_of_its_own: Callable[..., Scheduler], code: str
) -> None:
    refuse = f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.name = 'cursed' THEN RAISE EXCEPTION 'the cursed one' USING ERRCODE = '{code}'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON dataflows.journal FOR EACH ROW EXECUTE FUNCTION refuse()
    """
    with scheduler_of_its_own() as scheduler, opened(str(scheduler._named)) as connection:
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


def test_an_end_that_the_database_refuses_blocks_and_is_no_result(
    scheduler_of_its_own: Callable[..., Scheduler],
) -> None:
    with scheduler_of_its_own() as scheduler, opened(str(scheduler._named)) as connection:
        connection.execute("ALTER TABLE dataflows.journal ADD CONSTRAINT no_end CHECK (kind <> 'completed')")
        handle = scheduler.start(of_the_desk)
        with pytest.raises(ExecutionBlocked, match="no_end"):
            handle.result(timeout=20)
        connection.execute("ALTER TABLE dataflows.journal DROP CONSTRAINT no_end")
        handle.resume()
        assert handle.result(timeout=20) == "done by another"


def test_what_cannot_even_be_blocked_is_blocked_later_and_not_tried_again_without_a_pause(
    scheduler_of_its_own: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    pause, tries = 0.3, 6
    monkeypatch.setattr(dispatcher, "_AFTER_REFUSAL", timedelta(seconds=pause))
    with scheduler_of_its_own() as scheduler, opened(str(scheduler._named)) as connection:
        connection.execute("""
            CREATE SEQUENCE tries;
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RAISE EXCEPTION 'refused for the %. time', nextval('tries');
            END $$;
            CREATE TRIGGER refuse BEFORE UPDATE ON dataflows.executions FOR EACH ROW
                WHEN (NEW.status IN ('completed', 'blocked')) EXECUTE FUNCTION refuse()
        """)
        began = time.monotonic()
        handle = scheduler.start(of_the_desk)
        eventually(lambda: connection.execute("SELECT last_value >= %s FROM tries", [tries]).fetchone() == (True,))
        assert time.monotonic() - began >= (tries - 2) * pause  # its end was one, and the first block another
        connection.execute("DROP TRIGGER refuse ON dataflows.executions")
        with pytest.raises(ExecutionBlocked, match="refused for the"):
            handle.result(timeout=20)
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


def test_a_fault_of_our_own_where_a_commit_is_told_costs_a_lease_and_nothing_else(
    new_scheduler: Callable[..., Scheduler], told: Told
) -> None:
    with new_scheduler(lease=1, on_event=told) as scheduler:
        committer = scheduler._host._committer
        deliver = committer._deliver

        def fail_once(done: Any) -> None:
            committer._deliver = deliver
            raise ZeroDivisionError

        committer._deliver = fail_once
        with pytest.raises(SchedulerStopped):
            scheduler.start(steps, "first", id="first")
        assert scheduler.result("first", timeout=30) == 21
        assert Counter({("first", number): 1 for number in range(7)}) == RAN
        failed = [details for event, details in told if event == "thread-failed"]
        assert [(details["thread"], type(details["error"])) for details in failed] == [("committer", ZeroDivisionError)]


def test_schedules_go_on_after_an_outage_with_what_came_meanwhile(
    new_scheduler: Callable[..., Scheduler], told: Told
) -> None:
    often = every("1s", catch_up="all")
    with new_scheduler(workflows=[scheduled(often)], on_event=told, lease=2) as scheduler:
        eventually(lambda: executions(scheduler))
        with outage(str(scheduler._named)):
            eventually(lambda: "database-unreachable" in told.events)
        before = len(executions(scheduler))
        eventually(lambda: len(executions(scheduler)) > before + 1)
        scheduler.pause_schedule("report")
        found = executions(scheduler)
    assert found == moments_of(often, moment_of(found[0]), moment_of(found[-1]) + timedelta(seconds=1))
