"""A transaction's time that runs out just while it commits, which fails: the time still counts when it is repeated."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection, errors

from dataflows import Flow, Retry, StepTimeout, transaction, workflow
from interpreter import Scheduler
from interpreter.store import journal

CALLS: list[int] = []
LET_GO = threading.Event()


def act(connection: Connection[Any]) -> str:
    CALLS.append(1)
    if len(CALLS) > 1:
        LET_GO.wait(30)  # a lock that somebody keeps, say
    return "done"


@workflow("late commits/limited")
def limited() -> Flow[str]:
    try:
        return (yield from transaction("act", act, timeout=1, retry=Retry(attempts=1)))
    except StepTimeout:
        return "timed out"


def test_a_time_limit_that_is_over_while_a_commit_fails_still_counts(
    new_scheduler: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_along = journal.commit_along

    def commit_or_conflict(connection: Connection[Any], *arguments: Any) -> Any:
        if len(CALLS) > 1:
            return commit_along(connection, *arguments)  # type: ignore[arg-type]
        assert fired.wait(20)
        connection.rollback()
        raise errors.SerializationFailure("could not serialize access")

    fired = threading.Event()
    monkeypatch.setattr(journal, "commit_along", commit_or_conflict)
    with new_scheduler() as scheduler:
        attempts = scheduler._host._dispatcher.attempts  # type: ignore[union-attr]
        give_up = attempts._performer.give_up

        def note(attempt: Any) -> bool:
            answer: bool = give_up(attempt)
            fired.set()
            return answer

        monkeypatch.setattr(attempts._performer, "give_up", note)
        handle = scheduler.start(limited)
        try:
            assert handle.result(20) == "timed out"
        finally:
            LET_GO.set()
