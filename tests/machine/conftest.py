from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.machine.by_hand import ByHand
from tests.machine.examples import EXAMPLES, SEED


def pytest_report_header() -> str:
    return f"laws of the machine: DATAFLOWS_EXAMPLES={EXAMPLES} DATAFLOWS_SEED={SEED}"


@pytest.fixture
def begin() -> Iterator[Callable[..., ByHand]]:
    """Begins a flow by hand; what has not ended with the test is let go as a driver would."""
    begun: list[ByHand] = []

    def begin_one(*args: Any, **kwargs: Any) -> ByHand:
        begun.append(ByHand(*args, **kwargs))
        return begun[-1]

    yield begin_one
    for hand in begun:
        hand.let_go()
