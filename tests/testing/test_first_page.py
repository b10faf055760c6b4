"""What the README shows of the testing kit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dataflows import Event, WaitTimeout, step, wait
from dataflows.connectors import azure_devops as azure
from dataflows.errors import PermanentError
from examples.copy_to_clickup import Approval, copy_to_clickup
from interpreter.testing import Simulation, Throw, crash_everywhere, explore, rehearse, simulate

EVENT = Event("1", "azure-devops", "workitem.created", {"resource": {"id": 42}})
ITEM = {"url": "https://…/42", "fields": {"System.Title": "Total is wrong"}}


def test_three_days_pass_in_a_millisecond() -> None:
    simulation = simulate(
        copy_to_clickup,
        EVENT,
        steps={"fetch-item": ITEM, "create-task": lambda item, approval: f"{approval.by}: {item['url']}"},
        signals=[("approval", {"by": "Ada"}, "2d")],
    )
    assert simulation.calls("create-task")[0].args == (ITEM, Approval(by="Ada"))
    assert simulation.elapsed == timedelta(days=3)


def test_it_may_be_killed_between_any_two_lines() -> None:
    crash_everywhere(
        copy_to_clickup, EVENT, steps={"fetch-item": ITEM, "create-task": None}, waits={"approval": {"by": "Ada"}}
    )


def test_whatever_happens_no_task_is_created_that_nobody_approved() -> None:
    def approved_first(simulation: Simulation[object]) -> None:
        if simulation.calls("create-task"):
            assert any("signal approval" in line for line in simulation.history)

    exploration = explore(
        copy_to_clickup,
        EVENT,
        steps={"fetch-item": [ITEM, PermanentError("gone")], "create-task": [None, PermanentError("full")]},
        waits={"approval": [{"by": "Ada"}, {"by": 7}]},
        invariant=approved_first,
    )
    assert str(exploration) == "9 traces walked, and there are no others"


def test_nobody_answers() -> None:
    plan = [
        (step("fetch-item", azure.get_work_item, 42), ITEM),
        (wait("approval", Approval, timeout="7d"), Throw(WaitTimeout("nobody answered"))),
    ]
    with pytest.raises(WaitTimeout):
        rehearse(copy_to_clickup(EVENT), plan)
