"""Letting a workflow go without letting it act."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

from dataflows import Cancelled, Flow, fork, gather, race, sleep, step, wait
from dataflows.commands import Command
from interpreter.machine import Machine
from interpreter.machine.fiber import Fiber
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def abandoned(flow: Flow[Any]) -> Fiber:
    """A fiber that stands at the flow's first yield, let go."""
    fiber = Fiber((), "", flow)
    fiber.resume()
    fiber.abandon()
    return fiber


def test_a_yield_in_finally_issues_no_command(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        try:
            yield step("a", work)
        finally:
            yield step("cleanup", work)
            yield sleep("and more", 1)

    hand = begin(flow)
    before = dict(hand.machine.open)
    hand.machine.abandon()
    assert hand.machine.open == before
    assert hand.replayed().open == before


def test_no_cancellation_is_seen_by_a_workflow_that_is_let_go(begin: Begin) -> None:
    seen = []

    def flow() -> Flow[Any]:
        try:
            yield step("a", work)
        except Cancelled:
            seen.append("cancelled")
        except Exception:
            seen.append("error")

    begin(flow).machine.abandon()
    assert seen == []


def test_a_generator_that_yields_in_many_finally_blocks_is_ended_all_the_same() -> None:
    def flow(depth: int) -> Flow[Any]:
        try:
            if depth:
                yield from flow(depth - 1)
            yield step("a", work)
        finally:
            yield step(f"cleanup {depth}", work)

    assert abandoned(flow(20)).generator.gi_frame is None  # type: ignore[attr-defined]


def test_five_hundred_nested_helpers_that_all_swallow_the_exit_are_ended() -> None:
    def flow(depth: int) -> Flow[Any]:
        try:
            if depth:
                yield from flow(depth - 1)
            yield step("a", work)
        except BaseException:
            yield step(f"swallowed {depth}", work)

    assert abandoned(flow(500)).generator.gi_frame is None  # type: ignore[attr-defined]


def test_plain_finally_blocks_run_once_and_from_the_inside_out() -> None:
    ran: list[int] = []

    def flow(depth: int) -> Flow[Any]:
        try:
            if depth:
                yield from flow(depth - 1)
            yield step("a", work)
        finally:
            ran.append(depth)

    abandoned(flow(3))
    assert ran == [0, 1, 2, 3]


def test_an_error_in_finally_is_nobodys_business() -> None:
    def flow() -> Flow[Any]:
        try:
            yield step("a", work)
        finally:
            raise KeyboardInterrupt

    assert abandoned(flow()).generator.gi_frame is None  # type: ignore[attr-defined]


def test_a_generator_that_was_never_begun_or_has_ended_is_left_as_it_is() -> None:
    def flow() -> Flow[Any]:
        yield step("a", work)

    never = Fiber((), "", flow())
    never.abandon()
    ended = Fiber((), "", flow())
    ended.resume()
    ended.resume()
    ended.abandon()
    assert ended.returned is not None


def endless() -> Flow[Any]:
    while True:
        try:
            yield step("again", work)
        except BaseException:
            pass


def test_a_generator_that_swallows_every_exit_is_given_up_and_kept() -> None:
    generator = endless()
    kept = weakref.ref(generator)
    abandoned(generator)
    del generator
    gc.collect()
    assert kept() is not None


def test_a_kept_generator_does_not_make_python_complain_at_its_exit() -> None:
    program = "from tests.machine.test_abandon import abandoned, endless; abandoned(endless())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_every_branch_and_every_task_is_let_go_and_python_finds_nothing_to_complain_of(begin: Begin) -> None:
    def stubborn(blocked: Command[Any]) -> Flow[Any]:
        try:
            yield blocked
        finally:
            yield step("cleanup", work)

    def flow() -> Flow[Any]:
        yield fork(stubborn(wait("one")))
        try:
            yield gather(stubborn(sleep("nap", 1)), race(x=stubborn(step("a", work)), y=wait("two")), limit=2)
        finally:
            yield sleep("last", 1)

    hand = begin(flow)
    before = dict(hand.machine.open)
    assert len(before) == 4
    fibers = list(hand.machine.fibers.values())
    hand.machine.abandon()
    assert all(fiber.generator.gi_frame is None for fiber in fibers)  # type: ignore[attr-defined]
    hand.machine = Machine(hand.workflow)
    del fibers
    gc.collect()
    assert hand.replayed().open == before


def test_branches_that_were_waiting_for_their_turn_are_dropped_without_running(begin: Begin) -> None:
    ran = []

    def second() -> Flow[Any]:
        ran.append("begun")
        yield step("b", work)

    def flow() -> Flow[Any]:
        yield gather(step("a", work), second(), limit=1)

    begin(flow).machine.abandon()
    gc.collect()
    assert ran == []


def test_a_machine_that_was_let_go_can_be_let_go_again(begin: Begin) -> None:
    hand = begin(endless)
    hand.machine.abandon()
    hand.machine.abandon()
    assert hand.replayed().open == hand.machine.open
