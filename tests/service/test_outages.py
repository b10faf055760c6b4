from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import psycopg
import pytest
from anyio.from_thread import BlockingPortal
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from interpreter import Client
from interpreter.service import create_app, problems
from tests.databases import opened
from tests.service.calling import Api, problem
from tests.service.conftest import QUICK
from tests.service.questions import Page
from tests.waiting import eventually


@contextmanager
def down(database: str) -> Iterator[None]:
    """Nobody can connect to the database, and whoever was connected is not any more."""
    name = conninfo_to_dict(database)["dbname"]
    with opened(make_conninfo(database, dbname="postgres")) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


class Lonely(NamedTuple):
    """An API without a scheduler, on a database of its own; called with patience and without."""

    patient: Api
    hasty: Api
    database: str


@pytest.fixture
def lonely(portal: BlockingPortal, new_database: Callable[[], str]) -> Iterator[Lonely]:
    database = new_database()
    with portal.wrap_async_context_manager(Client(database)) as client:
        patient, hasty = (
            Api(portal, create_app(client, limits=replace(QUICK, database=seconds))) for seconds in (20, 0.1)
        )
        yield Lonely(patient, hasty, database)


def test_while_the_database_is_down_everything_is_503_and_says_when_to_come_again(lonely: Lonely) -> None:
    id = lonely.patient.start("desk/add", 1)
    place = f"/api/executions/{id}"
    with down(lonely.database):
        for path in ("/readyz", "/api/executions", place, f"{place}/history", f"{place}/result", f"{place}/events"):
            refused = lonely.hasty.get(path)
            assert problem(refused) == (503, "unavailable") and refused.headers["retry-after"] == "2"
        for asked in (lonely.hasty.get, lonely.hasty.post):
            told = Page(asked(f"/callbacks/{'0' * 40}", headers={"Accept": "text/html"}))
            assert "Not nowThe database does not answer. Nothing is lost: try again." in told.text
        for path in (f"{place}/cancel", f"{place}/fork", f"{place}/signals/go"):
            assert problem(lonely.hasty.post(path, {})) == (503, "unavailable")
        assert lonely.hasty.get("/healthz").status_code == 200
    eventually(lambda: lonely.patient.get("/readyz").status_code == 200)
    assert lonely.patient.get(place).json()["status"] == "pending"


def test_that_the_database_is_down_is_logged_now_and_then_and_not_with_each_request(
    lonely: Lonely, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problems, "_complaint", problems.Complaint())
    with down(lonely.database):
        for _ in range(20):
            assert problem(lonely.hasty.get("/readyz")) == (503, "unavailable")
    lines = [record for record in caplog.records if "the database does not answer" in record.getMessage()]
    assert 1 <= len(lines) < 20


def test_a_start_that_was_answered_503_is_repeated_under_its_key(lonely: Lonely) -> None:
    key = {"Idempotency-Key": "order 7"}
    with down(lonely.database):
        refused = lonely.hasty.post("/api/workflows/desk%2Fadd/executions", {"args": [1]}, headers=key)
        assert problem(refused) == (503, "unavailable")
    eventually(lambda: lonely.patient.get("/readyz").status_code == 200)
    for _ in range(2):
        started = lonely.patient.post("/api/workflows/desk%2Fadd/executions", {"args": [1]}, headers=key)
        assert started.json()["id"] == "order 7"
    assert len(lonely.patient.get("/api/executions").json()["executions"]) == 1


def test_a_database_that_is_slow_is_waited_for_no_longer_than_its_time(lonely: Lonely) -> None:
    with opened(lonely.database) as connection:
        connection.execute("BEGIN")
        connection.execute("LOCK TABLE dataflows.executions")
        assert problem(lonely.hasty.get("/api/executions")) == (503, "unavailable")
        connection.execute("ROLLBACK")
    eventually(lambda: lonely.patient.get("/api/executions").status_code == 200)


def test_of_an_error_that_nobody_expected_nothing_is_told_but_in_the_log(
    lonely: Lonely, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(lonely.database) as connection:
        connection.execute("ALTER TABLE dataflows.executions RENAME COLUMN tags TO secret_column")
    answered = lonely.patient.get("/api/executions")
    assert problem(answered) == (500, "failed")
    assert "tags" not in answered.text and "secret_column" not in answered.text
    errors = [record.exc_info for record in caplog.records if record.name == "dataflows.service"]
    assert any(isinstance(error[1], psycopg.errors.UndefinedColumn) for error in errors if error)


def test_an_application_that_is_not_open_says_that_it_is_not_ready(portal: BlockingPortal) -> None:
    api = Api(portal, create_app("postgresql://nowhere.invalid/none"))
    assert problem(api.get("/readyz")) == (503, "unavailable")
    assert api.get("/healthz").status_code == 200
