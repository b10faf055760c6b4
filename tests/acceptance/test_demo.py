"""``python -m examples.demo``, as ``make demo`` runs it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no embedded PostgreSQL on Windows")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the demo makes its temporary folders: short, since a socket's path is, and open to the server's user."""
    made = Path(tempfile.mkdtemp(prefix="df-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo, at the head of a process group of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DATAFLOWS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.demo"],
        cwd=ROOT,
        env=environment | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        yield process
        process.kill()


def nothing_is_left(demo: subprocess.Popen[str], folder: Path) -> bool:
    """No process of the demo's group, no server that was told of the folder, nothing in the folder."""
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.pid, 0)
    running = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout
    return str(folder) not in running and not list(folder.iterdir())


def test_after_a_kill_in_mid_step_there_is_exactly_one_task_and_nothing_else_is_left(
    demo: subprocess.Popen[str], folder: Path
) -> None:
    told, _ = demo.communicate()
    assert demo.returncode == 0, told
    assert "got SIGKILL" in told
    assert "took-over executions=1" in told
    assert re.search(r"try 1 +202, accepted\n( +try \d +no answer\n)+ +try \d +202, duplicate\n", told), told
    assert re.search(r"executions +1, started by \d tries to deliver one bug\n", told), told
    assert "2 to look for the bug's task, 1 to create it" in told
    assert "exactly one task" in told
    assert nothing_is_left(demo, folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing_behind_and_says_so(
    demo: subprocess.Popen[str], folder: Path, number: signal.Signals
) -> None:
    assert demo.stdout is not None
    next(line for line in demo.stdout if "server 1" in line)
    demo.send_signal(number)
    told, _ = demo.communicate()
    assert demo.returncode == 130, told
    assert told.endswith("stopped; nothing is left behind\n")
    assert nothing_is_left(demo, folder)
