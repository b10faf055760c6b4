"""The threads of steps: few for what is short, one for each that blocks, and never none for what waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from interpreter.machine import RunStep
from interpreter.scheduler.held import LiveAttempt
from interpreter.scheduler.step_threads import StepThreads
from tests.waiting import eventually


class Stage:
    """Where attempts are performed, as the test says."""

    def __init__(self, most: int, perform: Callable[[], bool]) -> None:
        self.performed = 0
        self.by: set[int] = set()
        self._perform = perform
        self._lock = threading.Lock()
        self.threads = StepThreads(most, self._note)

    def submit(self, number: int) -> None:
        held: Any = None
        action: Any = RunStep
        for _ in range(number):
            self.threads.submit(LiveAttempt(held, action))

    def _note(self, attempt: LiveAttempt) -> bool:
        with self._lock:
            self.performed += 1
            self.by.add(threading.get_ident())
        return self._perform()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def test_as_many_attempts_as_threads_are_allowed_are_under_way_though_none_of_them_ends(gate: threading.Event) -> None:
    stage = Stage(5, gate.wait)
    stage.submit(8)
    eventually(lambda: stage.performed == 5)
    gate.set()
    eventually(lambda: stage.performed == 8)
    assert len(stage.by) == 5
    stage.threads.close()


def test_attempts_that_are_over_at_once_are_done_by_fewer_threads_than_are_allowed() -> None:
    stage = Stage(500, lambda: True)
    stage.submit(500)
    eventually(lambda: stage.performed == 500)
    assert len(stage.by) < 250
    stage.threads.close()


def test_one_that_does_not_come_back_is_replaced(gate: threading.Event) -> None:
    stage = Stage(1, lambda: gate.wait() and False)
    stage.submit(1)
    eventually(lambda: stage.performed == 1)
    stage.threads.leave_behind()
    stage.submit(1)
    eventually(lambda: stage.performed == 2)
    assert len(stage.by) == 2


def test_where_the_system_gives_no_more_threads_those_that_there_are_do_it_all(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    stage = Stage(5, gate.wait)
    stage.submit(1)
    eventually(lambda: stage.performed == 1)
    with monkeypatch.context() as poor:
        poor.setattr(threading.Thread, "start", refuse)
        stage.submit(3)
        with pytest.raises(RuntimeError, match="can't start"):
            Stage(5, gate.wait).submit(1)
    gate.set()
    eventually(lambda: stage.performed == 4)
    assert len(stage.by) == 1
    stage.threads.close()


def test_a_thread_that_is_free_does_what_it_is_given_before_it_looks_elsewhere() -> None:
    order: list[str] = []
    threads: StepThreads

    def perform(attempt: LiveAttempt) -> bool:
        order.append(threading.current_thread().name + str(threading.get_ident()))
        if len(order) < 10:
            with threads.free:
                held: Any = None
                action: Any = RunStep
                threads.submit(LiveAttempt(held, action))
        return True

    threads = StepThreads(5, perform)
    held: Any = None
    action: Any = RunStep
    threads.submit(LiveAttempt(held, action))
    eventually(lambda: len(order) == 10)
    assert len(set(order)) == 1
    threads.close()
