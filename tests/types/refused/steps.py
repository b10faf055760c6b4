"""What is no step: both type checkers say so at the author's line."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from dataflows import Flow, defer, step, transaction


def fetch(id: int) -> dict[str, str]:
    return {"id": str(id)}


async def fetch_async(id: int) -> dict[str, str]:
    return {"id": str(id)}


def compose(left: str, right: int, *, upper: bool) -> str:
    return f"{left}{right}{upper}"


def arguments_of_the_wrong_type() -> Flow[None]:
    yield from step("fetch-item", fetch, "no int")  # refused
    yield from step("fetch-item", fetch_async, "no int")  # refused


def arguments_missing_or_too_many() -> Flow[None]:
    yield from step("fetch-item", fetch)  # refused
    yield from step("fetch-item", fetch, 1, 2)  # refused


def a_keyword_of_the_function() -> Flow[None]:
    yield from step("fetch-item", fetch, id=42)  # refused
    yield from step("compose", compose, "a", 1)  # refused


def the_function_was_called() -> Flow[None]:
    yield from step("fetch-item", fetch(42))  # refused
    yield from step("fetch-item", fetch_async(42))  # refused


def the_name_was_forgotten() -> Flow[None]:
    yield from step(fetch, 42)  # refused


def options_of_the_wrong_type() -> Flow[None]:
    yield from step("fetch-item", fetch, 42, retry=3)  # refused
    yield from step("fetch-item", fetch, 42, timeout=None, on=5)  # refused


def an_answer_taken_for_another_type() -> Flow[int]:
    return (yield from step("fetch-item", fetch, 42))  # refused


def move(connection: Connection[Any], amount: int) -> int:
    return amount


def arguments_of_a_transaction() -> Flow[None]:
    yield from transaction("move", move, "five")  # refused
    yield from transaction("move", move)  # refused
    yield from transaction("move", move, 5, 6)  # refused
    yield from transaction("fetch-item", fetch, 42)  # refused
    yield from transaction("move", move, 5, on="gpu")  # refused


def arguments_of_what_is_deferred() -> Flow[None]:
    yield from defer("fetch-item", fetch, "no int")  # refused
    yield from defer("fetch-item", fetch_async)  # refused
    yield from defer("fetch-item", fetch(42))  # refused


def more_options_of_the_wrong_type() -> Flow[None]:
    yield from step("fetch-item", fetch, 42, once="yes")  # refused
    yield from step("fetch-item", fetch, 42, limit=5)  # refused
    yield from defer("fetch-item", fetch, 42, limit=5)  # refused
    yield from transaction("move", move, 5, retry=3)  # refused
    yield from transaction("move", move, 5, limit=5)  # refused


def an_answer_of_a_transaction_taken_for_another_type() -> Flow[str]:
    return (yield from transaction("move", move, 5))  # refused


def a_step_is_changed_after_it_was_built() -> Flow[None]:
    fetching = step("fetch-item", fetch, 42)
    fetching.name = "fetch-other"  # refused
    yield from fetching
