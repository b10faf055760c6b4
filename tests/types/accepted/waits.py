"""What sleeping, waiting and asking the journal answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_type
from uuid import UUID

from dataflows import Answer, Flow, callback, now, random, sleep, sleep_until, step, uuid, wait


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


def send(recipient: str, url: str) -> None: ...


def asking_outside(sizes: list[str]) -> Flow[str]:
    url = yield from callback("approval")
    assert_type(url, str)
    assert_type((yield from callback("size", title="Which?", text="…", choices=sizes, valid_for="7d")), str)
    yield from step("ask", send, "Ada", url)
    answer = yield from wait("approval", Answer, timeout="7d", default=None)
    assert_type(answer, Answer | None)
    return answer.choice if answer is not None else "nobody"


def waiting_with_a_default() -> Flow[None]:
    assert_type((yield from wait("approval", Approval, timeout="7d", default=None)), Approval | None)
    assert_type((yield from wait("count", int, timeout=60, default="late")), int | str)
    decision = yield from wait("approval", timeout="7d", default=None)
    assert decision is None or decision["anything"]


def asking_the_journal() -> Flow[None]:
    assert_type((yield from now()), datetime)
    assert_type((yield from uuid()), UUID)
    assert_type((yield from random()), float)
