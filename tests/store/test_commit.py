"""Group commits: whole or not at all, and never by a scheduler that was taken over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from interpreter.machine import Status
from interpreter.store import claims, connection, journal, leases, patience
from interpreter.store.journal import LeaseLost
from interpreter.store.queries import QUERIES
from interpreter.store.records import Batch, Line, Move, Opening, Start
from interpreter.store.rows import Row
from tests.databases import opened
from tests.store.desk import EMPTY, LONG_AGO, Desk, one, sent, step
from tests.waiting import eventually

NEXT_CENTURY = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    with Desk(database) as desk:
        yield desk


@pytest.fixture
def other(database: str) -> Iterator[Desk]:
    with Desk(database) as desk:
        yield desk


# Whole or not at all ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(lambda: step("spoilt", 3, name="\0"), id="a name with NUL"),
        pytest.param(lambda: step("spoilt", 3, name="\ud800"), id="a name that is no UTF-8"),
        pytest.param(lambda: step("spoilt", 2), id="a number that is taken"),
    ],
)
def test_a_batch_with_a_bad_line_writes_nothing_at_all(desk: Desk, spoilt: Callable[[], Any]) -> None:
    desk.start_held("spoilt")
    desk.start_held(innocent := f"innocent {id(spoilt)}")
    line = spoilt()
    batch = Batch([step(innocent, 3), line], [Move(innocent, Status.SUSPENDED)], [Start("new", "w", 1, None, *EMPTY)])
    with pytest.raises((psycopg.Error, UnicodeEncodeError)):
        journal.commit(desk.connection, desk.scheduler, batch)
    assert desk.seqs(innocent) == [1, 2]
    assert desk.status(innocent) == "running"
    assert one(desk.connection, "SELECT count(*) FROM dataflows.executions WHERE id = 'new'") == 0
    desk.commit(step(innocent, 3))  # the connection is as good as before
    assert desk.seqs(innocent) == [1, 2, 3]
    desk.connection.execute("DELETE FROM dataflows.executions; DELETE FROM dataflows.journal")


REFUSE_LATE = """
CREATE FUNCTION refuse_late() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'refused with the commit' USING ERRCODE = '40001'; END $$;
CREATE CONSTRAINT TRIGGER refuse_late AFTER INSERT ON dataflows.journal DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.name = 'late') EXECUTE FUNCTION refuse_late()
"""


def test_an_error_that_comes_only_with_the_commit_is_told_and_nothing_is_written(
    new_database: Callable[[], str],
) -> None:
    with Desk(new_database()) as desk:
        desk.connection.execute(REFUSE_LATE)
        desk.start_held("patient")
        with pytest.raises(psycopg.errors.SerializationFailure, match="refused with the commit"):
            desk.commit(step("patient", 3, name="late"))
        with pytest.raises(psycopg.errors.SerializationFailure, match="refused with the commit"):
            desk.commit(step("patient", 3, name="late"), moves=(Move("patient", Status.COMPLETED),))
        assert (desk.status("patient"), desk.seqs("patient")) == ("running", [1, 2])
        desk.commit(step("patient", 3), moves=(Move("patient", Status.COMPLETED),))
        assert (desk.status("patient"), desk.seqs("patient")) == ("completed", [1, 2, 3])


def test_a_batch_of_everything_is_written_and_answered(desk: Desk) -> None:
    desk.start_held("a", "b", "c")
    sent(desk.connection, "a", "m1")
    batch = Batch(
        [step("a", 3), step("b", 3), step("a", 4)],
        [Move("b", Status.COMPLETED), Move("c", Status.SUSPENDED, inbox_seq=0)],
        [Start("d", "w", 1, '{"k": "v"}', *EMPTY), Start("a", "w", 1, None, *EMPTY)],
        [("a", 1, 4)],
    )
    committed = journal.commit(desk.connection, desk.scheduler, batch)
    assert committed.moved == {"b", "c"}
    assert committed.started == {"d"}, "the id that was in use is not among the started"
    assert [desk.status(id) for id in "abcd"] == ["running", "completed", "suspended", "running"]
    assert [desk.seqs(id) for id in "abcd"] == [[1, 2, 3, 4], [1, 2, 3], [1, 2], [1, 2]]
    assert claims.read_inbox(desk.connection, ["a"])[0] == [], "the message is journaled"
    assert one(desk.connection, "SELECT ended_at FROM dataflows.executions WHERE id = 'b'") is not None


def test_an_entry_that_is_larger_than_what_goes_out_at_once_is_written_whole(desk: Desk) -> None:
    desk.start_held("large")
    line = step("large", 3)
    desk.commit(line._replace(row=line.row._replace(data=bytes(6_000_000))))
    assert (
        one(desk.connection, "SELECT length(data) FROM dataflows.journal WHERE execution_id = 'large' AND seq = 3")
        == 6_000_000
    )


# Time -------------------------------------------------------------------------------------------


def test_every_entry_carries_the_time_that_the_commit_answers_unless_its_floor_is_later(desk: Desk) -> None:
    desk.start_held("clock")
    committed = desk.commit(step("clock", 3), step("clock", 4, floor=NEXT_CENTURY))
    read = claims.read_journals(desk.connection, [("clock", 1, 2)])["clock"]
    assert [entry.at for entry in read] == [committed.now, NEXT_CENTURY]


def test_what_is_started_beside_other_entries_has_begun_when_the_commit_says_so(desk: Desk) -> None:
    desk.start_held("old")
    committed = desk.commit(step("old", 3), starts=(Start("fresh", "w", 1, None, *EMPTY),))
    read = claims.read_journals(desk.connection, [("fresh", 1, 0)])["fresh"]
    assert {entry.at for entry in read} == {committed.begun_at}


def test_a_later_read_gives_only_what_is_new(desk: Desk) -> None:
    desk.start_held("long")
    desk.commit(*(step("long", seq) for seq in range(3, 10)))
    read = claims.read_journals(desk.connection, [("long", 1, 7), ("nobody", 1, 0), ("old", 2, 0)])
    assert {id: [entry.seq for entry in entries] for id, entries in read.items()} == {"long": [8, 9]}


class StopsBefore:
    """A connection whose client does something else before one of its queries."""

    def __init__(self, connection: Connection[Any], query: str, stop: Callable[[], None]) -> None:
        self._connection = connection
        self._query = QUERIES[query]
        self._stop = stop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, query: bytes, *args: Any, **kwargs: Any) -> Any:
        if query == self._query:
            self._stop()
        return self._connection.execute(query, *args, **kwargs)


def test_a_callback_is_there_when_its_entry_is_and_not_before(desk: Desk, other: Desk) -> None:
    desk.start_held("asking")
    entry = Line("asking", 1, 3, LONG_AGO, Row("callback", "0", "approval", None, None, "json", b'"a url"'))
    batch = Batch([entry], openings=[(entry, Opening(b"digest", "approval", b"{}", timedelta(days=2)))])
    there = "SELECT count(*) FROM dataflows.callbacks WHERE digest = 'digest'"
    with pytest.raises(psycopg.errors.UniqueViolation):
        journal.commit(desk.connection, desk.scheduler, Batch([*batch.lines, entry], openings=batch.openings))
    assert one(desk.connection, there) == 0
    other.expire(desk)
    other.bury()
    with pytest.raises(LeaseLost):
        journal.commit(desk.connection, desk.scheduler, batch)
    assert one(desk.connection, there) == 0
    assert "asking" in [claimed.execution_id for claimed in other.claim()]
    journal.commit(other.connection, other.scheduler, batch)
    lifetime = "SELECT expires_at - opened_at FROM dataflows.callbacks WHERE digest = 'digest'"
    assert one(desk.connection, lifetime) == timedelta(days=2)


# The fence --------------------------------------------------------------------------------------


def test_a_buried_scheduler_writes_nothing_any_more(desk: Desk, other: Desk) -> None:
    desk.start_held("lost")
    other.expire(desk)
    assert ("lost", "suspended") in other.bury()
    for attempt in (
        lambda: desk.commit(step("lost", 3)),
        lambda: desk.commit(moves=(Move("lost", Status.COMPLETED),)),
        lambda: desk.start_held("never"),
        lambda: desk.commit(step("lost", 3), moves=(Move("lost", Status.COMPLETED),)),
        lambda: journal.check_lease(desk.connection, desk.scheduler),
    ):
        with pytest.raises(LeaseLost):
            attempt()
    assert desk.seqs("lost") == [1, 2]
    assert desk.status("lost") == "suspended"
    assert one(desk.connection, "SELECT count(*) FROM dataflows.executions WHERE id = 'never'") == 0
    assert desk.claim() == [], "nor does it claim"
    assert leases.renew(desk.connection, desk.scheduler, timedelta(seconds=1)) is None


def test_a_takeover_leaves_whoever_has_a_commit_in_flight_and_later_sees_what_it_wrote(desk: Desk, other: Desk) -> None:
    desk.start_held("in flight")
    other.expire(desk)
    with desk.connection.transaction():
        desk.commit(step("in flight", 3))
        assert "in flight" not in [id for id, _ in other.bury()]
    assert ("in flight", "suspended") in other.bury()
    assert other.seqs("in flight") == [1, 2, 3]


def test_a_takeover_waits_for_nobodys_lock_and_then_has_done_nothing(database: str, desk: Desk, other: Desk) -> None:
    desk.start_held("locked")
    other.expire(desk)
    with opened(database) as sender, sender.transaction():
        sent(sender, "locked", "m1")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.bury()
    assert desk.status("locked") == "running"
    assert ("locked", "suspended") in other.bury()


def test_a_commit_that_comes_while_a_takeover_is_under_way_waits_and_is_refused(
    database: str, desk: Desk, other: Desk
) -> None:
    desk.start_held("too late")
    other.expire(desk)
    with ThreadPoolExecutor(1) as thread, opened(database) as watcher:
        with other.connection.transaction():
            other.bury()
            commit = thread.submit(desk.commit, step("too late", 3))
            waiting = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
            eventually(lambda: one(watcher, waiting, desk.connection.info.backend_pid))
        with pytest.raises(LeaseLost):
            commit.result()
    assert other.seqs("too late") == [1, 2]


def test_who_stops_in_the_middle_of_a_takeover_keeps_nobody_from_it(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = new_database()
    monkeypatch.setattr(connection, "_LONGEST_PAUSE", "100ms")
    with Desk(database) as dead, Desk(database) as stopped, Desk(database) as heir:
        dead.start_held("left")
        heir.expire(dead)

        def stop() -> None:
            assert eventually(heir.bury) == [("left", "suspended")]

        stopping: Any = StopsBefore(stopped.connection, "release_orphans", stop)
        with pytest.raises(psycopg.Error):
            leases.bury_the_dead(stopping, stopped.scheduler, 5)


def test_a_scheduler_that_renewed_in_time_is_not_buried(desk: Desk, other: Desk) -> None:
    desk.start_held("alive")
    other.expire(desk)
    renewed = leases.renew(desk.connection, desk.scheduler, timedelta(minutes=1))
    assert renewed is not None
    assert "alive" not in [id for id, _ in other.bury()]
    desk.commit(step("alive", 3))


def test_nobody_buries_itself(desk: Desk) -> None:
    desk.start_held("mine")
    desk.expire(desk)
    assert "mine" not in [id for id, _ in desk.bury()]
    assert desk.status("mine") == "running"


# What is left behind ----------------------------------------------------------------------------


def test_what_killed_too_many_schedulers_without_progress_is_blocked_and_says_so(
    new_database: Callable[[], str],
) -> None:
    database = new_database()
    for death in range(1, 4):
        with Desk(database) as victim, Desk(database) as heir:
            if death == 1:
                victim.start_held("poison")
            else:
                victim.claim()
            heir.expire(victim)
            assert ("poison", "suspended" if death < 3 else "blocked") in heir.bury(deadly=3)
    with opened(database) as connection:
        problem = one(connection, "SELECT problem FROM dataflows.executions WHERE id = 'poison'")
    assert "its scheduler died 3 times in a row" in problem


def test_progress_forgives_the_deaths_before(database: str) -> None:
    with Desk(database) as victim, Desk(database) as heir:
        victim.start_held("forgiven")
        heir.expire(victim)
        heir.bury()
        (claimed,) = [one for one in heir.claim() if one.execution_id == "forgiven"]
        assert claimed.deaths == 1
        heir.commit(step("forgiven", 3), moves=(Move("forgiven", Status.SUSPENDED, progress=True),))
        assert one(heir.connection, "SELECT deaths FROM dataflows.executions WHERE id = 'forgiven'") == 0


def test_what_a_stopping_scheduler_hands_back_is_claimable_at_once_and_nobody_died(desk: Desk, other: Desk) -> None:
    desk.start_held("handed back")
    assert leases.hand_back(desk.connection, desk.scheduler) >= 1
    leases.unregister(desk.connection, desk.scheduler)
    (claimed,) = [one for one in other.claim() if one.execution_id == "handed back"]
    assert claimed.deaths == 0


def test_after_a_lost_connection_it_can_be_asked_what_was_written_and_what_is_held(desk: Desk) -> None:
    desk.start_held("asked", "let go")
    committed = desk.commit(step("asked", 3), moves=(Move("let go", Status.SUSPENDED),))
    there = journal.find_committed(desk.connection, [("asked", 1, 3), ("asked", 1, 4)])
    assert there == {("asked", 1, 3): committed.now}
    assert journal.find_held(desk.connection, desk.scheduler, ["asked", "let go", "unknown"]) == {"asked"}
    assert "asked" in [held.execution_id for held in claims.list_held(desk.connection, desk.scheduler)]


def test_an_error_of_a_state_that_nobody_knows_is_told_as_the_database_tells_it(
    new_database: Callable[[], str],
) -> None:
    with Desk(new_database()) as desk:
        desk.start_held("e")
        desk.connection.execute("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RAISE EXCEPTION 'not on a Sunday' USING ERRCODE = 'ZZ001'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON dataflows.journal FOR EACH ROW EXECUTE FUNCTION refuse();
        """)
        with pytest.raises(psycopg.Error, match="not on a Sunday") as caught:
            desk.commit(step("e", 3))
        assert caught.value.sqlstate == "ZZ001"


def test_a_connection_whose_answer_was_not_read_to_its_end_is_of_no_use_to_anybody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.start_held("a")
    monkeypatch.setattr(patience, "_is_readable", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        desk.commit(step("a", 3))
    assert desk.connection.closed
