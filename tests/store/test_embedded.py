"""The embedded PostgreSQL, as the processes that share it see it: starting, sharing, dying, stopping.

Each fact is tried by processes of their own (embedded_visitor.py), and where it may matter by as many kinds of
user as we can be: root tries it as root and as an ordinary user, anyone else as himself.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from dataflows.errors import DatabaseUnavailable
from interpreter.embedded import EmbeddedPostgres
from interpreter.embedded.account import Account
from tests.store.embedded_visits import WE, Visits, is_running, kill_server, postmaster_pid

pytest_plugins = ["tests.store.embedded_fixtures"]

as_ourselves = pytest.mark.parametrize("person", [WE], ids=lambda person: person.name, indirect=True)


def test_what_was_written_is_there_at_the_next_start(person: Account, visit: Visits, home: Path) -> None:
    first, second = visit(person, home), visit(person, home)
    first.ask("start")
    first.query("CREATE TABLE kept AS SELECT 42 AS answer")
    first.leave()
    assert not is_running(home)
    second.ask("start")
    assert second.query("SELECT answer FROM kept") == [42]


def test_the_server_is_durable_private_roomy_and_not_roots(person: Account, visit: Visits, home: Path) -> None:
    visitor = visit(person, home)
    visitor.ask("start")
    expected = {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "server_encoding": "UTF8",
    }
    assert {name: visitor.query(f"SHOW {name}")[0] for name in expected} == expected
    assert visitor.query("SELECT datcollate FROM pg_database WHERE datname = 'postgres'") == ["C"]
    user = subprocess.run(["ps", "-o", "uid=", "-p", str(postmaster_pid(home))], stdout=subprocess.PIPE, check=True)
    assert int(user.stdout) == (home / "data").stat().st_uid != 0


@as_ourselves
def test_variables_of_libpq_change_nothing(person: Account, visit: Visits, home: Path) -> None:
    wrong = {"PGHOST": "/nowhere", "PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGUSER": "x", "PGDATA": "/nowhere"}
    confused, plain = visit(person, home, **wrong), visit(person, home)
    assert confused.start() == plain.start()


def test_all_who_begin_at_once_share_one_server_and_the_last_stops_it(
    person: Account, visit: Visits, folder: Path
) -> None:
    home = folder / "new" / "home"
    visitors = [visit(person, home) for _ in range(4)]
    for visitor in visitors:
        visitor.tell("start")
    assert len({visitor.answer() for visitor in visitors}) == 1
    assert len({visitor.start() for visitor in visitors}) == 1
    for visitor in visitors:
        assert is_running(home)
        visitor.leave()
    assert not is_running(home)


def test_a_killed_user_leaves_the_server_to_the_next_who_stops_it(person: Account, visit: Visits, home: Path) -> None:
    killed, heir = visit(person, home), visit(person, home)
    begun = killed.start()
    killed.kill()
    assert heir.start() == begun
    heir.leave()
    assert not is_running(home)


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(person: Account, visit: Visits, home: Path) -> None:
    interrupted, other = visit(person, home), visit(person, home)
    begun = interrupted.start()
    assert os.getsid(postmaster_pid(home)) != interrupted.session
    interrupted.interrupt()
    assert other.start() == begun


def test_a_forked_child_keeps_no_server_alive(person: Account, visit: Visits, home: Path) -> None:
    parent, last = visit(person, home), visit(person, home)
    parent.ask("start")
    child = parent.ask("fork")
    last.ask("start")
    parent.kill()
    last.leave()
    os.kill(child, 0)  # it is still there, and has no part in it
    assert not is_running(home)


@as_ourselves
def test_a_forked_child_that_closes_takes_nothing_from_its_parent(person: Account, visit: Visits, home: Path) -> None:
    parent, other = visit(person, home), visit(person, home)
    parent.ask("start")
    parent.ask("fork_and_close")
    other.ask("start")
    other.leave()
    assert parent.query("SELECT 1") == [1]


@as_ourselves
def test_a_server_left_running_is_found_by_the_next(person: Account, visit: Visits, home: Path) -> None:
    first, second = visit(person, home), visit(person, home)
    begun = first.start()
    first.ask("close", False)
    assert second.start() == begun


def test_a_killed_server_is_started_again_by_who_uses_it_and_has_lost_nothing(
    person: Account, visit: Visits, home: Path
) -> None:
    visitor = visit(person, home)
    begun = visitor.start()
    visitor.query("CREATE TABLE survivor AS SELECT 42 AS answer")
    kill_server(home)
    assert visitor.start() != begun
    assert visitor.query("SELECT answer FROM survivor") == [42]
    visitor.leave()
    assert not is_running(home)


@as_ourselves
def test_a_start_waits_for_the_sessions_of_a_killed_server_to_end(person: Account, visit: Visits, home: Path) -> None:
    busy, next_one = visit(person, home), visit(person, home)
    busy.ask("start")
    next_one.ask("start")
    busy.tell("query", "DO $$ BEGIN WHILE clock_timestamp() < now() + interval '1 s' LOOP END LOOP; END $$")
    while next_one.query("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO%'") != [1]:
        pass
    kill_server(home)
    next_one.ask("start")
    assert next_one.query("SELECT 1") == [1]
    assert "still in use" in (home / "data" / "server.log").read_text()


@as_ourselves
def test_a_start_whose_caller_is_killed_serves_the_next(person: Account, visit: Visits, home: Path) -> None:
    killed, next_one = visit(person, home), visit(person, home)
    killed.tell("start")
    while not (home / "data" / "postmaster.pid").exists():
        pass
    killed.kill()
    next_one.ask("start")
    assert next_one.query("SELECT 1") == [1]
    next_one.leave()
    assert not is_running(home)


def test_a_stale_pid_file_of_another_program_is_not_taken_for_a_server(
    person: Account, visit: Visits, home: Path
) -> None:
    visitor = visit(person, home)
    visitor.ask("start")
    kill_server(home)
    with program_of_the_server_user(home) as program:
        for leftover in (home / "data" / "postmaster.pid", home / "data" / ".s.PGSQL.5432.lock"):
            replace_pid(leftover, program.pid)
        visitor.ask("start")
        assert visitor.query("SELECT 1") == [1]


@as_ourselves
def test_a_server_that_answers_from_another_container_is_shared_and_no_program_here_is_stopped_for_it(
    person: Account, visit: Visits, home: Path
) -> None:
    inside, outside = visit(person, home), visit(person, home)
    begun = inside.start()
    inside.ask("close", False)
    server = postmaster_pid(home)
    with program_of_the_server_user(home) as program:
        replace_pid(home / "data" / "postmaster.pid", program.pid)  # what that number is, seen from here
        assert outside.start() == begun
        outside.leave()
        assert program.poll() is None
    replace_pid(home / "data" / "postmaster.pid", server)
    assert is_running(home)


@as_ourselves
def test_two_objects_of_one_process_count_as_two(person: Account, home: Path) -> None:
    first, second = EmbeddedPostgres(home), EmbeddedPostgres(home)
    assert first.start() == second.start()
    first.close()
    assert is_running(home)
    second.close()
    assert not is_running(home)


@as_ourselves
def test_starting_and_closing_again_changes_nothing(person: Account, home: Path) -> None:
    server = EmbeddedPostgres(home)
    assert server.start() == server.start()
    server.close()
    assert not is_running(home)
    server.close()
    assert not is_running(home)


@as_ourselves
def test_it_is_reached_by_conninfo_and_by_url_while_it_is_used(person: Account, home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        for address in (server.conninfo, server.url):
            with psycopg.connect(address) as connection:
                assert connection.execute("SHOW data_directory").fetchone() == (str(home / "data"),)
    for closed in ("conninfo", "url"):
        with pytest.raises(DatabaseUnavailable, match=r"call start\(\) first"):
            getattr(server, closed)


@contextmanager
def program_of_the_server_user(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Any program; as the server's user, for PostgreSQL minds no program of others."""
    user = (home / "data").stat().st_uid
    with subprocess.Popen(["sleep", "60"], user=None if user == os.geteuid() else user) as program:
        yield program
        program.kill()


def replace_pid(pid_file: Path, pid: int) -> None:
    _, *lines = pid_file.read_text().split("\n")
    pid_file.write_text("\n".join([str(pid), *lines]))
