"""The clock of a scheduler's host jumps by an hour: timers and leases go by the database's clock, and by none else.

With libfaketime (Debian's ``faketime``) the whole process sees the jump, whatever language asks for the time. Without
it, what Python's ``time`` answers jumps, and the source is searched for whoever asks for the time otherwise.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

import dataflows
import interpreter
from dataflows import Flow, Retry, sleep, step, wait, workflow
from interpreter import Client, Scheduler
from tests.acceptance.scheduler_process import SchedulerProcess
from tests.acceptance.waiting import wait_until

HOUR = 3600.0
SHORT = timedelta(seconds=1.2)
LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def answer(number: int) -> int:
    return number


def fail_at_first(tries: list[int]) -> int:
    raise ConnectionError("not yet")


@workflow("clock/timers", retry=Retry(attempts=2, first=SHORT, jitter=0))
def timers() -> Flow[int]:
    """A sleep, a deadline and a back-off, each longer than an execution is held for."""
    yield from sleep("rest", SHORT)
    yield from wait("never", timeout=SHORT, default=None)
    try:
        yield from step("fails", fail_at_first, [])
    except ConnectionError:
        pass
    return (yield from step("answer", answer, 42))


def timed(client: Client, id: str) -> dict[str, timedelta]:
    """How much later than it was due each of its timers was, by the database's clock."""
    entries = client.history(id)
    at = {entry.kind if entry.kind != "step" else str(entry.name): entry.at for entry in entries}
    (again,) = (entry.moment for entry in entries if entry.kind == "attempt" and entry.moment is not None)
    return {
        "sleep": at["sleep"] - at["begun"] - SHORT,
        "deadline": at["timeout"] - at["sleep"] - SHORT,
        "back-off": at["fails"] - again,
    }


def assert_on_time(client: Client, ids: list[str]) -> None:
    for id in ids:
        assert client.result(id, "40s") == 42
        for name, late in timed(client, id).items():
            assert timedelta(0) <= late < timedelta(minutes=5), name


def test_timers_and_leases_do_not_notice_that_the_time_in_python_jumps(
    database: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, real_ns, shift = time.time, time.time_ns, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + shift[0])
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + int(shift[0] * 1e9))
    told: list[str] = []

    def note(event: str, details: dict[str, Any]) -> None:
        told.append(event)

    with Scheduler(database, lease="10s", on_event=note) as scheduler, Scheduler(database, lease="10s"):
        ids = list[str]()
        for jump in (HOUR, -HOUR, 0.0):
            ids.append(scheduler.start(timers).id)
            wait_until(lambda: has(client, ids[-1], "begun"), "it sleeps")
            shift[0] = jump
        assert_on_time(client, ids)
    assert not {"lease-lost", "heartbeat-failed", "took-over"} & {*told}


def has(client: Client, id: str, kind: str) -> bool:
    return kind in {entry.kind for entry in client.history(id)}


@pytest.fixture
def jump(tmp_path: Path) -> Iterator[Callable[[str], dict[str, str]]]:
    """Sets the clock of who runs in the environment that it answers."""
    if LIBRARY is None:
        pytest.skip("libfaketime is not installed")
    set_to = tmp_path / "clock"

    def set_clock(offset: str) -> dict[str, str]:
        set_to.write_text(offset)
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(set_to),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    yield set_clock
    set_clock("+0")


def test_timers_and_leases_do_not_notice_that_the_clock_of_their_host_jumps(
    database: str, client: Client, sql: Connection[Any], tmp_path: Path, jump: Callable[[str], dict[str, str]]
) -> None:
    process = SchedulerProcess(database, __name__, tmp_path / "log", environment=jump("+0"))
    try:
        process.wait_until_serving()
        ids = list[str]()
        with Scheduler(database, lease="1s", workflows=[]) as other:
            for offset in ("+1h", "-1h", "+0"):
                ids.append(client.start(timers).id)
                wait_until(lambda: has(client, ids[-1], "begun"), "it sleeps")
                jump(offset)
            assert_on_time(client, ids)
            assert other.list() != []
        assert not process.has_told("lease-lost") and not process.has_told("heartbeat-failed")
        assert sql.execute("SELECT max(deaths) FROM dataflows.executions").fetchone() == (0,)
    finally:
        process.kill()


def test_the_library_does_move_the_clock_of_a_process(jump: Callable[[str], dict[str, str]]) -> None:

    printed = subprocess.run(
        [sys.executable, "-c", "import datetime; print(datetime.datetime.now().astimezone().isoformat())"],
        env=jump("+1h"),
        capture_output=True,
        text=True,
        check=True,
    )
    ahead = datetime.fromisoformat(printed.stdout.strip()) - datetime.now().astimezone()
    assert timedelta(minutes=59) < ahead < timedelta(minutes=61)


# Who asks for the time ----------------------------------------------------------------------------

WALL_CLOCK = {"time", "time_ns", "now", "utcnow", "today", "localtime", "gmtime", "ctime"}
HARMLESS = {
    "interpreter/store/identifiers.py": "a new id begins with the time, so that ids of one hour lie together",
    "interpreter/cli/process.py": "the time of a line in the log",
    "interpreter/cli/options.py": "what a person means by an hour ago",
    "interpreter/service/hooks.py": "how old a signature is that its sender dated",
    "dataflows/connectors/waits.py": "what a service means by a date, if its answer is without one of its own",
    "interpreter/operations/arguments.py": "when a person starts by hand what schedules start",
}


def readers_of_the_wall_clock(package: Path) -> Iterator[str]:
    for file in sorted(package.rglob("*.py")):
        calls = (node.func for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call))
        asked = {ast.unparse(call) for call in calls if isinstance(call, ast.Attribute) and call.attr in WALL_CLOCK}
        if any(each.partition(".")[0] in {"time", "datetime", "date"} for each in asked):
            yield file.relative_to(package.parent).as_posix()


def test_the_wall_clock_is_asked_only_where_a_jump_does_no_harm() -> None:
    packages = [Path(str(package.__file__)).parent for package in (dataflows, interpreter)]
    assert {file for package in packages for file in readers_of_the_wall_clock(package)} == set(HARMLESS)
