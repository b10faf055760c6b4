from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from interpreter import Client
from tests.cli.running import WorkerProcess
from tests.cli.shop import add_up, changing, leaver, linger
from tests.waiting import eventually

Dataflows = Callable[..., Result]
StartWorker = Callable[..., WorkerProcess]
SHOP = "tests.cli.shop"


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    """One for each test: a worker takes up whatever another has left."""
    return new_database()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_lets_running_steps_end_and_exits_with_0(
    start_worker: StartWorker, client: Client, id: str, tmp_path: Path, number: signal.Signals
) -> None:
    worker = start_worker(SHOP)
    file = tmp_path / "step-runs"
    client.start(linger, str(file), 0.5, id=id)
    eventually(file.exists)
    worker.send(number)
    assert worker.wait() == 0
    assert [entry.text for entry in client.history(id) if entry.kind == "step"] == ['"lingered"']
    assert "stopping; one more signal ends it at once" in worker.log


def test_the_second_signal_ends_it_at_once_and_the_step_runs_again_elsewhere(
    start_worker: StartWorker, client: Client, id: str, tmp_path: Path
) -> None:
    worker = start_worker(SHOP, "--grace", "1h", "--lease", "1s")
    file = tmp_path / "step-runs"
    client.start(linger, str(file), 60.0, id=id)
    eventually(file.exists)
    worker.send(signal.SIGTERM)
    eventually(lambda: "stopping; " in worker.log)
    file.unlink()
    worker.send(signal.SIGTERM)
    assert worker.wait() == -signal.SIGTERM
    start_worker(SHOP, "--lease", "1s")
    eventually(file.exists)


def test_a_step_that_makes_the_process_exit_is_told_by_exit_code_1_and_waited_for_no_longer(
    start_worker: StartWorker, client: Client, id: str
) -> None:
    worker = start_worker(SHOP, "--grace", "1h")
    client.start(leaver, id=id)
    assert worker.wait() == 1


def test_modules_are_found_in_the_current_directory_too(
    start_worker: StartWorker, client: Client, id: str, tmp_path: Path
) -> None:
    (tmp_path / "corner_shop.py").write_text(
        "from dataflows import sleep, workflow\n"
        "@workflow('corner')\n"
        "def corner():\n"
        "    yield sleep('nothing', 0)\n"
        "    return 'from the corner'\n"
    )
    worker = start_worker("corner_shop", cwd=tmp_path)
    assert "serving corner (version 1)" in worker.log


@pytest.mark.parametrize(
    ("module", "complaint"),
    [
        ("no_such_module", "there is no module 'no_such_module'"),
        ("tests/cli/shop.py", "a module is named with dots: tests.cli.shop"),
        ("raising", "ZeroDivisionError"),
        ("lost", "No module named 'no_such_dependency'"),
    ],
)
def test_a_module_that_is_none_is_wrong_usage(
    dataflows: Dataflows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, complaint: str
) -> None:
    (tmp_path / "raising.py").write_text("1 / 0\n")
    (tmp_path / "lost.py").write_text("import no_such_dependency\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    refused = dataflows("worker", module)
    assert refused.exit_code == 2
    assert complaint in " ".join(refused.stderr.replace("│", "").split())


@pytest.mark.parametrize("options", [("--lease", "0.1"), ("--grace", "soon"), ("--concurrency", "0")])
def test_a_setting_that_cannot_be_is_wrong_usage(dataflows: Dataflows, options: tuple[str, str]) -> None:
    refused = dataflows("worker", SHOP, *options)
    assert refused.exit_code == 2 and "Invalid value" in refused.stderr


def test_modules_without_a_workflow_are_wrong_usage(start_worker: StartWorker) -> None:
    worker = start_worker("json", serving=False)
    assert worker.wait() == 2
    assert "they define no workflow" in worker.log


def test_a_worker_without_a_database_says_so_in_one_line(start_worker: StartWorker) -> None:
    worker = start_worker(SHOP, "--database", "host=/nowhere", serving=False)
    assert worker.wait() == 7
    assert worker.log.startswith("error: cannot connect to the database") and "Traceback" not in worker.log


def test_its_events_are_lines_of_json_on_standard_output_and_its_log_stays_on_standard_error(
    start_worker: StartWorker, client: Client, id: str
) -> None:
    worker = start_worker(SHOP, "--json")
    client.start(add_up, 1, 2, id=id).result(20)
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    lines = worker.output.splitlines()
    lines.remove("the workflow says something itself")
    events = {told["event"]: told for told in map(json.loads, lines)}
    assert list(events["execution-ended"]) == ["at", "event", "details"]
    assert events["execution-ended"]["details"] == {"execution": id, "status": "completed"}
    assert "handed-back" in events


def test_code_that_disagrees_with_the_journal_blocks_and_the_right_code_resumes(
    start_worker: StartWorker, client: Client, dataflows: Dataflows, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = start_worker(SHOP)
    client.start(changing, id=id)
    eventually(lambda: client.status(id) == "suspended")
    right.send(signal.SIGTERM)
    right.wait()
    wrong = start_worker(SHOP, environment={"SHOP_STEP": "after"})
    client.signal(id, "go")
    blocked = dataflows("result", id)
    assert blocked.exit_code == 5
    assert "the journal has:  step 'before'" in blocked.stderr
    shown = dataflows("show", id).stdout
    assert "blocked by" in shown and "the code has:     step 'after'" in shown
    wrong.end()
    start_worker(SHOP)
    assert dataflows("resume", id).stdout == "it goes on\n"
    assert dataflows("result", id).stdout == '"gone"\n'
    assert dataflows("resume", id).exit_code == 3
    monkeypatch.setenv("SHOP_STEP", "after")
    assert "disagree" in dataflows("show", id, "--module", SHOP).stdout
