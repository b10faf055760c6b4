"""What the connectors need, and when."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dataflows.connectors.clickup import ClickUp
from dataflows.connectors.sources import StandardWebhooksSource
from dataflows.errors import PermanentError

READ_A_DELIVERY = """
import json, sys
before = set(sys.modules)
sys.modules["httpx2"] = None
from dataflows.connectors import azure_devops, clickup
from dataflows.connectors import sources
azure_devops.parse(b'{"id": "a", "eventType": "b"}')
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


def test_reading_deliveries_needs_nothing_but_the_standard_library() -> None:
    run = subprocess.run(
        [sys.executable, "-c", READ_A_DELIVERY],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(json.loads(run.stdout)) - set(sys.stdlib_module_names) <= {"dataflows", "httpx2", "typing_extensions"}


def test_calling_without_the_http_client_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(PermanentError, match=r"pip install 'dataflows-engine\[connectors\]'"):
        ClickUp("http://127.0.0.1:1", "hunter2")


def test_a_public_key_without_its_package_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    with pytest.raises(ImportError, match=r"pip install 'dataflows-engine\[ed25519\]'"):
        StandardWebhooksSource("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=")
