"""Bringing a database's schema up to date, and refusing what is no place for a journal."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from dataflows.errors import DatabaseUnavailable, DatabaseUnsuitable
from interpreter.database import Database
from interpreter.machine import Status
from interpreter.store import migrate as module
from interpreter.store.connection import connect
from interpreter.store.migrate import NEWEST, migrate, scripts
from tests.databases import Server, opened


def versions(database: str) -> list[Any]:
    with opened(database) as connection:
        return [row[0] for row in connection.execute("SELECT version FROM dataflows.schema_version ORDER BY 1")]


def has_schema(database: str) -> bool:
    with opened(database) as connection:
        row = connection.execute("SELECT to_regnamespace('dataflows') IS NOT NULL").fetchone()
    assert row is not None
    return bool(row[0])


# Migrating --------------------------------------------------------------------------------------


def test_an_empty_database_gets_the_newest_schema_and_a_second_time_changes_nothing(server: Server) -> None:
    database = server.new_database()
    with opened(database) as connection:
        assert migrate(connection) == (0, NEWEST)
        assert migrate(connection) == (NEWEST, NEWEST)
    assert versions(database) == [NEWEST]


@pytest.mark.parametrize("isolation", ["read committed", "serializable"])
def test_eight_that_migrate_at_once_migrate_once(server: Server, isolation: str) -> None:
    database = server.new_database()
    with opened(database) as connection:
        connection.execute(
            f"ALTER DATABASE {connection.info.dbname} SET default_transaction_isolation = '{isolation}'".encode()
        )

    def migrate_it(_: int) -> tuple[int, int]:
        with opened(database) as connection:
            return migrate(connection)

    with ThreadPoolExecutor(8) as threads:
        answers = sorted(threads.map(migrate_it, range(8)))
    assert answers == [(0, NEWEST)] + [(NEWEST, NEWEST)] * 7
    assert versions(database) == [NEWEST]


def test_a_migration_that_fails_leaves_nothing_behind(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    database = server.new_database()
    broken = {version: f"{text};\nSELECT 1 / 0" for version, text in scripts().items()}
    monkeypatch.setattr(module, "scripts", lambda: broken)
    with opened(database) as connection, pytest.raises(Exception, match="division by zero"):
        migrate(connection)
    assert not has_schema(database)


def test_a_schema_that_is_newer_than_the_code_is_refused_and_left_alone(new_database: Callable[[], str]) -> None:
    database = new_database()
    with opened(database) as connection:
        connection.execute("INSERT INTO dataflows.schema_version (version) VALUES (999)")
        with pytest.raises(
            DatabaseUnsuitable, match="schema is version 999, and this code knows up to .*newer release"
        ):
            migrate(connection)
    assert versions(database) == [NEWEST, 999]


# The schema -------------------------------------------------------------------------------------


def test_the_schema_knows_the_very_statuses_that_the_code_knows(database: str) -> None:
    with opened(database) as connection:
        rows = connection.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = 'dataflows.executions'::regclass AND conname = 'executions_status_check'"
        ).fetchall()
    assert set(re.findall(r"'(\w+)'::text", rows[0][0])) == set(Status)


def test_an_execution_is_running_exactly_while_somebody_holds_it(database: str) -> None:
    insert = (
        "INSERT INTO dataflows.executions (id, workflow, version, status, scheduler, format, created_at) "
        "VALUES (%s, 'w', 1, %s, %s, 1, now())"
    )
    with opened(database) as connection:
        for status, scheduler in (("running", None), ("suspended", 1), ("completed", 1)):
            with pytest.raises(Exception, match="check constraint"):
                connection.execute(insert, ["held", status, scheduler])


# Servers that are refused -----------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_is_not_utf8_is_refused(server: Server, encoding: str) -> None:
    database = server.new_database(f"TEMPLATE template0 ENCODING '{encoding}'")
    with pytest.raises(DatabaseUnsuitable, match=f"encoding is {encoding}.*ENCODING 'UTF8'"):
        Database(database)
    assert not has_schema(database)


def test_a_client_encoding_that_somebody_set_does_not_count(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with connect(make_conninfo(server.new_database(), client_encoding="LATIN9"), "test") as connection:
        assert connection.execute("SELECT '€ and 日本'").fetchone() == ("€ and 日本",)


def test_a_database_that_is_read_only_is_refused(new_database: Callable[[], str]) -> None:
    database = new_database()
    with opened(database) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on".encode())
    with pytest.raises(DatabaseUnsuitable, match="read-only.*name the primary"):
        Database(database)


def test_a_role_that_may_not_create_the_schema_is_told_what_it_lacks(server: Server) -> None:
    database = server.new_database()
    with opened(database) as connection:
        connection.execute("CREATE ROLE powerless LOGIN")
    with pytest.raises(DatabaseUnsuitable, match="permission denied.*GRANT"):
        Database(make_conninfo(database, user="powerless"))


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("postgresql://nobody@127.0.0.1:1/nothing", "cannot connect to the database"),
        ("host=/nowhere dbname=nothing", "cannot connect to the database"),
        ("postgresql:/oops", "not a database URL or conninfo"),
        ("no url at all", "not a database URL or conninfo"),
    ],
)
def test_a_wrong_url_is_answered_by_what_is_wrong_with_it(url: str, complaint: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=complaint) as refused:
        Database(url)
    assert str(refused.value).isprintable(), "it is one line"


def test_a_database_that_does_not_exist_is_named(server: Server) -> None:
    missing = make_conninfo(server.new_database(), dbname="missing")
    with pytest.raises(DatabaseUnavailable, match='"missing" does not exist'):
        Database(missing)
