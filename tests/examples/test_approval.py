"""The approval: a month of it in a millisecond."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from examples.approval import NOBODY, Decision, Request, approval
from interpreter import Status
from interpreter.testing import Simulation, crash_everywhere, explore, simulate

CHAIR = Request("R-1", "a new chair", "Ada", "Grace")
YES = {"by": "Ada", "approved": True}


def mails(simulation: Simulation[Any]) -> list[tuple[str, str, timedelta]]:
    return [(call.name, call.args[0], call.at) for call in simulation.steps]


def days(number: float) -> timedelta:
    return timedelta(days=number)


def test_who_decides_at_once_is_not_reminded() -> None:
    simulation = crash_everywhere(approval, CHAIR, otherwise=None, signals=[("decision", YES, "1d")])
    assert simulation.result == Decision("Ada", approved=True)
    assert mails(simulation) == [("ask", "Ada", days(0)), ("tell", "Ada", days(1))]


def test_a_reminder_after_two_days_and_the_manager_after_five() -> None:
    simulation = crash_everywhere(approval, CHAIR, otherwise=None, signals=[("decision", YES, "6d")])
    assert mails(simulation) == [
        ("ask", "Ada", days(0)),
        ("remind", "Ada", days(2)),
        ("escalate", "Grace", days(5)),
        ("tell", "Ada", days(6)),
    ]


def test_who_decides_after_the_reminder_spares_the_manager() -> None:
    simulation = crash_everywhere(approval, CHAIR, otherwise=None, signals=[("decision", YES, "4d")])
    assert [name for name, _, _ in mails(simulation)] == ["ask", "remind", "tell"]


def test_if_nobody_decides_the_answer_is_no_after_a_month() -> None:
    simulation = crash_everywhere(approval, CHAIR, otherwise=None)
    assert simulation.result == NOBODY
    assert simulation.elapsed == days(30)


def test_the_first_decision_counts() -> None:
    signals = [("decision", YES, "1d"), ("decision", {"by": "Grace", "approved": False}, "1d")]
    assert simulate(approval, CHAIR, otherwise=None, signals=signals).result == Decision("Ada", approved=True)


def test_a_request_that_is_withdrawn_reminds_nobody() -> None:
    simulation = crash_everywhere(approval, CHAIR, otherwise=None, cancel_at="3d")
    assert simulation.status is Status.CANCELLED
    assert [name for name, _, _ in mails(simulation)] == ["ask", "remind"]


def test_whatever_happens_nobody_is_escalated_to_before_a_reminder_or_after_a_decision() -> None:
    def in_order(simulation: Simulation[Decision]) -> None:
        names = [name for name, _, _ in mails(simulation)]
        assert names == [name for name in ("ask", "remind", "escalate", "tell") if name in names]
        assert "remind" in names or "escalate" not in names
        assert simulation.error is not None or names[-1] == "tell"

    exploration = explore(approval, CHAIR, otherwise=[None], waits={"decision": [YES]}, invariant=in_order)
    assert exploration.is_complete


def test_it_runs_for_real(story: Callable[[str], str]) -> None:
    told = story("approval")
    assert "to Ada: a new chair: approved by Ada\n" in told
    assert "to Grace: Ada does not decide: a new desk\nto Ada: a new desk: rejected by nobody\n" in told
