"""Where the checks of workflows are told: where they are served, and not to whoever starts or looks at an execution."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from tests.cli.running import WorkerProcess

Dataflows = Callable[..., Result]
Write = Callable[[str, str], str]

WRONG = """\
@workflow("{name}/wrong")
def wrong():
    time.sleep(0)
    make[0]()
    yield wait("go")

make = [lambda: step("dropped", print)]
"""


def test_who_starts_or_looks_is_told_nothing_of_the_code(dataflows: Dataflows, write: Write, id: str) -> None:
    name = write("linted_quiet", WRONG)
    started = dataflows("start", f"{name}/wrong", "--id", id, "-m", name)
    shown = dataflows("show", id, "-m", name)
    assert (started.exit_code, shown.exit_code) == (0, 0)
    assert started.stderr == shown.stderr == ""


def test_what_is_strict_is_refused_all_the_same(dataflows: Dataflows, write: Write) -> None:
    name = write("linted_refused", WRONG.replace('wrong")', 'wrong", strict=True)'))
    started = dataflows("start", f"{name}/wrong", "-m", name)
    assert started.exit_code == 2
    assert "DF202" in started.stderr


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_who_serves_them_is_told_at_its_start_with_file_and_line(
    start_worker: Callable[..., WorkerProcess], write: Write, tmp_path: Path, command: str
) -> None:
    port = ["--port", "0"] if command == "serve" else []
    worker = start_worker(write(f"linted_{command}", WRONG), *port, command=command, cwd=tmp_path)
    assert worker.log.count("WorkflowWarning") == 1
    assert f"linted_{command}.py:6: WorkflowWarning: DF202 `time.sleep()` sleeps outside the language" in worker.log
