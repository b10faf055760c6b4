"""The threads of steps: few for what is short, one for each that blocks, and never none for what waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from interpreter.scheduler.held import LiveAttempt
from interpreter.scheduler.step_threads import StepThreads
from tests.waiting import eventually


def an_attempt() -> LiveAttempt:
    """Of no execution: the threads hand it on, and do not look into it."""
    held: Any = None
    action: Any = None
    return LiveAttempt(held, action)


class Workshop:
    """Where attempts are performed, as the test says."""

    def __init__(self, most: int, perform: Callable[[], bool]) -> None:
        self.performed = 0
        self.by: set[int] = set()
        self._perform = perform
        self._lock = threading.Lock()
        self.threads = StepThreads(most, self._note)

    def submit(self, number: int) -> None:
        for _ in range(number):
            self.threads.submit(an_attempt())

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
    workshop = Workshop(5, gate.wait)
    workshop.submit(8)
    eventually(lambda: workshop.performed == 5)
    gate.set()
    eventually(lambda: workshop.performed == 8)
    assert len(workshop.by) == 5
    workshop.threads.close()


def test_attempts_that_are_over_at_once_are_done_by_fewer_threads_than_are_allowed() -> None:
    workshop = Workshop(500, lambda: True)
    workshop.submit(500)
    eventually(lambda: workshop.performed == 500)
    assert len(workshop.by) < 250
    workshop.threads.close()


def test_one_that_does_not_come_back_is_replaced(gate: threading.Event) -> None:
    workshop = Workshop(1, lambda: gate.wait() and False)
    workshop.submit(1)
    eventually(lambda: workshop.performed == 1)
    workshop.threads.leave_behind()
    workshop.submit(1)
    eventually(lambda: workshop.performed == 2)
    assert len(workshop.by) == 2


def test_where_the_system_gives_no_more_threads_those_that_there_are_do_it_all(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    workshop = Workshop(5, gate.wait)
    workshop.submit(1)
    eventually(lambda: workshop.performed == 1)
    with monkeypatch.context() as poor:
        poor.setattr(threading.Thread, "start", refuse)
        workshop.submit(3)
        with pytest.raises(RuntimeError, match="can't start"):
            Workshop(5, gate.wait).submit(1)
    gate.set()
    eventually(lambda: workshop.performed == 4)
    assert len(workshop.by) == 1
    workshop.threads.close()


def test_a_thread_that_is_free_does_what_it_is_given_before_it_looks_elsewhere() -> None:
    order: list[str] = []
    threads: StepThreads

    def perform(attempt: LiveAttempt) -> bool:
        order.append(threading.current_thread().name + str(threading.get_ident()))
        if len(order) < 10:
            with threads.free:
                threads.submit(an_attempt())
        return True

    threads = StepThreads(5, perform)
    threads.submit(an_attempt())
    eventually(lambda: len(order) == 10)
    assert len(set(order)) == 1
    threads.close()
