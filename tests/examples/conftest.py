from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def story(database: str) -> Callable[[str], str]:
    """Runs an example as its reader does, ``python -m examples.…``, and gives what it prints."""

    def run(example: str) -> str:
        environment = os.environ | {"DATAFLOWS_DATABASE_URL": database, "PYTHONWARNINGS": "error"}
        command = [sys.executable, "-m", f"examples.{example}"]
        ended = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return run
