"""What the test says nothing of: the message that names it.

Owns the words. Whether something is reached is the driver's to know.
"""

from __future__ import annotations

from interpreter.machine import AwaitChild, RunStep, StopChild
from interpreter.testing.answers import Answers
from interpreter.testing.driver import Driver

__all__ = ["refuse_child", "refuse_unanswered"]

__tracebackhide__ = True  # by pytest: a failure shows the test and the workflow, not what lies between


def refuse_unanswered(driver: Driver, action: RunStep, answers: Answers) -> None:
    """Fail the test if the test says nothing of this step.

    :raises AssertionError: it names this step, and all others of this moment that have no answer.
    """
    if answers.has(action.name):
        return
    open_steps = {action.position: action, **driver.machine.open}
    unanswered = [step for step in open_steps.values() if isinstance(step, RunStep) and not answers.has(step.name)]
    lines = [
        f"  {step.name!r}{answers.hint(step.name)}\n    at {driver.machine.place_at(step.position)}"
        for step in unanswered
    ]
    advice = "give each an answer: steps={name: …}; otherwise=REAL runs the functions of all others"
    raise AssertionError("\n".join([f"the test says nothing of these steps; {advice}", *lines]))


def refuse_child(driver: Driver, action: AwaitChild | StopChild, answers: Answers) -> None:
    """Fail the test if the test says nothing of this child.

    :raises AssertionError: it names the child's workflow.
    """
    if not answers.has(action.name):
        place = driver.machine.place_at(action.position)
        advice = f"children={{{action.name!r}: …}}{answers.hint(action.name)}"
        raise AssertionError(
            f"the test says nothing of child {action.name!r}; give it an answer: {advice}\n  at {place}"
        )
