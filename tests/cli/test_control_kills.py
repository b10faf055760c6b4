from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from interpreter import Client
from tests.cli.conftest import SHOP as MODULE
from tests.cli.running import WorkerProcess
from tests.waiting import eventually

Dataflows = Callable[..., Result]
SHOP = ("--module", MODULE)


def test_what_people_asked_holds_over_kill_9(
    dataflows: Dataflows,
    client: Client,
    start_worker: Callable[..., WorkerProcess],
    tmp_path: Path,
    new_id: Callable[[], str],
) -> None:
    paused, terminated = new_id(), new_id()
    first = start_worker(MODULE, "--lease", "1s")
    for id in (paused, terminated):
        dataflows("start", "linger", "--input", json.dumps([str(tmp_path / id), 60]), "--id", id, *SHOP)
        eventually((tmp_path / id).exists)
    dataflows("pause", paused)
    dataflows("terminate", terminated)
    first.end()
    for id in (paused, terminated):
        (tmp_path / id).unlink()
    start_worker(MODULE, "--lease", "1s")
    eventually(lambda: client.status(paused) == "suspended")
    assert dataflows("start", "add", "--input", "1", "--wait", *SHOP).exit_code == 0
    assert not (tmp_path / paused).exists() and not (tmp_path / terminated).exists()
    assert [entry.kind for entry in client.history(terminated)] == ["started", "begun", "terminated"]
    eventually(lambda: dataflows("delete", terminated).exit_code == 0)
    dataflows("resume", paused)
    eventually((tmp_path / paused).exists)
    assert not (tmp_path / terminated).exists()
