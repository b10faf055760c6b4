"""Tests that are written from journals, and what they say when the code has changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataflows.errors import Cancelled, Mismatch, NotFound
from dataflows.outcome import Error, Value
from interpreter.machine import (
    AttemptFailed,
    Begun,
    CallbackOpened,
    CancelRequested,
    ChildEnded,
    ChildStarted,
    Ended,
    Machine,
    PatchMarked,
    Published,
    Recording,
    Renewed,
    SignalReceived,
    SignalSent,
    Slept,
    Status,
    StepBegun,
    StepStopped,
    Terminated,
)
from interpreter.testing import Recorded, record
from tests.testing.journaled import Charge, Declined, clock, order
from tests.testing.journals import BEGUN, raised, recording, returned

ADA = {"name": "Ada", "email": "ada@example.com"}
RESERVATION = {"id": "r-1", "lines": [{"sku": "A", "count": 2}, {"sku": "B", "count": 1}]}
PAID = (returned((0, 0, 0), "reserve", RESERVATION), returned((0, 1, 0), "charge", Charge("c-1")))
SHIPPED = recording(
    *PAID,
    SignalReceived("shipped", "tracking 7", BEGUN),
    Ended(Status.COMPLETED, Value("tracking 7 to Ada")),
    args=(ADA, 2),
    workflow="testing-order",
    status=Status.COMPLETED,
)
REFUNDED = recording(
    *PAID,
    Slept((1, 1, 0), "late", "late"),
    returned((2,), "refund"),
    Ended(Status.COMPLETED, Value("refunded")),
    args=(ADA, 2),
    workflow="testing-order",
    status=Status.COMPLETED,
)


def run(text: str) -> None:
    """Run the one test in the text."""
    names: dict[str, Any] = {}
    exec(compile(text, "recorded.py", "exec"), names)
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    test()


def lines(recording: Recording, **details: Any) -> list[str]:
    """The written lines that are called on the execution."""
    text = record(recording, **details)
    run(text)
    return [line.strip() for line in text.splitlines() if line.strip().startswith("execution.")]


def test_a_test_reads_as_the_execution_went() -> None:
    assert record(SHIPPED) == (
        '''"""Execution 'A-1' of workflow 'testing-order', from its journal: it completed."""

from interpreter.testing import Recorded
from tests.testing.journaled import Charge, order


def test_testing_order_a_1_completes_as_it_did() -> None:
    customer = {"name": "Ada", "email": "ada@example.com"}
    with Recorded(order, customer, 2) as execution:
        execution.step(
            "reserve",
            given=(customer, 2),
            returns={
                "id": "r-1",
                "lines": [{"sku": "A", "count": 2}, {"sku": "B", "count": 1}],
            },
        )
        execution.step("charge", given=(customer,), returns=Charge(id="c-1"))
        execution.signal("shipped", "tracking 7")
        execution.returned("tracking 7 to Ada")
'''
    )
    run(record(SHIPPED))


def test_a_value_that_is_told_again_has_the_name_of_the_step_that_it_came_from() -> None:
    text = record(REFUNDED)
    assert 'execution.step("refund", given=(reserve, Charge(id="c-1")))' in text
    assert '    reserve = {\n        "id": "r-1",' in text and "returns=reserve)" in text
    run(text)


def test_sleeps_failed_attempts_and_cancels_are_told_or_left_out() -> None:
    failed = AttemptFailed((0, 0, 0), "reserve", error=ValueError("busy"), retry_at=BEGUN)
    cancelled = [
        failed,
        CancelRequested(),
        StepStopped((0, 0, 0), "reserve"),
        StepStopped((0, 1, 0), "charge"),
        Ended(Status.CANCELLED, Error(Cancelled("cancelled"))),
    ]
    told = lines(recording(*cancelled, args=(ADA, 2), workflow="testing-order", status=Status.CANCELLED))
    assert told == [
        "execution.cancel()",
        'execution.stopped("reserve")',
        'execution.stopped("charge")',
        "execution.was_cancelled()",
    ]
    assert 'execution.sleep("late")' in lines(REFUNDED)


def test_where_a_retry_let_it_go_on_is_told() -> None:
    went_on = recording(
        *PAID,
        Begun(),
        Slept((1, 1, 0), "late", "late"),
        returned((2,), "refund"),
        Ended(Status.COMPLETED, Value("refunded")),
        args=(ADA, 2),
        workflow="testing-order",
        status=Status.COMPLETED,
    )
    assert [line for line in lines(went_on) if "(" in line][2:4] == ["execution.went_on()", 'execution.sleep("late")']


def test_what_a_step_and_a_workflow_raised_is_told_by_its_type_and_its_text() -> None:
    declined = [
        PAID[0],
        raised((0, 1, 0), "charge", Declined("no funds")),
        Ended(Status.FAILED, Error(Declined("no funds"))),
    ]
    told = lines(recording(*declined, args=(ADA, 2), workflow="testing-order", status=Status.FAILED))
    assert told[-1] == 'execution.raised(Declined("no funds"))'
    assert told[-2].endswith('raises=Declined("no funds"))')


def test_of_an_execution_that_goes_on_it_is_told_where_it_stands() -> None:
    told = lines(recording(*PAID, args=(ADA, 2), workflow="testing-order"))
    assert told[-1] == """execution.stands_at("wait 'shipped'", "sleep 'late'")"""


def test_time_and_seed_are_told_only_where_the_code_goes_by_them() -> None:
    asked = returned((2,), "at-00-00-02")
    journal = recording(asked, workflow="testing-clock")
    machine = Machine(clock)
    for entry in journal.entries():
        machine.apply(entry)
    assert isinstance(machine.outcome, Value)
    ended = Ended(Status.COMPLETED, machine.outcome)
    text = record(recording(asked, ended, workflow="testing-clock"))
    assert 'begun="2026-01-01T00:00:02+00:00"' in text
    run(text)
    assert "begun=" not in record(SHIPPED) and "seed=" not in record(SHIPPED)


def test_what_the_code_changes_in_its_values_is_told_as_it_was() -> None:
    found = {"id": "c-1", "secret": "x"}
    journal = [returned((0,), "greet"), returned((1,), "find", found), Ended(Status.COMPLETED, Value({"id": "c-1"}))]
    text = record(recording(*journal, args=(ADA,), workflow="testing-changing", status=Status.COMPLETED))
    assert (
        'execution.step("greet", given=(customer,))' in text and '{"name": "ADA", "email": "ada@example.com"}' in text
    )
    assert 'returns={"id": "c-1", "secret": "x"}' in text and 'execution.returned({"id": "c-1"})' in text
    run(text)


ROUND = (
    StepBegun((0,), "charge"),
    returned((0,), "charge", "c-1"),
    Published((1,), "state", outcome=Value({"charged": "c-1"})),
    PatchMarked((2,), "parcels"),
    ChildStarted((2,), "testing-parcel", id="A-1.2"),
    ChildEnded((2,), "testing-parcel", outcome=Value("packed")),
    ChildStarted((3,), "testing-parcel", id="A-1.3"),
    SignalSent((4,), "hurry", outcome=Error(NotFound("it has ended"))),
)


def test_children_signals_published_values_and_patches_are_told() -> None:
    sent = SignalSent((4,), "hurry", outcome=Value(None))
    paid = SignalReceived("payment", "cash", BEGUN, "order-1")
    assert lines(recording(*ROUND[:-1], sent, paid, Renewed(), args=(1,), workflow="testing-round")) == [
        'execution.step("charge", given=(1,), returns="c-1")',
        'execution.published("state", {"charged": "c-1"})',
        'execution.patched("parcels")',
        'execution.child("testing-parcel", returns="packed")',
        'execution.started("testing-parcel", id="A-1.3")',
        'execution.sent("hurry")',
        'execution.signal("payment", "cash", key="order-1")',
        "execution.continued_as_new(2)",
    ]


def test_of_a_callback_the_url_is_not_told_since_whoever_has_it_may_answer() -> None:
    opened = CallbackOpened((0,), "approval", url="https://flows.example/callbacks/s3cret")
    answered = SignalReceived("approval", "yes", BEGUN)
    ended = Ended(Status.COMPLETED, Value("yes"))
    journal = recording(
        *(opened, returned((1,), "mail"), answered, ended),
        args=("Ada",),
        workflow="testing-asking",
        status=Status.COMPLETED,
    )
    assert lines(journal) == [
        'execution.callback("approval")',
        'execution.step("mail", given=("Ada", "https://callbacks.example/approval/0"))',
        'execution.signal("approval", "yes")',
        'execution.returned("yes")',
    ]
    assert "s3cret" not in record(journal)


def test_what_could_not_be_sent_is_told_with_its_error() -> None:
    failed = recording(
        *ROUND, Ended(Status.FAILED, Error(NotFound("it has ended"))), args=(1,), workflow="testing-round"
    )
    assert lines(failed)[-2:] == [
        'execution.sent("hurry", raises=NotFound("it has ended"))',
        'execution.raised(NotFound("it has ended"))',
    ]


def test_a_change_that_older_code_has_passed_is_told_at_the_beginning() -> None:
    older = [*ROUND[:3], ChildStarted((2,), "testing-parcel", id="A-1.2")]
    text = record(recording(*older, args=(1,), workflow="testing-round"))
    assert 'with Recorded(round_of, 1, passed=["parcels"]) as execution:' in text
    run(text)


def test_of_a_terminated_execution_it_is_told_where_it_stood() -> None:
    ended = Terminated(Status.CANCELLED, Cancelled("terminated"))
    told = lines(recording(*ROUND[:3], ended, args=(1,), workflow="testing-round", status=Status.CANCELLED))
    assert told[-1] == """execution.stands_at("patched 'parcels'")"""


# Code that has changed --------------------------------------------------------------------------


def test_another_step_in_the_code_is_told_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    text = record(SHIPPED)
    monkeypatch.setenv("TESTING_STEP", "reserve-stock")
    with pytest.raises(AssertionError) as failure:
        run(text)
    told = str(failure.value)
    assert told.startswith("recorded is step 'reserve'; the code wants step 'reserve-stock', step 'charge'\n  at ")
    assert "journaled.py:" in told


def changed(change: Callable[[Recorded], None]) -> str:
    with Recorded(order, ADA, 2) as execution, pytest.raises(AssertionError) as failure:
        change(execution)
    return str(failure.value)


def test_other_arguments_another_result_and_another_end_are_told_side_by_side() -> None:
    told = changed(lambda execution: execution.step("charge", given=({"name": "Eve"},)))
    assert told.startswith("what step 'charge' is given has changed\n  recorded: ({'name': 'Eve'},)\n  now:      (")
    assert "the code wants step 'reserve', step 'charge'" in changed(lambda execution: execution.returned("x"))
    assert "recorded is sleep 'late'; the code wants" in changed(lambda execution: execution.sleep("late"))
    assert "what is open has changed" in changed(lambda execution: execution.stands_at("wait 'shipped'"))

    def ends_otherwise(execution: Recorded) -> None:
        execution.step("reserve")
        execution.step("charge", raises=Declined("no funds"))
        execution.returned("refunded")

    assert changed(ends_otherwise) == "the workflow returned 'refunded'; now it raises Declined('no funds')"


def test_a_journal_that_the_code_does_not_follow_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTING_STEP", "reserve-stock")
    with pytest.raises(Mismatch, match="step 'reserve-stock'"):
        record(SHIPPED)


# Redaction --------------------------------------------------------------------------------------


def test_a_redacted_value_stands_nowhere_in_the_text() -> None:
    places: list[str] = []

    def redact(place: str, value: Any) -> Any:
        places.append(place)
        return "somebody" if value == "Ada" else "x@example.com" if place.endswith("['email']") else value

    text = record(SHIPPED, redact)
    assert "Ada" not in text and "ada@" not in text
    assert 'execution.returned("tracking 7 to somebody")' in text
    assert {"input[0]['name']", "reserve['lines'][0]['sku']", "charge.amount", "shipped", "result"} <= set(places)
    run(text)


def test_a_redaction_reaches_into_exceptions() -> None:
    journal = recording(
        PAID[0],
        raised((0, 1, 0), "charge", Declined("card 4711")),
        Ended(Status.FAILED, Error(Declined("card 4711"))),
        args=(ADA, 2),
        workflow="testing-order",
    )
    text = record(journal, lambda place, value: "card ****" if value == "card 4711" else value)
    assert "4711" not in text and 'raises=Declined("card ****")' in text


def test_a_formatter_has_nothing_to_change(tmp_path: Path) -> None:
    for number, journal in enumerate([SHIPPED, REFUNDED, recording(*PAID, args=(ADA, 2), workflow="testing-order")]):
        (tmp_path / f"test_{number}.py").write_text(record(journal))
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert formatted.returncode == 0, formatted.stdout + formatted.stderr
