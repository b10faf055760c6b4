"""What a retry and a fork take over of a journal, and what becomes of messages and children."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from dataflows.errors import IdInUse, NotFound, WrongStatus
from interpreter import Client
from interpreter.codec import encode_error
from interpreter.machine import Status
from interpreter.store import claims, journal
from interpreter.store.records import Batch, Line, Move
from interpreter.store.rows import Row
from tests.store.desk import LONG_AGO, Desk, one, sent, started

_numbers = count(1)
ERROR = encode_error(ValueError("no good"))
SENT_THEN = """
    UPDATE dataflows.journal j SET moment = i.sent_at FROM dataflows.inbox i
    WHERE j.execution_id = %s AND i.execution_id = j.execution_id AND i.seq = j.seq AND i.kind = 'signal'
"""


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


def line(kind: str, position: str | None = None, ok: bool | None = True, name: str = "n") -> Row:
    moment = LONG_AGO if kind in ("attempt", "signal") else None
    if ok is None or kind == "signal":
        return Row(kind, position, name, None, None, *(("json", b"1") if kind == "signal" else ()), moment=moment)
    return Row(kind, position, name, None, ok, *(("json", b"1") if ok else ERROR), moment=moment)


def write(desk: Desk, id: str, *rows: Row, status: Status | None = Status.FAILED) -> None:
    """The journal from its third entry on; then a status, with which it is let go."""
    seq = desk.seqs(id)[-1]
    lines = [Line(id, 1, number, LONG_AGO, row) for number, row in enumerate(rows, seq + 1)]
    desk.commit(*lines, moves=() if status is None else (Move(id, status),))


def seen(client: Client, id: str) -> list[str]:
    """Each entry as ``kind position``, the first two left out; they are numbered without a gap."""
    history = client.history(id)
    assert [entry.seq for entry in history] == list(range(1, len(history) + 1))
    assert [entry.kind for entry in history[:2]] == ["started", "begun"]
    return [" ".join(filter(None, (entry.kind, entry.position))) for entry in history[2:]]


FAILED = [
    line("step", "0"),
    line("attempt", "1", False),
    line("attempt", "2.0.0", False),
    line("attempt", "1", False),
    line("step", "1", False),
    line("stopped", "2.0.0", None),
    line("failed", None, False),
]


# Where it parts ---------------------------------------------------------------------------------


def test_a_retry_begins_with_what_came_before_the_last_failure_without_the_failed_attempts_there(
    desk: Desk, client: Client, held: str
) -> None:
    write(desk, held, *FAILED)
    before = client.history(held)
    assert client.retry(held) is True
    assert seen(client, held) == ["step 0", "attempt 2.0.0", "begun"]
    *after, begun = client.history(held)
    assert [(entry.at, entry.text) for entry in after] == [(before[n].at, before[n].text) for n in (0, 1, 2, 4)]
    assert begun.at > max(entry.at for entry in before)
    found = client.describe(held)
    assert (found.status, found.generation, found.ended_at, found.problem) == ("suspended", 2, None, None)
    claimed = {one.execution_id: one for one in desk.claim()}
    assert claimed[held].generation == 2


def test_without_a_failed_command_all_but_the_end_is_kept(desk: Desk, client: Client, held: str) -> None:
    write(desk, held, line("step", "0"), line("sleep", "1", None), line("failed", None, False))
    client.retry(held)
    assert seen(client, held) == ["step 0", "sleep 1", "begun"]


def test_a_blocked_execution_keeps_all_it_has_also_an_error_that_it_went_on_after(
    desk: Desk, client: Client, held: str
) -> None:
    write(desk, held, line("step", "0", False), line("step", "1"), line("attempt", "2", False), status=Status.BLOCKED)
    client.retry(held)
    assert seen(client, held) == ["step 0", "step 1", "attempt 2"]


@pytest.mark.parametrize(
    ("position", "kept"),
    [
        ("0", []),
        ("1", ["step 0", "attempt 2.0.0"]),
        ("2.0.0", ["step 0", "attempt 1", "attempt 1", "step 1"]),
    ],
)
def test_a_retry_and_a_fork_part_where_they_are_told_to(
    desk: Desk, client: Client, held: str, position: str, kept: list[str]
) -> None:
    write(desk, held, *FAILED)
    assert seen(client, client.fork(held, position)) == [*kept, "begun"]
    client.retry(held, position)
    assert seen(client, held) == [*kept, "begun"]


def test_a_command_that_is_open_is_a_place_too(desk: Desk, client: Client, held: str) -> None:
    write(desk, held, line("step", "0"), line("attempt", "1", False), status=Status.BLOCKED)
    client.retry(held, "1")
    assert seen(client, held) == ["step 0"]


@pytest.mark.parametrize("verb", ["retry", "fork"])
def test_a_place_that_is_none_is_refused_and_nothing_is_changed(
    desk: Desk, client: Client, held: str, verb: str
) -> None:
    write(desk, held, *FAILED)
    with pytest.raises(NotFound, match="has no entry of position '7.7'"):
        getattr(client, verb)(held, "7.7")
    with pytest.raises(ValueError, match="'first' is not|not 'first'"):
        getattr(client, verb)(held, "first")
    with pytest.raises(NotFound, match="does not exist"):
        getattr(client, verb)("nobody")
    assert client.describe(held).generation == 1


# When -------------------------------------------------------------------------------------------


def test_only_what_has_failed_or_is_blocked_is_retried(desk: Desk, client: Client, held: str) -> None:
    assert client.retry(held) is False
    write(desk, held, line("completed"), status=Status.COMPLETED)
    with pytest.raises(WrongStatus, match="is completed: it has nothing to retry; fork it instead"):
        client.retry(held)
    cancelled = started(desk.connection, f"{held} cancelled")
    client.terminate(cancelled)
    with pytest.raises(WrongStatus, match="is cancelled"):
        client.retry(cancelled)


def test_twelve_who_retry_at_once_open_one_generation(desk: Desk, client: Client, held: str) -> None:
    write(desk, held, *FAILED)
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(client.retry, [held] * 12))
    assert sorted(answers) == [False] * 11 + [True]
    assert client.describe(held).generation == 2
    assert seen(client, held) == ["step 0", "attempt 2.0.0", "begun"]


def test_one_retry_after_another_goes_on_from_the_newest_generation(desk: Desk, client: Client, held: str) -> None:
    write(desk, held, *FAILED)
    client.retry(held)
    desk.claim()
    desk.commit(
        Line(held, 2, 6, LONG_AGO, line("step", "1")),
        Line(held, 2, 7, LONG_AGO, line("failed", None, False)),
        moves=(Move(held, Status.FAILED),),
    )
    client.retry(held)
    assert client.describe(held).generation == 3
    assert seen(client, held) == ["step 0", "attempt 2.0.0", "begun", "step 1", "begun"]


# Messages ---------------------------------------------------------------------------------------


def test_signals_that_came_after_the_place_are_unread_again_and_a_cancel_is_forgotten(
    desk: Desk, client: Client, held: str
) -> None:
    for id in ("early", "late", "never read"):
        sent(desk.connection, held, id)
    client.cancel(held)
    write(
        desk,
        held,
        line("step", "0"),
        line("attempt", "1", False),
        line("signal"),
        line("step", "1", False),
        status=None,
    )
    late = [line("signal"), line("cancel", None, None), line("failed", None, False)]
    read = [(held, 1, 5), (held, 2, 7), (held, 4, 8)]
    lines = [Line(held, 1, seq, LONG_AGO, row) for seq, row in enumerate(late, 7)]
    journal.commit(desk.connection, desk.scheduler, Batch(lines, [Move(held, Status.FAILED)], reads=read))
    desk.connection.execute(SENT_THEN, [held])
    client.retry(held)
    assert seen(client, held) == ["step 0", "signal", "begun"]
    messages = "SELECT id, seq FROM dataflows.inbox WHERE execution_id = %s ORDER BY number"
    assert desk.connection.execute(messages, [held]).fetchall() == [("early", 4), ("late", None), ("never read", None)]
    assert sent(desk.connection, held, "late") == (False, True, "suspended"), "its id stays used"
    assert client.cancel(held) is True, "it can be cancelled again"


def test_a_cancel_that_came_before_the_place_stays(desk: Desk, client: Client, held: str) -> None:
    client.cancel(held)
    rows = [line("cancel", None, None), line("step", "1", False), line("failed", None, False)]
    lines = [Line(held, 1, seq, LONG_AGO, row) for seq, row in enumerate(rows, 3)]
    moves = [Move(held, Status.FAILED)]
    journal.commit(desk.connection, desk.scheduler, Batch(lines, moves, reads=[(held, 1, 3)]))
    client.retry(held)
    assert seen(client, held) == ["cancel", "begun"]
    assert client.cancel(held) is False


# Children ---------------------------------------------------------------------------------------


def as_child(desk: Desk, parent: str, position: str) -> str:
    child = started(desk.connection, f"{parent}/{position}")
    desk.connection.execute(
        "UPDATE dataflows.executions SET parent = %s, parent_generation = 1, parent_position = %s WHERE id = %s",
        [parent, position, child],
    )
    return child


def of_children(desk: Desk, parent: str) -> Any:
    query = "SELECT parent_position, parent_generation FROM dataflows.executions WHERE parent = %s ORDER BY id"
    return dict(desk.connection.execute(query, [parent]).fetchall())


def test_children_that_are_still_awaited_tell_the_new_generation(desk: Desk, client: Client, held: str) -> None:
    children = [as_child(desk, held, position) for position in ("0", "1")]
    write(desk, held, line("child-started", "0"), line("child-started", "1"), status=Status.BLOCKED)
    client.terminate(children[0])
    client.retry(held)
    client.terminate(children[1])
    assert of_children(desk, held) == {"0": 2, "1": 2}
    assert [message.position for message in claims.read_inbox(desk.connection, [held])[0]] == ["0", "1"]


def test_a_child_that_failed_or_was_stopped_with_the_failure_is_started_anew_and_its_old_end_counts_no_more(
    desk: Desk, client: Client, held: str
) -> None:
    for position in ("0", "1", "2"):
        client.terminate(as_child(desk, held, position))
    rows = [line("child-started", position) for position in ("0", "1", "2", "3")]
    write(desk, held, *rows, line("child", "0"), line("child", "1", False), line("child", "2", False), status=None)
    read = [(held, number, 6 + number) for number in (1, 2, 3)]
    end = [Line(held, 1, 10, LONG_AGO, line("failed", None, False))]
    journal.commit(desk.connection, desk.scheduler, Batch(end, [Move(held, Status.FAILED)], reads=read))
    client.retry(held, "1")
    assert seen(client, held) == ["child-started 0", "child-started 3", "child 0", "begun"]
    assert of_children(desk, held) == {"0": 2, "1": 1, "2": 1}
    assert claims.read_inbox(desk.connection, [held])[0] == []


def test_a_fork_waits_for_no_child_of_another_and_has_what_the_ended_ones_came_to(
    desk: Desk, client: Client, held: str
) -> None:
    for position in ("0", "1"):
        as_child(desk, held, position)
    rows = [line("child-started", position) for position in ("0", "1", "2")]
    write(desk, held, *rows, line("child", "0"), line("step", "3"), status=None)
    assert seen(client, client.fork(held, "3")) == ["child-started 0", "child-started 2", "child 0", "begun"]


# Forks ------------------------------------------------------------------------------------------


def test_a_fork_is_an_execution_of_its_own_and_the_other_stays_as_it_is(desk: Desk, client: Client, held: str) -> None:
    desk.connection.execute(
        """UPDATE dataflows.executions SET tags = '{"a": "b"}', parent = 'p' WHERE id = %s""", [held]
    )
    sent(desk.connection, held, "m1")
    write(desk, held, line("step", "0"), line("step", "1"), status=None)
    before = (client.describe(held), client.history(held))
    forked = client.fork(held, "1", version=2)
    found = client.describe(forked)
    assert (found.status, found.workflow, found.version, found.tags) == ("suspended", "w", 2, {"a": "b"})
    assert (found.parent, found.generation) == (None, 1)
    assert found.created_at > before[0].created_at
    assert (client.describe(held), client.history(held)) == before
    assert one(desk.connection, "SELECT count(*) FROM dataflows.inbox WHERE execution_id = %s", forked) == 0
    assert forked in [one.execution_id for one in desk.claim(("w", 2))]


def test_what_has_not_begun_can_be_forked_too(desk: Desk, client: Client) -> None:
    id = started(desk.connection, f"pending {next(_numbers)}")
    forked = client.fork(id)
    assert (client.status(forked), [entry.kind for entry in client.history(forked)]) == ("pending", ["started"])


def test_a_fork_under_an_id_happens_once(desk: Desk, client: Client, held: str) -> None:
    write(desk, held, line("step", "0"), line("step", "1"), status=None)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.fork(held, "1", id=f"{held} again"), range(8)))
    assert set(answers) == {f"{held} again"}
    assert seen(client, f"{held} again") == ["step 0", "begun"]
    started(desk.connection, f"{held} other", "another workflow")
    with pytest.raises(IdInUse, match="belongs to an execution of workflow 'another workflow'"):
        client.fork(held, "1", id=f"{held} other")
