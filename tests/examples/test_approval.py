"""The approval: a month of it in a millisecond."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from dataflows import Answer
from examples.approval import NOBODY, Request, approval
from interpreter import Status
from interpreter.testing import Simulation, crash_everywhere, explore, simulate

CHAIR = Request("R-1", "a new chair", "Ada", "Grace")
YES = {"choice": "approve", "comment": "a good one"}


def mails(simulation: Simulation[Any]) -> list[tuple[str, str, timedelta]]:
    return [(call.name, call.args[0], call.at) for call in simulation.steps]


def days(number: float) -> timedelta:
    return timedelta(days=number)


def test_who_decides_at_once_is_not_reminded() -> None:
    simulation = crash_everywhere(approval, CHAIR, otherwise=None, signals=[("decision", YES, "1d")])
    assert simulation.result == Answer("approve", "a good one")
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
    signals = [("decision", YES, "1d"), ("decision", {"choice": "reject"}, "1d")]
    assert simulate(approval, CHAIR, otherwise=None, signals=signals).result == Answer("approve", "a good one")


def test_every_mail_that_asks_has_the_link_to_the_page() -> None:
    simulation = simulate(approval, CHAIR, otherwise=None)
    asking = [call.args[1] for call in simulation.steps if call.name != "tell"]
    assert len(asking) == 3 and all(": https://callbacks.example/decision/0" in text for text in asking)


def test_a_request_that_is_withdrawn_reminds_nobody() -> None:
    simulation = crash_everywhere(approval, CHAIR, otherwise=None, cancel_at="3d")
    assert simulation.status is Status.CANCELLED
    assert [name for name, _, _ in mails(simulation)] == ["ask", "remind"]


def test_whatever_happens_nobody_is_escalated_to_before_a_reminder_or_after_a_decision() -> None:
    def in_order(simulation: Simulation[Answer]) -> None:
        names = [name for name, _, _ in mails(simulation)]
        assert names == [name for name in ("ask", "remind", "escalate", "tell") if name in names]
        assert "remind" in names or "escalate" not in names
        assert simulation.error is not None or names[-1] == "tell"

    exploration = explore(approval, CHAIR, otherwise=[None], waits={"decision": [YES]}, invariant=in_order)
    assert exploration.is_complete


def test_it_runs_for_real(story: Callable[[str], str]) -> None:
    told = story("approval")
    assert "to Ada: please decide on a new chair: http://localhost:8787/callbacks/" in told
    assert "to Ada: a new chair: approve (a good one)\n" in told
    assert "to Grace: Ada does not decide on a new desk: http://localhost:8787/callbacks/" in told
    assert "to Ada: a new desk: reject (nobody has decided)\n" in told
