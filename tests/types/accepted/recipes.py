"""What the recipes answer."""

from __future__ import annotations

from typing import assert_type

from dataflows import Flow, Outcome, Step, Value, gather, sleep, step, workflow
from dataflows.recipes import Undo, gather_outcomes, poll, repeat, saga, timeout_after


def look(job: int) -> dict[str, bool]:
    return {"done": job > 0}


async def look_async(job: int) -> str:
    return str(job)


def undo_booking(place: str, nights: int) -> None: ...


def helper(word: str) -> Flow[bytes]:
    yield from sleep("pause", 1)
    return word.encode()


def polling() -> Flow[None]:
    one = poll(step("look", look, 1, timeout="5s"), until=lambda seen: seen["done"], every="1m", within="1h")
    assert_type((yield from one), dict[str, bool])
    assert_type((yield from poll(step("look", look_async, 1), until=str.isdigit, every=5)), str)


def timing() -> Flow[None]:
    assert_type((yield from timeout_after("1h", helper("a"))), bytes)
    assert_type((yield from timeout_after(5, step("look", look, 1), name="too late")), dict[str, bool])
    assert_type((yield from timeout_after(5, sleep("pause", 1))), None)


def gathering(words: list[str]) -> Flow[None]:
    outcomes = yield from gather_outcomes(*(helper(word) for word in words), limit=5, tolerate=2)
    assert_type(outcomes, tuple[Outcome[bytes], ...])
    assert_type([outcome.value for outcome in outcomes if isinstance(outcome, Value)], list[bytes])
    both = yield from gather(timeout_after("1h", helper("a")), poll(step("n", len, "a"), until=bool, every=1))
    assert_type(both, tuple[bytes, int])


def booking(undo: Undo, place: str, nights: int = 1) -> Flow[int]:
    back: Step[None] = step("undo", undo_booking, place, nights)
    undo(back)
    return (yield from step("book", len, place)) * nights


def with_compensation() -> Flow[None]:
    assert_type((yield from saga(booking, "Rome", 3)), int)
    assert_type((yield from saga(booking, "Rome")), int)


@workflow("collect")
def collect(account: str, cursor: int) -> Flow[None]:
    assert_type((yield from repeat(collect_news, account, cursor, every="1h", rounds=10)), None)


def collect_news(account: str, cursor: int) -> Flow[tuple[str, int] | None]:
    news = yield from step("fetch", look, cursor)
    return None if news["done"] else (account, cursor + 1)
