"""Who writes, until it is known whether it was written, and what is refused when nobody writes any more."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from dataflows import Flow, wait, workflow
from dataflows.errors import SchedulerStopped
from interpreter import Scheduler
from interpreter.machine import Machine, Status
from interpreter.promise import Promise
from interpreter.scheduler.clock import DatabaseClock
from interpreter.scheduler.held import Held
from interpreter.scheduler.holdings import Holdings
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.proposals import Proposal, StartRequest, draft_of
from interpreter.scheduler.writer import Writer
from interpreter.store import journal
from interpreter.store.records import Move, Start
from interpreter.store.rows import Row
from tests.databases import opened
from tests.scheduler.work import RUNNING, forget, held
from tests.store.desk import EMPTY, Desk, sent


@workflow("writer/waits")
def waits() -> Flow[Any]:
    return (yield from wait("never"))


HOLDINGS = Holdings()
ROW = Row("step", "0", "fetch", None, True, "json", b"1")


@pytest.fixture(autouse=True)
def forgotten() -> None:
    forget()


def a_writer(database: str) -> Writer:
    lease: Any = SimpleNamespace(clock=DatabaseClock(datetime.now(UTC)))
    return Writer(lambda purpose: opened(database), lease, HOLDINGS, Monitor())


def on_hold(desk: Desk, id: str) -> Held:
    held = Held(desk.scheduler, id, 1, Machine(waits))
    HOLDINGS.add(held)
    held.seq, held.last_at = 2, datetime.now(UTC)
    return held


def test_what_is_asked_after_a_commit_may_be_cancelled_and_nobody_is_blamed_for_that(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_held = journal.find_held
    asked: list[int] = []

    def cancelled_once(connection: psycopg.Connection[Any], *args: Any) -> frozenset[str]:
        asked.append(1)
        if len(asked) == 1:
            connection.execute("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(20)")
        return find_held(connection, *args)

    monkeypatch.setattr(journal, "find_held", cancelled_once)
    with Desk(database) as desk:
        desk.start_held("goes on", "has mail")
        sent(desk.connection, "has mail", "m1")
        move = Move("has mail", Status.SUSPENDED, None, 0)
        proposals = [Proposal(on_hold(desk, "goes on"), ROW), Proposal(on_hold(desk, "has mail"), move=move)]
        writer = a_writer(database)
        committed = writer.write(draft_of(proposals, desk.scheduler), desk.scheduler)
        writer.close()
        assert len(asked) > 1
        assert not committed.moved
        assert desk.seqs("goes on") == [1, 2, 3]


def test_nobody_begins_to_write_on_a_connection_that_is_being_closed(
    new_scheduler: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch, id: str
) -> None:
    written: list[bool] = []
    close = Writer.close

    def tried(writer: Writer) -> None:
        written.append(pool.submit(committer.write_now, Proposal(held_here, ROW)).result(20))
        close(writer)

    with ThreadPoolExecutor(1) as pool:
        with new_scheduler(grace=0) as scheduler:
            handle = scheduler.start(held, id)
            assert RUNNING.acquire(timeout=20)
            committer, held_here = scheduler._host._committer, scheduler._host._driver.held[handle.id]
            monkeypatch.setattr(Writer, "close", tried)
        assert written == [False]


def test_a_start_that_is_proposed_when_nobody_writes_any_more_is_refused(
    new_scheduler: Callable[..., Scheduler],
) -> None:
    with new_scheduler() as scheduler:
        committer = scheduler._host._committer
    promise: Promise[bool] = Promise()
    committer.propose(StartRequest(Start("too late", "writer/waits", 1, None, *EMPTY), waits, promise))
    with pytest.raises(SchedulerStopped, match="closed before the start was written"):
        promise.result()
