"""Recipes that are used wrongly."""

from __future__ import annotations

from dataflows import Flow, sleep, step
from dataflows.recipes import Undo, gather_outcomes, poll, repeat, saga, timeout_after


def look(job: int) -> str:
    return str(job)


def booking(undo: Undo, place: str) -> Flow[int]:
    undo("refund")  # refused
    return (yield from step("book", len, place))


def a_round(cursor: int) -> Flow[tuple[int] | None]:
    yield from sleep("pause", 1)
    return (cursor + 1,)


def a_round_that_answers_something_else(cursor: int) -> Flow[tuple[str] | None]:
    yield from sleep("pause", 1)
    return (str(cursor),)


def uses() -> Flow[None]:
    yield from poll(sleep("pause", 1), until=bool, every=1)  # refused
    yield from poll(step("look", look, 1), until=lambda seen: seen.done, every=1)  # refused
    yield from timeout_after(step("look", look, 1), "1h")  # refused
    yield from gather_outcomes(look(1))  # refused
    yield from saga(booking, 1)  # refused
    yield from saga(look, "Rome")  # refused
    yield from repeat(a_round, "1", every=1)  # refused
    yield from repeat(a_round_that_answers_something_else, 1, every=1)  # refused
