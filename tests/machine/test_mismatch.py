"""Journal and code disagree: the message shows expected and found, with file, line and source."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dataflows import Flow, fork, gather, now, race, sleep, step, wait
from dataflows.commands import Command
from dataflows.errors import CannotStore, Mismatch
from dataflows.outcome import Error
from interpreter.machine import Ended, Status
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]
Changed = Callable[[], Flow[Any]]


def written() -> Flow[Any]:
    """The code that wrote the journal."""
    yield step("fetch", work)
    yield step("charge", work)
    yield step("mail", work)


def journal_of_written(begin: Begin) -> ByHand:
    hand = begin(written)
    for name in ("fetch", "charge", "mail"):
        hand.succeed(name)
    hand.end()
    return hand


def renamed() -> Flow[Any]:
    yield step("fetch", work)
    yield step("bill", work)
    yield step("mail", work)


def inserted() -> Flow[Any]:
    yield step("fetch", work)
    yield step("check", work)
    yield step("charge", work)
    yield step("mail", work)


def removed() -> Flow[Any]:
    yield step("fetch", work)
    yield step("mail", work)


def last_removed() -> Flow[Any]:
    yield step("fetch", work)
    yield step("charge", work)


def reordered() -> Flow[Any]:
    yield step("charge", work)
    yield step("fetch", work)
    yield step("mail", work)


def other_kind() -> Flow[Any]:
    yield step("fetch", work)
    yield sleep("charge", 1)


def now_a_wait() -> Flow[Any]:
    yield step("fetch", work)
    yield wait("charge")


def now_a_gather() -> Flow[Any]:
    yield step("fetch", work)
    yield gather(step("charge", work), step("mail", work))


def now_a_race() -> Flow[Any]:
    yield step("fetch", work)
    yield race(charge=step("charge", work))


def now_answered_at_once() -> Flow[Any]:
    yield step("fetch", work)
    yield now()
    yield step("charge", work)


def longer() -> Flow[Any]:
    yield from written()
    yield step("archive", work)


def now_failing() -> Flow[Any]:
    yield from written()
    raise ValueError("the changed code fails")


CHANGES: list[tuple[Changed, str, str, str, str]] = [
    (renamed, "1", "step 'charge'", "step 'bill'", 'yield step("bill", work)'),
    (inserted, "1", "step 'charge'", "step 'check'", 'yield step("check", work)'),
    (removed, "1", "step 'charge'", "step 'mail'", 'yield step("mail", work)'),
    (last_removed, "2", "step 'mail'", "its end", "the end of "),
    (reordered, "0", "step 'fetch'", "step 'charge'", 'yield step("charge", work)'),
    (other_kind, "1", "step 'charge'", "sleep 'charge'", 'yield sleep("charge", 1)'),
    (now_a_wait, "1", "step 'charge'", "wait 'charge'", 'yield wait("charge")'),
    (now_a_gather, "1", "step 'charge'", "a gather", 'yield gather(step("charge", work), step("mail", work))'),
    (now_a_race, "1", "step 'charge'", "a race", 'yield race(charge=step("charge", work))'),
    (now_answered_at_once, "1", "step 'charge'", "nothing there, yet or any more", 'yield step("charge", work)'),
    (longer, "the end", "the workflow's end: completed", "no end yet", 'yield step("archive", work)'),
    (now_failing, "the end", "the workflow's end: completed", "its end: failed", "the end of "),
]


@pytest.mark.parametrize(
    ("code", "where", "expected", "found", "text"), CHANGES, ids=lambda value: getattr(value, "__name__", "")
)
def test_changed_code_is_named_with_what_the_journal_has_and_where_the_code_stands(
    begin: Begin, code: Changed, where: str, expected: str, found: str, text: str
) -> None:
    with pytest.raises(Mismatch) as raised:
        journal_of_written(begin).replayed(code)
    message = str(raised.value)
    assert f"workflow 'written' disagree at {where} (entry " in message
    assert f"the journal has:  {expected}" in message
    assert f"the code has:     {found}" in message
    assert text in message
    assert _line_named(message) in _lines_of(code)


def _line_named(message: str) -> int:
    found = re.search(rf"it stands at: .*{re.escape(__file__)}:(\d+): ", message)
    assert found, message
    return int(found[1])


def _lines_of(code: Changed) -> range:
    lines, first = inspect.getsourcelines(code)
    return range(first, first + len(lines))


def test_the_code_that_wrote_the_journal_can_be_brought_back(begin: Begin) -> None:
    hand = journal_of_written(begin)
    with pytest.raises(Mismatch):
        hand.replayed(renamed)
    assert hand.replayed().outcome == hand.machine.outcome


def test_arguments_are_not_compared(begin: Begin) -> None:
    def other_arguments() -> Flow[Any]:
        yield step("fetch", print, "other", timeout=5)
        yield step("charge", work, 42)
        yield step("mail", work)

    assert journal_of_written(begin).replayed(other_arguments).outcome is not None


def test_code_that_goes_on_after_what_was_journaled_is_no_disagreement(begin: Begin) -> None:
    hand = begin(written)
    hand.succeed("fetch")
    hand.succeed("charge")

    def changed_later() -> Flow[Any]:
        yield step("fetch", work)
        yield step("charge", work)
        yield step("text message", work)

    assert [action.name for action in hand.replayed(changed_later).open.values() if hasattr(action, "name")] == [
        "text message"
    ]


# Branches ---------------------------------------------------------------------------------------


def paid(first: str = "card", second: str = "voucher") -> Flow[Any]:
    yield race(**{first: step("pay", work), second: sleep("late", 60)})


@pytest.mark.parametrize("branches", [("paypal", "voucher"), ("voucher", "card")], ids=" ".join)
def test_a_renamed_or_reordered_race_branch_is_named(begin: Begin, branches: tuple[str, str]) -> None:
    hand = begin(paid)
    hand.succeed("pay")
    with pytest.raises(Mismatch) as raised:
        hand.replayed(lambda: paid(*branches))
    assert "the journal has:  step 'pay' in branch 'card'" in str(raised.value)
    assert f"the code has:     step 'pay' in branch '{branches[0]}'" in str(raised.value)


@pytest.mark.parametrize("fired", ["late", "pay"])
def test_a_removed_branch_is_noticed_whether_a_step_or_a_timer_of_it_is_journaled(begin: Begin, fired: str) -> None:
    hand = begin(paid)
    if fired == "late":
        hand.fire("late")
    else:
        hand.succeed("pay")

    def changed() -> Flow[Any]:
        yield race(other=wait("go"))

    with pytest.raises(Mismatch):
        hand.replayed(changed)


REPLACEMENTS: list[Callable[[], Command[Any]]] = [now, gather, lambda: fork(wait("go")), lambda: race(x=wait("go"))]


@pytest.mark.parametrize("replacement", REPLACEMENTS)
def test_a_timer_that_the_code_no_longer_sets_is_noticed(begin: Begin, replacement: Callable[[], Command[Any]]) -> None:
    def napping() -> Flow[Any]:
        yield sleep("nap", 1)

    def changed() -> Flow[Any]:
        yield replacement()
        yield wait("something else")

    hand = begin(napping)
    hand.fire("nap")
    with pytest.raises(Mismatch, match="the journal has:  sleep 'nap'"):
        hand.replayed(changed)


def test_a_single_command_as_a_branch_is_shown_where_the_author_wrote_it(begin: Begin) -> None:
    def beside() -> Flow[Any]:
        yield gather(step("a", work), race(x=step("b", work)))

    def changed() -> Flow[Any]:
        yield gather(step("a", work), race(x=step("c", work)))

    hand = begin(beside)
    hand.succeed("b")
    with pytest.raises(Mismatch) as raised:
        hand.replayed(changed)
    assert 'yield gather(step("a", work), race(x=step("c", work)))' in str(raised.value)
    assert "commands.py" not in str(raised.value)


def test_a_place_inside_helpers_is_shown_and_not_who_called_them(begin: Begin) -> None:
    def helper(name: str) -> Flow[Any]:
        yield from step(name, work)

    def flow(name: str = "inner") -> Flow[Any]:
        yield from helper(name)

    hand = begin(flow)
    hand.succeed("inner")
    with pytest.raises(Mismatch, match="yield from step\\(name, work\\)"):
        hand.replayed(lambda: flow("changed"))


def test_a_disagreement_spends_no_attempt_of_the_step(begin: Begin) -> None:
    hand = begin(written)
    hand.fail_attempt("fetch", OSError())
    before = hand.find("fetch")
    with pytest.raises(Mismatch):
        hand.replayed(reordered)
    assert hand.replayed().open == {(0,): before}


def test_the_message_says_what_to_do(begin: Begin) -> None:
    with pytest.raises(
        Mismatch, match="Bring back the code that wrote this journal, or give the changed code a new version="
    ):
        journal_of_written(begin).replayed(renamed)


def test_a_result_that_could_not_be_stored_failed_a_workflow_that_had_completed(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("a", work)

    hand = begin(flow)
    hand.succeed("a")
    unstored, failed = (Ended(Status.FAILED, Error(error)) for error in (CannotStore("a lambda"), ValueError()))
    hand.put(unstored)
    assert hand.replayed().open == {}
    hand.journal[-1] = replace(hand.journal[-1], fact=failed)
    with pytest.raises(Mismatch, match="the code has:     its end: completed"):
        hand.replayed()


def test_a_failed_end_that_is_journaled_is_compared_by_its_status_only(begin: Begin) -> None:
    def failing(text: str = "one text") -> Flow[Any]:
        yield step("a", work)
        raise ValueError(text)

    hand = begin(failing)
    hand.succeed("a")
    assert hand.status is Status.FAILED
    hand.end()
    assert hand.replayed(lambda: failing("another text")).open == {}
