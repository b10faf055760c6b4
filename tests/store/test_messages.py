"""Messages to executions: none is lost, none comes twice, and none is left where nobody will read it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from psycopg import Connection

from dataflows.errors import NotFound
from interpreter import Client
from interpreter.machine import Status
from interpreter.store import claims, journal
from interpreter.store.records import Batch, Move
from tests.databases import opened
from tests.store.desk import Desk, one, sent, started, step
from tests.waiting import eventually

ENDED = [Status.COMPLETED, Status.FAILED, Status.CANCELLED]
_numbers = count(1)


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    with Desk(database) as desk:
        yield desk


@pytest.fixture
def held(desk: Desk) -> str:
    """An execution that the desk holds."""
    desk.start_held(id := f"held {next(_numbers)}")
    return id


def numbers(connection: Connection[Any], execution_id: str) -> tuple[list[int], int]:
    """The unread messages, and the number that tells its holder."""
    messages, outside = claims.read_inbox(connection, [execution_id])
    return [message.number for message in messages], outside[execution_id].inbox_seq


def rows(connection: Connection[Any], execution_id: str) -> Any:
    return one(connection, "SELECT count(*) FROM dataflows.inbox WHERE execution_id = %s", execution_id)


# Sending ----------------------------------------------------------------------------------------


def test_a_message_and_the_number_that_tells_of_it_come_together(desk: Desk, held: str) -> None:
    assert numbers(desk.connection, held) == ([], 0)
    assert sent(desk.connection, held, "m1") == (True, False, "running")
    assert numbers(desk.connection, held) == ([1], 1)
    with desk.connection.transaction(force_rollback=True):
        sent(desk.connection, held, "m2")
    assert numbers(desk.connection, held) == ([1], 1)


def test_messages_are_read_in_the_order_in_which_they_were_sent_whole(desk: Desk, held: str) -> None:
    sent(desk.connection, held, "m1")
    sent(desk.connection, held, "m2", kind="cancel")
    first, second = claims.read_inbox(desk.connection, [held])[0]
    assert (first.number, first.kind, first.name, first.encoding, first.data) == (1, "signal", "approval", "json", b"1")
    assert (second.number, second.kind, second.name) == (2, "cancel", None)
    assert first.sent_at < second.sent_at


def test_a_message_id_that_was_used_before_changes_nothing(desk: Desk, held: str) -> None:
    sent(desk.connection, held, "once")
    assert sent(desk.connection, held, "once") == (False, True, "running")
    assert numbers(desk.connection, held) == ([1], 1)


def test_a_message_id_stays_used_after_the_message_was_read(desk: Desk, held: str) -> None:
    sent(desk.connection, held, "once")
    journal.commit(desk.connection, desk.scheduler, Batch([step(held, 3)], reads=[(held, 1, 3)]))
    assert numbers(desk.connection, held) == ([], 1)
    assert sent(desk.connection, held, "once") == (False, True, "running")


def test_one_message_id_serves_once_for_each_execution(desk: Desk, held: str) -> None:
    desk.start_held(other := f"other {held}")
    assert sent(desk.connection, held, "once")[0]
    assert sent(desk.connection, other, "once")[0]


@pytest.mark.parametrize("status", ENDED)
def test_an_ended_execution_takes_no_message_and_keeps_no_row(desk: Desk, held: str, status: Status) -> None:
    desk.commit(moves=(Move(held, status),))
    assert sent(desk.connection, held, "late") == (False, False, status)
    assert rows(desk.connection, held) == 0


def test_an_unknown_execution_takes_no_message_and_keeps_no_row(desk: Desk) -> None:
    assert sent(desk.connection, "nobody", "m1") == (False, False, None)
    assert rows(desk.connection, "nobody") == 0


def test_who_sends_what_another_is_just_sending_is_told_that_it_is_known(database: str, held: str) -> None:
    with Client(database) as client, ThreadPoolExecutor(1) as thread, opened(database) as other:
        with opened(database) as watcher, other.transaction():
            sent(other, held, "signal:once")
            sending = thread.submit(client.signal, held, "approval", id="once")
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
            eventually(lambda: one(watcher, blocked, other.info.backend_pid))
        assert sending.result() is False
        assert rows(other, held) == 1


def test_twelve_who_send_one_message_id_at_once_send_it_once(database: str, desk: Desk, held: str) -> None:
    with Client(database) as client, ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda n: client.signal(held, "approval", n, id="once"), range(12)))
    assert sorted(answers) == [False] * 11 + [True]
    assert rows(desk.connection, held) == 1


def test_who_sends_to_an_execution_that_is_just_ending_is_told_that_it_has_ended(
    database: str, desk: Desk, held: str
) -> None:
    with Client(database) as client, ThreadPoolExecutor(1) as thread, opened(database) as watcher:
        with desk.connection.transaction():
            desk.commit(moves=(Move(held, Status.COMPLETED),))
            sending = thread.submit(client.signal, held, "approval")
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
            eventually(lambda: one(watcher, blocked, desk.connection.info.backend_pid))
        with pytest.raises(NotFound, match="has completed"):
            sending.result()
    assert rows(desk.connection, held) == 0


# Waking -----------------------------------------------------------------------------------------


def test_a_message_makes_a_suspended_execution_due_at_once(desk: Desk, held: str) -> None:
    assert desk.suspend(held)
    assert held not in [one.execution_id for one in desk.claim()]
    sent(desk.connection, held, "m1")
    assert held in [one.execution_id for one in desk.claim()]


def test_a_message_makes_nothing_due_that_is_held_blocked_or_not_yet_to_begin(desk: Desk, held: str) -> None:
    desk.start_held(blocked := f"blocked {held}")
    desk.commit(moves=(Move(blocked, Status.BLOCKED, problem="for a test"),))
    started(desk.connection, delayed := f"delayed {held}", delay=3600)
    for id in (held, blocked, delayed):
        assert sent(desk.connection, id, "m1")[0], "it is kept all the same"
    claimed = {one.execution_id for one in desk.claim()}
    assert not claimed & {held, blocked, delayed}


def test_a_cancellation_wakes_even_what_has_not_begun(desk: Desk) -> None:
    started(desk.connection, "delayed and cancelled", delay=3600)
    sent(desk.connection, "delayed and cancelled", "m1", kind="cancel")
    assert "delayed and cancelled" in [one.execution_id for one in desk.claim()]


def test_an_execution_is_not_suspended_past_a_message_that_its_holder_has_not_read(desk: Desk, held: str) -> None:
    sent(desk.connection, held, "m1")
    assert not desk.suspend(held, inbox_seq=0)
    assert desk.status(held) == "running"
    assert desk.suspend(held, inbox_seq=1)
    assert desk.status(held) == "suspended"


def test_a_message_on_its_way_while_it_is_suspended_is_not_slept_through(database: str, desk: Desk, held: str) -> None:
    with opened(database) as sender, ThreadPoolExecutor(1) as thread, opened(database) as watcher:
        with sender.transaction():
            sent(sender, held, "m1")
            suspending = thread.submit(desk.suspend, held)
            blocked = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
            eventually(lambda: one(watcher, blocked, desk.connection.info.backend_pid))
        assert suspending.result() is False
    assert desk.status(held) == "running"


def test_messages_of_held_executions_are_found_without_a_hint(desk: Desk, held: str) -> None:
    desk.start_held(f"quiet {held}")
    assert held not in claims.find_messages(desk.connection, desk.scheduler, [held])
    sent(desk.connection, held, "m1")
    assert claims.find_messages(desk.connection, desk.scheduler, [held, "unheard of"]) == [held]


# Hints ------------------------------------------------------------------------------------------


def heard(listener: Connection[Any]) -> list[str]:
    """What was notified until now: notifications of one connection come in order, so a last one ends the wait."""
    listener.execute("NOTIFY dataflows, 'the end'")
    payloads: list[str] = []
    for notification in listener.notifies(timeout=20):
        if notification.payload == "the end":
            return payloads
        payloads.append(notification.payload)
    raise AssertionError(f"the end was never heard, but {payloads}")


def test_a_signal_and_a_cancellation_name_whom_they_are_for(database: str, held: str) -> None:
    with opened(database) as listener, Client(database) as client:
        listener.execute("LISTEN dataflows")
        client.signal(held, "approval")
        client.cancel(held)
        assert heard(listener) == [held, held]


def test_a_group_commit_notifies_nobody(database: str, desk: Desk, held: str) -> None:
    with opened(database) as listener:
        listener.execute("LISTEN dataflows")
        desk.start_held(f"new {held}")
        desk.commit(step(held, 3), step(held, 4))
        desk.suspend(held)
        assert heard(listener) == []
