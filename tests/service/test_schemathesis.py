from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.service.conftest import QUICK
from tests.service.schemathesis_run import cases, command, new_question

BRIEFLY = ("--phases", "fuzzing", "--max-examples", "4", "--seed", "1")


def test_whatever_is_sent_is_answered_as_the_document_says(
    on_a_socket: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        on_a_socket(limits=replace(QUICK, wait=0.1)) as address,
        command(address, new_question(address), *BRIEFLY) as (run, folder),
    ):
        done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cases(done.stdout) >= 50
    with capsys.disabled():
        print(f" {cases(done.stdout)} cases ", end="")
