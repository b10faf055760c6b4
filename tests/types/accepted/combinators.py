"""What branches that run beside each other answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, assert_type
from uuid import UUID

from dataflows import Branch, Flow, Task, Winner, cancel, fork, gather, now, race, random, sleep, step, uuid, wait


def fetch(id: int) -> dict[str, str]:
    return {"id": str(id)}


def count(word: str) -> int:
    return len(word)


def helper(word: str) -> Flow[bytes]:
    number = yield from step("count", count, word)
    return word.encode() * number


def gathering() -> Flow[None]:
    item, number, none, raw, moment, key = (
        step("fetch", fetch, 1),
        step("count", count, "a"),
        sleep("nap", 1),
        helper("a"),
        now(),
        uuid(),
    )
    assert_type((yield from gather(item)), tuple[dict[str, str]])
    assert_type((yield from gather(item, number)), tuple[dict[str, str], int])
    assert_type((yield from gather(item, number, none)), tuple[dict[str, str], int, None])
    assert_type((yield from gather(item, number, none, raw)), tuple[dict[str, str], int, None, bytes])
    assert_type((yield from gather(item, number, none, raw, moment)), tuple[dict[str, str], int, None, bytes, datetime])
    assert_type(
        (yield from gather(item, number, none, raw, moment, key, limit=2)),
        tuple[dict[str, str], int, None, bytes, datetime, UUID],
    )


def gathering_any_number(words: list[str]) -> Flow[None]:
    assert_type((yield from gather(*[step("count", count, word) for word in words])), tuple[int, ...])
    assert_type((yield from gather(*(helper(word) for word in words), limit=3)), tuple[bytes, ...])
    branches: list[Branch[int | bytes]] = [step("count", count, "a"), helper("a")]
    assert_type((yield from gather(*branches)), tuple[int | bytes, ...])


def unpacking_what_was_gathered() -> Flow[None]:
    item, number = yield from gather(step("fetch", fetch, 1), step("count", count, "a"))
    assert_type(item, dict[str, str])
    assert_type(number, int)


def racing() -> Flow[None]:
    one = yield from race(first=step("count", count, "a"), second=step("count", count, "b"))
    assert_type(one, Winner[int])
    assert_type(one.name, str)
    assert_type(one.value, int)
    assert_type((yield from race(answer=helper("a"))), Winner[bytes])


def racing_different_types() -> Flow[None]:
    winner = yield from race(answer=wait("answer", str), late=sleep("late", "1h"))
    assert_type(winner, Winner[str | None])
    if winner.name == "answer":
        assert winner.value is not None


def nesting() -> Flow[None]:
    pairs = yield from gather(gather(helper("a"), now()), race(a=step("count", count, "a")))
    assert_type(pairs, tuple[tuple[bytes, datetime], Winner[int]])


def forking() -> Flow[None]:
    task = yield from fork(step("fetch", fetch, 1))
    assert_type(task, Task[dict[str, str]])
    assert_type((yield from task), dict[str, str])
    other = yield from fork(helper("a"))
    assert_type(other, Task[bytes])
    assert_type((yield from gather(task, other, random())), tuple[dict[str, str], bytes, float])
    assert_type((yield from race(task=task)), Winner[dict[str, str]])
    assert_type((yield from cancel(task)), None)


def tasks_of_several_types(tasks: list[Task[Any]]) -> Flow[None]:
    for task in tasks:
        yield from cancel(task)
