"""``BEHAVIOURS.md`` says which test holds what: every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
NAMED = re.compile(r"`(\S+\.py)::(test_\w+)`")
DEFINED = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


def test_every_test_that_is_said_to_hold_a_behaviour_exists() -> None:
    defined = {
        str(path.relative_to(HERE)): set(DEFINED.findall(path.read_text("utf-8"))) for path in HERE.rglob("test_*.py")
    }
    named = set(NAMED.findall((HERE / "BEHAVIOURS.md").read_text("utf-8")))
    missing = [f"{file}::{test}" for file, test in named if test not in defined.get(file, set())]
    assert not missing, "\n".join(missing)
    assert len(named) > 100
