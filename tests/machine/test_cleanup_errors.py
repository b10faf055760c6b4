"""An error in a cleanup is raised in place of what was to be, which becomes its context."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dataflows import Cancelled, Flow, cancel, fork, gather, race, sleep, step, wait
from dataflows.outcome import Error
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def careful(name: str = "cleanup") -> Flow[Any]:
    try:
        yield wait("never")
    finally:
        yield step(name, work)


def raised_by(hand: ByHand) -> BaseException:
    assert isinstance(hand.machine.outcome, Error)
    return hand.machine.outcome.exception


def contexts(error: BaseException | None) -> list[str]:
    """What an author would read in the traceback, the last error first."""
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__context__
    return texts


def test_of_a_losing_branch_when_the_race_was_won(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield race(loser=careful(), winner=step("a", work))

    hand = begin(flow)
    hand.succeed("a")
    hand.fail("cleanup", OSError("cleanup failed"))
    assert contexts(raised_by(hand)) == ["cleanup failed", "cancelled"]


def test_of_a_losing_branch_when_another_had_failed_first(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield race(loser=careful(), winner=step("a", work))

    hand = begin(flow)
    hand.fail("a", ValueError("a failed"))
    hand.fail("cleanup", OSError("cleanup failed"))
    assert contexts(raised_by(hand)) == ["cleanup failed", "a failed"]


def test_of_several_branches_of_a_gather_each_is_the_context_of_the_next(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield gather(careful("x"), careful("y"), step("a", work))

    hand = begin(flow)
    hand.fail("a", ValueError("a failed"))
    hand.fail("x", OSError("x failed"))
    hand.fail("y", OSError("y failed"))
    assert contexts(raised_by(hand)) == ["y failed", "x failed", "a failed"]


def test_of_a_branch_when_the_execution_is_cancelled(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield gather(careful(), sleep("nap", 60))

    hand = begin(flow)
    hand.cancel()
    hand.fail("cleanup", OSError("cleanup failed"))
    assert contexts(raised_by(hand)) == ["cleanup failed", "cancelled"]


def test_of_a_cancelled_task_is_raised_where_it_was_cancelled(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        task = yield from fork(careful())
        yield sleep("nap", 1)
        yield cancel(task)

    hand = begin(flow)
    hand.fire("nap")
    hand.fail("cleanup", OSError("cleanup failed"))
    assert contexts(raised_by(hand)) == ["cleanup failed", "cancelled"]


def test_an_error_with_a_context_of_its_own_keeps_it_and_the_former_error_stands_behind(begin: Begin) -> None:
    def explains() -> Flow[Any]:
        try:
            yield wait("never")
        except Cancelled:
            try:
                yield step("cleanup", work)
            except OSError:
                raise RuntimeError("explained") from None

    def flow() -> Flow[Any]:
        yield gather(explains(), step("a", work))

    hand = begin(flow)
    hand.fail("a", ValueError("a failed"))
    hand.fail("cleanup", OSError("cleanup failed"))
    assert contexts(raised_by(hand)) == ["explained", "cleanup failed", "a failed"]


def test_a_cleanup_that_raises_the_very_error_again_is_not_its_own_context(begin: Begin) -> None:
    def asks(task: Any) -> Flow[Any]:
        try:
            yield wait("never")
        finally:
            yield task

    def flow() -> Flow[Any]:
        task = yield from fork(step("forked", work))
        yield gather(asks(task), task)

    hand = begin(flow)
    hand.fail("forked", ValueError("forked failed"))
    assert contexts(raised_by(hand))[0] == "forked failed"


def test_a_swallowed_cleanup_error_leaves_the_answer_as_it_was(begin: Begin) -> None:
    def tolerant() -> Flow[Any]:
        try:
            yield from careful()
        except OSError:
            pass

    def flow() -> Flow[Any]:
        return (yield from race(loser=tolerant(), winner=step("a", work)))

    hand = begin(flow)
    hand.succeed("a", 1)
    hand.fail("cleanup", OSError("cleanup failed"))
    assert hand.result.value == 1
