"""Workflows that deal with each other: children of children, signals, and events by key."""

from __future__ import annotations

import os
import time

from dataflows import Flow, Retry, child, gather, signal, start, step, wait, workflow
from interpreter import Client
from tests.acceptance.ledger import record

__all__ = ["branch", "collector", "leaf", "reporter", "tree"]


def work(number: int) -> int:
    record()
    time.sleep(0.01)
    return number


def emit(key: str) -> int:
    """From within a step, under an id, so that a second run changes nothing."""
    record()
    with Client(os.environ["DATAFLOWS_TEST_LEDGER"]) as client:
        return client.emit("done", key, key=key, id="only")


@workflow("families/leaf", retry=Retry(attempts=100, first=0.05, longest=0.5))
def leaf(number: int) -> Flow[int]:
    first = yield from step("first", work, number)
    yield from step("emit", emit, f"leaf {number}")
    return first


@workflow("families/reporter")
def reporter(collector: str, number: int) -> Flow[None]:
    yield from signal(collector, "item", number)


@workflow("families/branch")
def branch(collector: str, number: int) -> Flow[list[int]]:
    """Two leaves, the events that they emit, and a reporter that goes its own way."""
    numbers = (2 * number, 2 * number + 1)
    leaves = yield from gather(*[child(leaf, each) for each in numbers])
    for each in numbers:
        assert (yield from wait("done", key=f"leaf {each}")) == f"leaf {each}"
    yield from start(reporter, collector, number)
    return list(leaves)


@workflow("families/tree")
def tree(collector: str, branches: int) -> Flow[list[int]]:
    grown = yield from gather(*[child(branch, collector, number) for number in range(branches)])
    return [leaf for leaves in grown for leaf in leaves]


@workflow("families/collector")
def collector(number: int) -> Flow[list[int]]:
    items = []
    for _ in range(number):
        items.append((yield from wait("item", int)))
    return sorted(items)
