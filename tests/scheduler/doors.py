"""The four ways to the verbs, used alike: a scheduler or a client, in plain code or in asyncio's."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from interpreter import Client, Scheduler

__all__ = ["DOORS", "Door", "opened_door"]

DOORS = ["scheduler", "client", "async scheduler", "async client"]


class Door:
    """Calls verbs, and waits for those that are to be awaited.

    :ivar verbs: a ``Scheduler``, ``Client``, ``AsyncScheduler`` or ``AsyncClient``.
    """

    def __init__(self, verbs: Any, answer: Callable[[Any], Any]) -> None:
        self.verbs = verbs
        self._answer = answer

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        return self.call(self.verbs, verb)

    def call(self, owner: Any, verb: str) -> Callable[..., Any]:
        """A method of the verbs, or of a handle that one of them answered."""
        return lambda *args, **kwargs: self._answer(getattr(owner, verb)(*args, **kwargs))


@contextmanager
def opened_door(kind: str, database: str) -> Iterator[Door]:
    """A door of one of the ``DOORS``; an event loop runs exactly while an asynchronous verb is awaited."""
    opened: Any = Client(database) if kind.endswith("client") else Scheduler(database)
    if not kind.startswith("async"):
        with opened as verbs:
            yield Door(verbs, lambda answer: answer)
        return
    with asyncio.Runner() as runner:
        verbs = runner.run(opened.__aenter__())
        try:
            yield Door(verbs, lambda answer: runner.run(answer) if inspect.isawaitable(answer) else answer)
        finally:
            runner.run(opened.__aexit__(None, None, None))
