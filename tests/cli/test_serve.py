from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import Result

from interpreter import Client
from tests.cli.running import ROOT, WorkerProcess
from tests.cli.shop import linger
from tests.waiting import eventually

Dataflows = Callable[..., Result]
StartWorker = Callable[..., WorkerProcess]
SHOP = "tests.cli.shop"

SECRET, READER = "s3cret-of-the-api", "s3cret-of-a-reader"
SECRETS = {"DATAFLOWS_API_TOKENS": f"{SECRET} another-s3cret-of-the-api", "DATAFLOWS_API_READ_TOKENS": READER}


def fetch(method: str, address: str, **details: Any) -> httpx2.Response:
    return httpx2.request(method, address, timeout=20, **details)


def bearing(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_workflows_are_started_over_http_and_run_in_the_same_process(
    start_worker: StartWorker, client: Client, id: str, tmp_path: Path
) -> None:
    served = start_worker(SHOP, "--port", "0", command="serve")
    assert served.address.startswith("http://127.0.0.1:")
    place = f"{served.address}/api/executions/{id}"
    file = tmp_path / "step-runs"
    with httpx2.Client(headers={"Idempotency-Key": id}, timeout=20) as http:
        for name, args in (("add", [1, 2]), ("add", [3, 4])):
            assert http.post(f"{served.address}/api/workflows/{name}/executions", json={"args": args}).is_success
        assert http.get(f"{place}/result?wait=20").json()["result"] == 3
    client.start(linger, str(file), 0.5, id=f"{id}-linger")
    eventually(file.exists)
    served.send(signal.SIGTERM)
    assert served.wait() == 0
    assert client.status(f"{id}-linger") == "completed"
    assert "stopping; one more signal ends it at once" in served.log and "Traceback" not in served.log


def test_with_tokens_it_is_reached_from_other_machines_and_no_secret_comes_into_the_log(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    file = tmp_path / "tokens"
    file.write_text("\nread-only s3cret-from-the-file\n")
    words = (SHOP, "--host", "0.0.0.0", "--port", "0", "--token-file", str(file), "--verbose")
    served = start_worker(*words, command="serve", environment=SECRETS)
    place = served.address.replace("0.0.0.0", "127.0.0.1")
    listing, starting = f"{place}/api/executions", f"{place}/api/workflows/approve/executions"
    assert fetch("GET", listing).status_code == 401
    for secret in (SECRET, "another-s3cret-of-the-api", READER, "s3cret-from-the-file"):
        assert fetch("GET", listing, headers={"Host": "flows.example", **bearing(secret)}).status_code == 200
    assert fetch("POST", starting, headers=bearing(READER)).status_code == 403
    assert fetch("POST", starting, headers=bearing("s3cret-from-the-file")).status_code == 403
    assert fetch("POST", starting, headers=bearing(SECRET)).status_code == 202
    served.send(signal.SIGINT)
    assert served.wait() == 0
    assert "s3cret" not in served.log


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "flows.example"])
def test_without_a_token_it_does_not_listen_where_others_reach_it_and_says_what_to_do(
    dataflows: Dataflows, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFLOWS_API_TOKENS", " ")
    for option in ("--host", "--allow-host"):
        refused = dataflows("serve", SHOP, option, host)
        assert refused.exit_code == 2 and option in refused.stderr
        words = " ".join(refused.stderr.replace("│", "").split())
        assert "there is no token: set DATAFLOWS_API_TOKENS" in words and "token_urlsafe(32)" in words


@pytest.mark.parametrize("name", ["DATAFLOWS_API_TOKENS", "DATAFLOWS_API_READ_TOKENS"])
def test_a_secret_that_is_too_short_is_refused_without_being_shown(
    dataflows: Dataflows, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "hunter2")
    refused = dataflows("serve", SHOP)
    assert refused.exit_code == 2 and name in refused.stderr
    assert "hunter2" not in refused.output


@pytest.mark.parametrize("content", [None, "hunter2", "read-only hunter2", "two words-that-are-long-enough"])
def test_a_file_of_tokens_that_cannot_be_is_refused(dataflows: Dataflows, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "tokens"
    if content is not None:
        file.write_text(content)
    refused = dataflows("serve", SHOP, "--token-file", str(file))
    assert refused.exit_code == 2 and "--token-file" in refused.stderr and "hunter2" not in refused.output


def test_a_port_that_is_taken_is_told_before_anything_runs(dataflows: Dataflows) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = dataflows("serve", SHOP, "--port", str(taken.getsockname()[1]))
    assert refused.exit_code == 2 and "cannot be had" in refused.stderr


def test_without_the_packages_of_the_service_it_says_how_to_install_them() -> None:
    code = "import sys; sys.modules['uvicorn'] = None; from interpreter.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", SHOP], cwd=ROOT, capture_output=True, text=True, check=False
    )
    words = " ".join(done.stderr.replace("│", "").split())
    assert (
        done.returncode == 2 and "uvicorn is not installed: python -m pip install 'dataflows-engine[service]'" in words
    )


def test_the_other_commands_need_no_packages_of_the_service() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['starlette', 'uvicorn'])); "
        "from interpreter.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code, "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "serve" in done.stdout
