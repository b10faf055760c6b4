"""What the connectors need, and when."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from dataflows import connectors
from dataflows.connectors import azure_devops, clickup, sources
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


@pytest.mark.parametrize("module", [azure_devops, clickup])
def test_who_calls_a_service_has_its_triggers_and_its_source_from_the_same_module(module: ModuleType) -> None:
    of_deliveries = importlib.import_module(f"dataflows.connectors.sources.{module.__name__.rpartition('.')[2]}")
    assert set(of_deliveries.__all__) <= set(module.__all__)
    assert all(getattr(module, name) is getattr(of_deliveries, name) for name in of_deliveries.__all__)


def test_what_is_offered_beside_the_modules_hides_none_of_them() -> None:
    modules = {path.stem for path in Path(connectors.__file__ or "").parent.glob("*.py")}
    assert set(connectors.__all__).isdisjoint(modules), "that module is to offer its triggers itself"
    for name in connectors.__all__:
        assert getattr(connectors, name) is getattr(sources, name)


def test_calling_without_the_http_client_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(PermanentError, match=r"pip install 'dataflows-engine\[connectors\]'"):
        ClickUp("http://127.0.0.1:1", "hunter2")


def test_a_public_key_without_its_package_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    with pytest.raises(ImportError, match=r"pip install 'dataflows-engine\[ed25519\]'"):
        StandardWebhooksSource("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=")
