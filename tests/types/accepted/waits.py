"""What sleeping, waiting and asking the journal answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_type
from uuid import UUID

from dataflows import Flow, now, random, sleep, sleep_until, uuid, wait


@dataclass
class Approval:
    by: str


def sleeping(when: datetime) -> Flow[None]:
    assert_type((yield from sleep("a day", "24h")), None)
    assert_type((yield from sleep("seconds", 1.5)), None)
    assert_type((yield from sleep("a timedelta", timedelta(minutes=3))), None)
    assert_type((yield from sleep_until("then", when)), None)


def waiting() -> Flow[None]:
    assert_type((yield from wait("approval")), Any)
    assert_type((yield from wait("approval", timeout="7d")), Any)
    assert_type((yield from wait("approval", Approval)), Approval)
    assert_type((yield from wait("approval", Approval, timeout="7d")), Approval)


def waiting_with_a_default() -> Flow[None]:
    assert_type((yield from wait("approval", Approval, timeout="7d", default=None)), Approval | None)
    assert_type((yield from wait("count", int, timeout=60, default="late")), int | str)
    decision = yield from wait("approval", timeout="7d", default=None)
    assert decision is None or decision["anything"]


def asking_the_journal() -> Flow[None]:
    assert_type((yield from now()), datetime)
    assert_type((yield from uuid()), UUID)
    assert_type((yield from random()), float)
