"""What is sent to other processes: functions of a module, and those that only copies can carry."""

from __future__ import annotations

import os
import threading
import xml.dom.minidom
from collections.abc import Callable, Iterator
from typing import Any

LOCK = threading.Lock()
FACTOR = 10

nameless = lambda number: number * FACTOR  # noqa: E731


def guarded(number: int) -> int:
    with LOCK:
        return number + FACTOR


def is_even(number: int) -> bool:
    return number == 0 or is_odd(number - 1)


def is_odd(number: int) -> bool:
    return number != 0 and is_even(number - 1)


async def fetch(number: int, *, times: int = 1) -> int:
    return number * times


def in_process(number: int) -> tuple[int, int]:
    return number, os.getpid()


def fail(code: int) -> None:
    raise ValueError(code)


def interrupt(kind: type[BaseException]) -> None:
    raise kind


def count() -> Iterator[int]:
    yield 1


def with_closure(text: str) -> Callable[..., Any]:
    return lambda number, mark="!": f"{text}{number}{mark}"


def with_lock() -> Callable[..., Any]:
    lock = threading.Lock()
    return lambda: (lock.locked(),)


def using_a_guarded_global() -> Callable[..., Any]:
    return lambda number: [guarded(number)]


def using_functions_that_call_each_other() -> Callable[..., Any]:
    return lambda number: [is_even(number)]


def using_a_submodule() -> Callable[..., Any]:
    return lambda text: xml.dom.minidom.parseString(text).documentElement.tagName


def using_a_nameless_function() -> Callable[..., Any]:
    return lambda numbers: [nameless(number) for number in numbers]


def recursive() -> Callable[..., Any]:
    def factorial(number: int) -> int:
        return 1 if number == 0 else number * factorial(number - 1)

    return factorial


def sharing() -> Callable[..., Any]:
    total = 0

    def add(number: int) -> None:
        nonlocal total
        total += number

    def run(numbers: list[int]) -> int:
        for number in numbers:
            add(number)
        return total

    return run


def unset() -> Callable[..., Any]:
    def run() -> str:
        return "late" if late else "never"  # type: ignore[has-type]

    if not LOCK:
        late = True
    return run


def attributed() -> Callable[..., Any]:
    def run(number: int = 3, *, factor: int = 2) -> Any:
        """Documented."""
        return number * factor, run.__doc__, run.label, run.__qualname__  # type: ignore[attr-defined]

    run.label = "labelled"  # type: ignore[attr-defined]
    return run


def asynchronous() -> Callable[..., Any]:
    async def run(number: int) -> int:
        return await fetch(number, times=3)

    return run
