"""What people do about executions, in the database: at any moment, again and again, beside holders that go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import psycopg
import pytest

from dataflows import ExecutionTerminated
from dataflows.errors import NotFound, WrongStatus
from interpreter import Client
from interpreter.codec import Encoded, decode_error
from interpreter.machine import Status
from interpreter.store import claims, journal, leases
from interpreter.store.records import Batch, Line, Move
from interpreter.store.rows import Row
from tests.databases import opened
from tests.store.desk import LONG_AGO, Desk, one, sent, started, step
from tests.waiting import eventually

_numbers = count(1)


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    with Desk(database) as desk:
        yield desk


@pytest.fixture
def client(database: str) -> Iterator[Client]:
    with Client(database) as client:
        yield client


@pytest.fixture
def held(desk: Desk) -> str:
    """An execution that the desk holds."""
    desk.start_held(id := f"held {next(_numbers)}")
    return id


def as_child(desk: Desk, id: str, parent: str, position: str | None = "0", generation: int = 1) -> str:
    """Make it a child; answers its id."""
    desk.connection.execute(
        "UPDATE dataflows.executions SET parent = %s, parent_generation = %s, parent_position = %s WHERE id = %s",
        [parent, generation, position, id],
    )
    return id


def end_of(id: str) -> Line:
    """The line with which it completes."""
    return step(id, 3)._replace(row=Row("completed", None, None, None, True, "json", b"1"))


def family(desk: Desk, root: str) -> list[str]:
    """Two children of the root, which is held, and a child of the first; the second is held too."""
    first = as_child(desk, started(desk.connection, f"{root}/1"), root, "0")
    desk.start_held(second := f"{root}/2")
    as_child(desk, second, root, "1")
    return [first, second, as_child(desk, started(desk.connection, f"{root}/1/1"), first, "0")]


def kinds(client: Client, id: str) -> list[str]:
    return [entry.kind for entry in client.history(id)]


def inbox(desk: Desk, id: str) -> list[Any]:
    query = "SELECT kind, coalesce(position, name), generation, number FROM dataflows.inbox WHERE execution_id = %s"
    return desk.connection.execute(f"{query} ORDER BY number".encode(), [id]).fetchall()


# Terminate --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING, Status.SUSPENDED, Status.BLOCKED])
def test_whatever_has_not_ended_is_terminated_by_an_entry_and_nobody_need_know_its_workflow(
    desk: Desk, client: Client, status: Status
) -> None:
    id = f"{status} {next(_numbers)}"
    if status is Status.PENDING:
        started(desk.connection, id)
    else:
        desk.start_held(id)
    if status in (Status.SUSPENDED, Status.BLOCKED):
        desk.commit(moves=(Move(id, status, LONG_AGO, problem="for a test"),))
    assert client.terminate(id) == 1
    found = client.describe(id)
    assert (found.status, found.due_at, found.problem, found.ended_at is None) == (Status.CANCELLED, None, None, False)
    last = client.history(id)[-1]
    assert (last.kind, last.name, last.ok) == ("terminated", "cancelled", False)
    with pytest.raises(ExecutionTerminated, match=f"'{id}' was terminated$"):
        client.result(id)
    assert client.terminate(id) == 0
    assert id not in [one.execution_id for one in desk.claim()]


def test_an_execution_that_does_not_exist_cannot_be_terminated(client: Client) -> None:
    with pytest.raises(NotFound):
        client.terminate("nobody")


def test_its_whole_tree_goes_with_it_also_below_one_that_has_ended(desk: Desk, client: Client, held: str) -> None:
    first, second, grandchild = family(desk, held)
    desk.connection.execute("UPDATE dataflows.executions SET status = 'completed' WHERE id = %s", [first])
    assert client.terminate(held) == 3
    assert [client.status(id) for id in (held, first, second, grandchild)] == [
        "cancelled",
        "completed",
        "cancelled",
        "cancelled",
    ]
    with pytest.raises(ExecutionTerminated, match="terminated with the execution that started it"):
        client.result(grandchild)


def test_children_that_outlived_their_parent_are_terminated_when_it_is_asked_for_again(
    desk: Desk, client: Client, held: str
) -> None:
    first, second, grandchild = family(desk, held)
    desk.commit(end_of(held), moves=(Move(held, Status.COMPLETED),))
    assert client.terminate(held) == 3
    assert client.status(held) == "completed"
    assert {client.status(id) for id in (first, second, grandchild)} == {"cancelled"}


def test_a_tree_larger_than_a_batch_goes_whole(desk: Desk, client: Client, held: str) -> None:
    desk.start_held(*(f"{held}/{n:03}" for n in range(250)))
    desk.connection.execute(
        "UPDATE dataflows.executions SET parent = %s, parent_generation = 1, parent_position = '0' WHERE id LIKE %s",
        [held, f"{held}/%"],
    )
    assert client.terminate(held) == 251
    assert inbox(desk, held) == [], "a parent in the tree is told nothing"


def test_a_parent_outside_the_tree_is_told_once_and_woken(desk: Desk, client: Client, held: str) -> None:
    first, second, grandchild = family(desk, held)
    assert desk.suspend(held)
    assert client.terminate(first) == 2
    assert inbox(desk, held) == [("child", "0", 1, 1)]
    assert inbox(desk, first) == []
    data = one(desk.connection, "SELECT data FROM dataflows.inbox WHERE execution_id = %s", held)
    assert isinstance(decode_error(Encoded("error", data)), ExecutionTerminated)
    assert held in [one.execution_id for one in desk.claim()], "it is due"
    assert client.terminate(second) == 1
    assert client.terminate(second) == client.terminate(grandchild) == 0
    assert inbox(desk, held) == [("child", "0", 1, 1), ("child", "1", 1, 2)]
    unread = claims.read_inbox(desk.connection, [held])[0]
    assert [message.number for message in unread] == [2], "the claim has taken the first one in"


@pytest.mark.parametrize("reason", ["ended", "other generation", "nobody awaits it"])
def test_a_parent_that_does_not_await_it_is_told_nothing(desk: Desk, client: Client, held: str, reason: str) -> None:
    child = started(desk.connection, f"{held}/child")
    as_child(desk, child, held, None if reason == "nobody awaits it" else "0", 1 + (reason == "other generation"))
    if reason == "ended":
        client.terminate(held)
    client.terminate(child)
    assert client.status(child) == "cancelled"
    assert inbox(desk, held) == []


def test_a_message_of_another_generation_is_not_read(desk: Desk, client: Client, held: str) -> None:
    child = as_child(desk, started(desk.connection, f"{held}/child"), held)
    client.terminate(child)
    assert claims.find_messages(desk.connection, desk.scheduler, [held]) == [held]
    desk.connection.execute("UPDATE dataflows.executions SET generation = 2 WHERE id = %s", [held])
    assert claims.read_inbox(desk.connection, [held])[0] == []
    assert claims.find_messages(desk.connection, desk.scheduler, [held]) == []


def test_what_a_holder_would_have_written_collides_and_it_lets_go(desk: Desk, client: Client, held: str) -> None:
    client.terminate(held)
    with pytest.raises(psycopg.errors.UniqueViolation):
        desk.commit(step(held, 3))
    for status in (Status.SUSPENDED, Status.BLOCKED, Status.RUNNING):
        assert desk.commit(moves=(Move(held, status),)).moved == set()
    assert claims.find_messages(desk.connection, desk.scheduler, [held]) == [held], "it is told without a hint"
    assert claims.read_inbox(desk.connection, [held])[1][held].terminated
    ended_at = client.describe(held).ended_at
    goodbye = Move(held, Status.CANCELLED, expected=Status.CANCELLED)
    assert desk.commit(moves=(goodbye,)).moved == {held}
    assert desk.commit(moves=(goodbye,)).moved == set()
    assert claims.find_messages(desk.connection, desk.scheduler, [held]) == []
    assert (client.status(held), client.describe(held).ended_at) == ("cancelled", ended_at)


def test_a_holder_that_asks_what_it_had_committed_is_not_told_of_an_entry_that_terminates(
    desk: Desk, client: Client, held: str
) -> None:
    client.terminate(held)
    assert journal.find_committed(desk.connection, [(held, 1, 2), (held, 1, 3)]).keys() == {(held, 1, 2)}


@pytest.mark.parametrize("going", ["dies", "goes in peace"])
def test_what_was_terminated_stays_so_when_its_holder_goes(desk: Desk, client: Client, going: str) -> None:
    with Desk(desk.connection.info.dsn) as other:
        other.start_held(id := f"held {next(_numbers)}")
        client.terminate(id)
        if going == "dies":
            desk.expire(other)
            assert (id, "cancelled") in desk.bury(deadly=1)
        else:
            leases.leave(other.connection, other.scheduler)
    assert client.delete(id) is True


def test_it_takes_its_turn_after_a_commit_that_is_under_way(desk: Desk, client: Client, held: str) -> None:
    with opened(desk.connection.info.dsn) as watcher, ThreadPoolExecutor(1) as thread:
        with desk.connection.transaction():
            desk.commit(step(held, 3))
            terminating = thread.submit(client.terminate, held)
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
            eventually(lambda: one(watcher, blocked, desk.connection.info.backend_pid))
        assert terminating.result() == 1
    assert kinds(client, held) == ["started", "begun", "step", "terminated"]


def test_an_execution_that_ends_by_itself_at_that_moment_has_ended_by_itself(
    desk: Desk, client: Client, held: str
) -> None:
    with opened(desk.connection.info.dsn) as watcher, ThreadPoolExecutor(1) as thread:
        with desk.connection.transaction():
            desk.commit(end_of(held), moves=(Move(held, Status.COMPLETED),))
            terminating = thread.submit(client.terminate, held)
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
            eventually(lambda: one(watcher, blocked, desk.connection.info.backend_pid))
        assert terminating.result() == 0
    assert (client.status(held), client.result(held)) == ("completed", 1)


def test_twelve_who_terminate_one_tree_at_once_end_each_of_it_once(desk: Desk, client: Client, held: str) -> None:
    members = [held, *family(desk, held)]
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(client.terminate, [held] * 12))
    assert sum(answers) == 4
    assert [kinds(client, id).count("terminated") for id in members] == [1] * 4


# Pause and resume -------------------------------------------------------------------------------


def test_nothing_is_claimed_while_it_is_paused_and_messages_wait(desk: Desk, client: Client) -> None:
    id = started(desk.connection, f"paused {next(_numbers)}")
    assert [client.pause(id), client.pause(id)] == [True, False]
    assert (client.describe(id).paused, client.status(id)) == (True, "pending")
    assert sent(desk.connection, id, "m1") == (True, False, "pending")
    assert id not in [one.execution_id for one in desk.claim()]
    assert [client.resume(id), client.resume(id)] == [True, False]
    assert id in [one.execution_id for one in desk.claim()]
    assert kinds(client, id) == ["started", "signal"]


def test_a_holder_is_told_of_a_pause_without_a_hint(desk: Desk, client: Client, held: str) -> None:
    client.pause(held)
    assert claims.find_messages(desk.connection, desk.scheduler, [held]) == [held]
    assert claims.read_inbox(desk.connection, [held])[1][held].paused


def test_what_has_ended_or_does_not_exist_is_neither_paused_nor_resumed(desk: Desk, client: Client, held: str) -> None:
    client.terminate(held)
    for verb in (client.pause, client.resume):
        with pytest.raises(NotFound, match="has been cancelled"):
            verb(held)
        with pytest.raises(NotFound, match="does not exist"):
            verb("nobody")


# Delete -----------------------------------------------------------------------------------------


def test_an_ended_execution_is_deleted_with_all_that_is_its(desk: Desk, client: Client, held: str) -> None:
    other = f"{held} beside"
    desk.start_held(other)
    for id in (held, other):
        sent(desk.connection, id, "m1")
        journal.commit(desk.connection, desk.scheduler, Batch([step(id, 3)], reads=[(id, 1, 3)]))
    desk.commit(moves=(Move(held, Status.COMPLETED),))
    assert [client.delete(held), client.delete(held)] == [True, False]
    for table, column in (("executions", "id"), ("journal", "execution_id"), ("inbox", "execution_id")):
        query = f"SELECT count(*) FROM dataflows.{table} WHERE {column} = %s"
        assert [one(desk.connection, query, id) > 0 for id in (held, other)] == [False, True]
    assert started(desk.connection, held) == held, "its id is free"


def test_what_has_not_ended_is_not_deleted(desk: Desk, client: Client, held: str) -> None:
    with pytest.raises(WrongStatus, match="is running: only an ended one can be deleted; terminate it first"):
        client.delete(held)


def test_what_was_terminated_is_deleted_when_its_holder_can_write_nothing_more_of_it(
    desk: Desk, client: Client, held: str
) -> None:
    client.terminate(held)
    with pytest.raises(WrongStatus, match="just being let go"):
        client.delete(held)
    desk.commit(moves=(Move(held, Status.CANCELLED, expected=Status.CANCELLED),))
    assert client.delete(held) is True


# Reading no more than needed --------------------------------------------------------------------


def test_a_claim_does_not_walk_over_what_is_paused(new_database: Callable[[], str]) -> None:
    with Desk(new_database()) as desk:
        desk.connection.execute(
            "INSERT INTO dataflows.executions (id, workflow, version, status, due_at, paused, format, created_at) "
            "SELECT 'e' || n, 'w', 1, 'suspended', now() - interval '1h' - n * interval '1s', n > 3, 1, now() "
            "FROM generate_series(1, 5000) AS n"
        )
        desk.connection.execute("ANALYZE dataflows.executions")
        before = one(desk.connection, "SELECT pg_relation_size('dataflows.executions_due')")
        assert sorted(one.execution_id for one in desk.claim()) == ["e1", "e2", "e3"]
        assert before < 100_000, "what is paused is not in the index of what is due"
