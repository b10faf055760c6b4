"""``patched(change)``: new code in old executions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Flow, cancel, fork, gather, now, patched, race, sleep, step, wait
from dataflows.errors import Mismatch, PatchPassed
from dataflows.workflow import Workflow
from interpreter.machine import CancelRequested, Machine, MarkPatch, Status
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def before() -> Flow[Any]:
    yield step("fetch", work)
    return (yield from step("mail", work))


def after() -> Flow[Any]:
    yield step("fetch", work)
    if (yield from patched("invoice")):
        return (yield from step("invoice", work))
    return (yield from step("mail", work))


# New executions ---------------------------------------------------------------------------------


def test_where_the_journal_is_exhausted_it_is_marked_and_answered_true(begin: Begin) -> None:
    hand = begin(after)
    hand.succeed("fetch")
    assert hand.machine.open == {(1,): MarkPatch((1,), "invoice", "")}
    hand.mark("invoice")
    assert hand.open == {"1": "invoice"}
    hand.succeed("invoice", "sent")
    assert hand.result == hand.replayed().outcome.value == "sent"  # type: ignore[union-attr]


def test_every_prefix_has_open_what_was_open_live(begin: Begin) -> None:
    hand = begin(after)
    hand.succeed("fetch")
    assert hand.replayed().open == hand.machine.open
    hand.mark("invoice")
    assert hand.replayed().open == hand.machine.open


def test_the_first_answer_holds_in_the_whole_execution_and_all_who_wait_get_it(begin: Begin) -> None:
    def branch() -> Flow[Any]:
        return (yield from patched("x")), (yield from patched("x"))

    def flow() -> Flow[Any]:
        early = yield from gather(branch(), branch(), patched("x"))
        return (*early, (yield from patched("x")))

    hand = begin(flow)
    marks = [hand.marked(where) for where in hand.open]
    assert len(marks) == 3
    hand.put(*marks)
    assert hand.result == ((True, True), (True, True), True, True)
    assert hand.replayed().outcome == hand.machine.outcome


def test_each_change_is_asked_by_itself(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        return (yield from patched("x")), (yield from patched("y"))

    hand = begin(flow)
    hand.mark("x")
    hand.mark("y")
    assert hand.result == (True, True)


# Old executions ---------------------------------------------------------------------------------


def test_where_older_code_has_passed_it_is_answered_false(begin: Begin) -> None:
    hand = begin(before)
    hand.succeed("fetch")
    hand.succeed("mail", "mailed")
    hand.end()
    assert hand.replayed(after).outcome.value == "mailed"  # type: ignore[union-attr]


def test_where_older_code_has_not_got_to_new_code_goes_on(begin: Begin) -> None:
    hand = begin(before)
    hand.succeed("fetch")
    hand.goes_on_as(after)
    hand.mark("invoice")
    hand.succeed("invoice")
    assert hand.machine.outcome is not None


def test_who_drives_is_told_what_older_code_has_passed(begin: Begin) -> None:
    hand = begin(before)
    hand.succeed("fetch")
    hand.succeed("mail")
    machine = Machine(Workflow(after, "after"))
    *earlier, last = hand.journal
    for entry in earlier:
        machine.apply(entry)
    with pytest.raises(PatchPassed, match=r"did not ask patched\('invoice'\)") as raised:
        machine.apply(last)
    machine.abandon()
    assert raised.value.changes == {"invoice"}
    knowing = Machine(Workflow(after, "after"), raised.value.changes)
    for entry in hand.journal:
        knowing.apply(entry)
    assert knowing.outcome is not None


Codes = tuple[Callable[[], Flow[Any]], Callable[[], Flow[Any]]]


def codes(rest: Callable[[], Flow[Any]]) -> Codes:
    """Code that does the rest, and code that asks before."""

    def old() -> Flow[Any]:
        yield step("first", work)
        return (yield from rest())

    def new() -> Flow[Any]:
        yield step("first", work)
        if (yield from patched("x")):
            return "new"
        return (yield from rest())

    return old, new


def an_instant_command_first() -> Flow[Any]:
    moment = yield from now()
    yield step("a", work)
    return moment


def a_sleep_until_a_moment_of_its_own() -> Flow[Any]:
    yield sleep("nap", 60)
    return (yield from now())


def a_task_and_then_a_step() -> Flow[Any]:
    task = yield from fork(step("task", work))
    yield step("a", work)
    return (yield from task)


def branches() -> Flow[Any]:
    return (yield from race(a=gather(sleep("nap", 60), step("a", work)), b=wait("go", timeout=90, default="late")))


def a_wait() -> Flow[Any]:
    answer = yield from wait("go", timeout=60, default="late")
    yield step("a", work)
    return answer


RESTS = [an_instant_command_first, a_sleep_until_a_moment_of_its_own, a_task_and_then_a_step, branches, a_wait]


@pytest.mark.parametrize("rest", RESTS, ids=lambda rest: rest.__name__)
def test_an_old_journal_is_replayed_as_it_was_whatever_came_after_the_place(
    begin: Begin, rest: Callable[[], Flow[Any]]
) -> None:
    old, new = codes(rest)
    hand = begin(old)
    hand.pass_time(1)
    hand.succeed("first")
    hand.pass_time(1)
    if "go" in hand.names:
        hand.signal("go", "in time")
    while hand.machine.outcome is None:
        hand.pass_time(1)
        name = hand.names[0]
        if name == "nap":
            hand.fire("nap")
        else:
            hand.succeed(name, name)
    outcome = hand.machine.outcome
    hand.end()
    assert hand.replayed(new).outcome == outcome


def test_a_signal_that_came_too_late_for_the_old_wait_is_not_given_to_it(begin: Begin) -> None:
    old, new = codes(a_wait)
    hand = begin(old)
    hand.succeed("first")
    fired = hand.fired("go")
    hand.pass_time(61)
    hand.signal("go", "too late")
    hand.put(fired)
    assert hand.replayed(new).open == hand.machine.open
    hand.succeed("a")
    assert hand.replayed(new).outcome == hand.machine.outcome


def test_a_signal_goes_to_the_old_wait_that_was_opened_before_another_fibers(begin: Begin) -> None:
    def other() -> Flow[Any]:
        yield step("b", work)
        return (yield from wait("go"))

    def flow(asks: bool = False) -> Flow[Any]:
        def first() -> Flow[Any]:
            yield step("a", work)
            if asks and (yield from patched("x")):
                return "new"
            answer = yield from wait("go")
            yield step("c", work)
            return answer

        return (yield from gather(first(), other()))

    hand = begin(flow)
    for name in ("a", "b"):
        hand.succeed(name)
    hand.signal("go", "first")
    hand.succeed("c")
    hand.signal("go", "second")
    assert hand.result == ("first", "second")
    assert hand.replayed(lambda: flow(True)).outcome == hand.machine.outcome


def test_a_branch_that_has_ended_by_old_code_is_known_by_what_its_parent_did_next(begin: Begin) -> None:
    def flow(asks: bool = False) -> Flow[Any]:
        def branch() -> Flow[Any]:
            yield step("a", work)
            if asks and (yield from patched("x")):
                yield step("new", work)
            return "ended"

        answers = yield from gather(branch())
        yield step("b", work)
        return answers

    hand = begin(flow)
    hand.succeed("a")
    hand.succeed("b")
    hand.end()
    assert hand.replayed(lambda: flow(True)).outcome == hand.machine.outcome


def test_an_old_execution_that_has_ended_where_new_code_would_ask(begin: Begin) -> None:
    def old() -> Flow[Any]:
        yield step("fetch", work)
        return "short"

    def new() -> Flow[Any]:
        yield step("fetch", work)
        return "long" if (yield from patched("x")) else "short"

    hand = begin(old)
    hand.succeed("fetch")
    hand.end()
    assert hand.replayed(new).outcome == hand.machine.outcome


def test_the_cleanup_of_an_old_execution_that_was_cancelled_after_the_place(begin: Begin) -> None:
    def flow(asks: bool = False) -> Flow[Any]:
        try:
            if asks and (yield from patched("x")):
                yield step("new", work)
            yield sleep("nap", 60)
        finally:
            yield step("cleanup", work)

    hand = begin(flow)
    hand.cancel()
    hand.succeed("cleanup")
    hand.end()
    assert hand.replayed(lambda: flow(True)).open == {}


def test_of_several_changes_each_is_found(begin: Begin) -> None:
    def new() -> Flow[Any]:
        yield step("fetch", work)
        first = yield from patched("x")
        answer = yield from step("mail", work)
        return "new" if first or (yield from patched("y")) else answer

    hand = begin(before)
    hand.succeed("fetch")
    hand.succeed("mail", "mailed")
    hand.end()
    assert hand.replayed(new).outcome == hand.machine.outcome


def test_one_passed_and_one_marked_stay_so(begin: Begin) -> None:
    def new() -> Flow[Any]:
        yield step("fetch", work)
        first = yield from patched("x")
        yield from step("mail", work)
        return first, (yield from patched("y"))

    hand = begin(before)
    hand.succeed("fetch")
    hand.succeed("mail")
    hand.goes_on_as(new)
    hand.mark("y")
    assert hand.result == (False, True)
    assert hand.replayed().outcome == hand.machine.outcome


def test_code_that_disagrees_otherwise_is_told_so(begin: Begin) -> None:
    def changed() -> Flow[Any]:
        yield step("fetch", work)
        if (yield from patched("invoice")):
            return
        yield step("text message", work)

    hand = begin(before)
    hand.succeed("fetch")
    hand.succeed("mail")
    with pytest.raises(Mismatch, match="has:  step 'mail'\n  the code has:     step 'text message'") as raised:
        hand.replayed(changed)
    assert not isinstance(raised.value, PatchPassed)


def test_older_code_that_takes_a_marked_execution_up_disagrees_at_once(begin: Begin) -> None:
    hand = begin(after)
    hand.succeed("fetch")
    hand.mark("invoice")
    with pytest.raises(Mismatch, match="has:  patched 'invoice'\n  the code has:     step 'mail'"):
        hand.replayed(before)


# Cancellation -----------------------------------------------------------------------------------


def asking() -> Flow[Any]:
    try:
        yield patched("x")
        yield sleep("nap", 60)
    finally:
        yield step("cleanup", work)


def test_cancelled_where_it_is_asked_it_is_marked_first_and_cancelled_arrives_instead_of_the_answer(
    begin: Begin,
) -> None:
    hand = begin(asking)
    hand.cancel()
    assert hand.machine.open == {(0,): MarkPatch((0,), "x", "", stopping=True)}
    hand.mark("x")
    assert hand.open == {"0": "cleanup"}
    hand.succeed("cleanup")
    assert hand.status is Status.CANCELLED


@pytest.mark.parametrize("cancelled_first", [True, False])
def test_a_mark_and_a_cancellation_in_the_same_commit(begin: Begin, cancelled_first: bool) -> None:
    hand = begin(asking)
    facts = [hand.marked("x"), CancelRequested()]
    hand.put(*(reversed(facts) if cancelled_first else facts))
    assert hand.open == {"0" if cancelled_first else "1": "cleanup"}
    assert hand.replayed().open == hand.machine.open
    assert hand.machine.patches == {"x": True}


def test_a_losing_branch_that_asks_is_answered_before_the_race_is(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield race(asks=patched("x"), late=sleep("late", 1))
        return (yield from patched("x"))

    hand = begin(flow)
    hand.fire("late")
    assert hand.open == {"0.0.0": "x"}
    hand.mark("x")
    assert hand.result is True


def test_a_task_of_an_old_execution_that_swallowed_its_cancellation_after_the_place(begin: Begin) -> None:
    def flow(asks: bool = False) -> Flow[Any]:
        def stubborn() -> Flow[Any]:
            if asks and (yield from patched("x")):
                return "new"
            try:
                yield wait("never")
            except BaseException:
                return "swallowed"

        task = yield from fork(stubborn())
        yield sleep("nap", 1)
        yield cancel(task)
        return (yield from task)

    hand = begin(flow)
    hand.fire("nap")
    assert hand.result == "swallowed"
    hand.end()
    assert hand.replayed(lambda: flow(True)).outcome == hand.machine.outcome
