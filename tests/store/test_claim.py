"""Claiming: what is due, the oldest first, by nobody twice, and without reading what is not due."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from interpreter.store import claims, connection
from interpreter.store.arrays import IntArray, TextArray
from interpreter.store.queries import QUERIES
from interpreter.store.records import Claimed
from interpreter.store.rows import FORMAT
from tests.databases import opened
from tests.store.desk import Desk, one, started
from tests.waiting import eventually

BORN = """
INSERT INTO dataflows.executions (id, workflow, version, status, due_at, format, created_at)
SELECT 'e' || lpad(n::text, 5, '0'), 'w', 1, 'suspended', now() - make_interval(secs => %(most)s - n), 1, now()
FROM generate_series(1, %(most)s) AS n
"""
"""Executions that are all due, ``e00001`` the longest."""


@pytest.fixture
def desk(new_database: Callable[[], str]) -> Iterator[Desk]:
    with Desk(new_database()) as desk:
        yield desk


def names(claimed: list[Claimed]) -> list[str]:
    return sorted(one.execution_id for one in claimed)


def change(desk: Desk, what: str, *ids: str) -> None:
    desk.connection.execute(f"UPDATE dataflows.executions SET {what} WHERE id = ANY (%s)".encode(), [list(ids)])


# Which ------------------------------------------------------------------------------------------


def test_the_oldest_due_are_claimed_first(desk: Desk) -> None:
    desk.connection.execute(BORN, {"most": 10})
    assert names(desk.claim(most=3)) == ["e00001", "e00002", "e00003"]
    assert names(desk.claim(most=3)) == ["e00004", "e00005", "e00006"]
    assert len(desk.claim()) == 4
    assert desk.claim() == []


def test_the_oldest_are_first_over_all_workflows_and_versions(desk: Desk) -> None:
    for age, (id, workflow, version) in enumerate([("a", "w", 1), ("b", "v", 1), ("c", "w", 2), ("d", "v", 1)]):
        started(desk.connection, id, workflow, version)
        change(desk, f"due_at = now() - interval '{100 - age} s'", id)
    assert names(desk.claim(("w", 1), ("w", 2), ("v", 1), most=2)) == ["a", "b"]


def test_only_workflow_versions_that_are_known_are_claimed(desk: Desk) -> None:
    for workflow, version in (("w", 1), ("w", 2), ("v", 1), ("u", 1)):
        started(desk.connection, f"{workflow}{version}", workflow, version)
    assert names(desk.claim(("w", 2), ("u", 1), ("unheard of", 7))) == ["u1", "w2"]
    assert desk.status("w1") == desk.status("v1") == "pending"


def test_what_is_not_due_paused_held_ended_blocked_or_of_a_later_format_is_left(desk: Desk) -> None:
    for id in ("later", "paused", "future", "blocked", "ended", "waiting", "claimable"):
        started(desk.connection, id, delay=3600 if id == "later" else 0)
    change(desk, "paused = true", "paused")
    change(desk, f"format = {FORMAT + 1}", "future")
    change(desk, "status = 'blocked', due_at = NULL", "blocked")
    change(desk, "status = 'completed', due_at = NULL", "ended")
    change(desk, "status = 'suspended', due_at = NULL", "waiting")
    assert names(desk.claim()) == ["claimable"]
    assert desk.claim() == [], "what is held is not claimed again"


def test_a_due_time_that_no_clock_shows_stops_nobody(desk: Desk) -> None:
    for id in ("never", "always", "claimable"):
        started(desk.connection, id)
    change(desk, "due_at = 'infinity'", "never")
    change(desk, "due_at = '-infinity'", "always")
    assert names(desk.claim()) == ["always", "claimable"]


def test_a_claim_tells_what_its_holder_must_know(desk: Desk) -> None:
    started(desk.connection, "known", "v", 3)
    change(desk, "generation = 4, inbox_seq = 5, deaths = 1", "known")
    created_at = one(desk.connection, "SELECT created_at FROM dataflows.executions")
    assert [one[:8] for one in desk.claim(("v", 3))] == [("known", 4, "v", 3, 5, 1, created_at, False)]
    assert desk.status("known") == "running"
    assert one(desk.connection, "SELECT due_at IS NULL AND scheduler = %s FROM dataflows.executions", desk.scheduler)


@pytest.mark.parametrize("deaths", [0, 2])
def test_a_claim_tells_whether_a_parent_awaits_the_end(desk: Desk, deaths: int) -> None:
    for id, position in (("child", "'0'"), ("goes its own way", "NULL")):
        started(desk.connection, id)
        change(desk, f"parent = 'parent', parent_position = {position}, deaths = {deaths}", id)
    claimed = [*desk.claim(), *desk.claim()]
    assert {one.execution_id: one.is_awaited for one in claimed} == {"child": True, "goes its own way": False}
    assert {one.execution_id: one.is_awaited for one in claims.list_held(desk.connection, desk.scheduler)} == {
        "child": True,
        "goes its own way": False,
    }


# Suspects ---------------------------------------------------------------------------------------


def test_suspects_are_taken_one_at_a_time_beside_all_others(desk: Desk) -> None:
    desk.connection.execute(BORN, {"most": 6})
    change(desk, "deaths = 2", "e00001", "e00003")
    change(desk, "deaths = 3", "e00004")
    assert names(desk.claim()) == ["e00001", "e00002", "e00005", "e00006"]
    assert desk.claim(suspects=False) == []
    assert names(desk.claim()) == ["e00003"]


def test_old_suspects_do_not_keep_the_others_waiting(desk: Desk) -> None:
    desk.connection.execute(BORN, {"most": 6})
    change(desk, "deaths = 2", "e00001", "e00002", "e00003")
    assert names(desk.claim(most=2, suspects=False)) == ["e00004", "e00005"]


# Several at once --------------------------------------------------------------------------------


def test_many_who_claim_at_once_take_everything_and_nothing_twice(desk: Desk) -> None:
    desk.connection.execute(BORN, {"most": 400})
    url = desk.connection.info.dsn

    def claim_until_there_is_nothing(_: int) -> list[str]:
        with Desk(url) as claimer:
            taken: list[str] = []
            while claimed := claimer.claim(most=7):
                taken += names(claimed)
            return taken

    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(claim_until_there_is_nothing, range(4)))
    assert Counter(id for each in taken for id in each) == Counter(f"e{n:05}" for n in range(1, 401))


@pytest.mark.parametrize("is_pooled", [False, True])
def test_a_client_that_stops_in_the_middle_of_a_claim_keeps_nobody_from_taking_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, is_pooled: bool
) -> None:
    monkeypatch.setattr(connection, "_LONGEST_PAUSE", "100ms")
    started(desk.connection, "held")
    started(desk.connection, "about to be")
    with Desk(desk.database) as stopped:
        if is_pooled:
            stopped.connection.prepare_threshold = None
        connection.begin_session(stopped.connection)
        assert names(stopped.claim(most=1)) == ["held"]
        desk.expire(stopped)

        def stop(claimed: Claimed) -> int:
            assert eventually(desk.bury) == [("held", "suspended")]
            return 0

        with pytest.raises(psycopg.Error):
            claims.claim(stopped.connection, stopped.scheduler, [("w", 1)], 1, suspects=True, last_applied=stop)
    assert names(desk.claim()) == ["about to be", "held"]


def test_what_a_lost_connection_is_still_claiming_is_listed_when_that_has_ended(desk: Desk) -> None:
    started(desk.connection, "e")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with opened(desk.database) as lost, opened(desk.database) as look, ThreadPoolExecutor(1) as pool:
        with lost.transaction():
            desk.claim(connection=lost)
            listed = pool.submit(claims.list_held, desk.connection, desk.scheduler)
            eventually(lambda: one(look, waiting) or listed.done())
        assert names(listed.result(20)) == ["e"]


def test_what_another_is_about_to_take_is_passed_over_and_not_waited_for(desk: Desk) -> None:
    desk.connection.execute(BORN, {"most": 4})
    with Desk(desk.connection.info.dsn) as other, other.connection.transaction():
        assert names(other.claim(most=2)) == ["e00001", "e00002"]
        assert names(desk.claim(most=2)) == ["e00003", "e00004"]


# Reading no more than needed --------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowded(new_database: Callable[[], str]) -> Iterator[Connection[Any]]:
    """50,000 executions: some due, most asleep, and some dozen held."""
    with opened(new_database()) as connection:
        connection.execute(BORN, {"most": 50_000})
        connection.execute("UPDATE dataflows.executions SET due_at = now() + interval '1 day' WHERE id > 'e00300'")
        connection.execute(
            "UPDATE dataflows.executions SET due_at = NULL, status = 'running', scheduler = 7 WHERE id > 'e49980'"
        )
        connection.execute("ANALYZE dataflows.executions")
        yield connection


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


QUESTIONS: dict[str, dict[str, Any]] = {
    "pause": {"ids": TextArray(["e00001", "e00002"])},
    "resume": {"ids": TextArray(["e00001", "e00002"])},
    "delete": {"ids": TextArray(["e00001", "e00002"])},
    "find_tree": {"ids": TextArray(["e00001", "e00002"])},
    "terminate": {
        "ids": TextArray(["e00001", "e00002"]),
        "roots": TextArray(["e00001"]),
        "encoding": "json",
        "of_root": b"1",
        "of_child": b"2",
    },
    "cancel": {"ids": TextArray(["e00001", "e00002"]), "message_id": "cancel:cancel"},
    "find_cut": {"ids": TextArray(["e00001", "e00002"]), "position": None},
    "retry": {
        "ids": TextArray(["e00001", "e00002"]),
        "generations": IntArray([1, 1]),
        "positions": TextArray([None, "1"]),
        "cuts": IntArray([3, 3]),
    },
    "fork": {"id": "e00001", "generation": 1, "position": None, "cut": 3, "new_id": "f", "version": None},
    "find_many": {
        "verb": "pause",
        "statuses": TextArray(["running", "suspended"]),
        "workflow": None,
        "tags": None,
        "created_before": datetime(2100, 1, 1, tzinfo=UTC),
        "ended_before": None,
        "after_time": datetime(2000, 1, 1, tzinfo=UTC),
        "after_id": "e00001",
        "most": 200,
    },
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_among_50_000_executions_it_is_found_by_an_index(crowded: Connection[Any], name: str) -> None:
    rows = crowded.execute(b"EXPLAIN (FORMAT JSON) " + QUERIES[name], QUESTIONS[name], prepare=False).fetchall()
    found = rows[0][0] if isinstance(rows[0][0], list) else json.loads(rows[0][0])
    scans = [node for node in nodes(found[0]["Plan"]) if node.get("Relation Name") == "executions"]
    assert scans, "it looks at executions"
    assert not [node for node in scans if node["Node Type"] == "Seq Scan"], found


def test_what_is_set_for_a_session_is_not_set_through_a_pooler_whose_sessions_are_shared(desk: Desk) -> None:
    def settings() -> list[object]:
        names = ("idle_in_transaction_session_timeout", "TimeZone")
        return [row for name in names for row in desk.connection.execute(f"SHOW {name}".encode())]

    before = settings()
    desk.connection.prepare_threshold = None
    connection.begin_session(desk.connection)
    assert settings() == before
    desk.connection.prepare_threshold = 5
    connection.begin_session(desk.connection)
    assert settings() == [("5s",), ("UTC",)] != before
