"""The agent: a scripted model, tools as steps, and no turn that is paid for twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows.errors import PermanentError
from examples.agent import TooManyTurns, agent, message
from interpreter import Status
from interpreter.testing import NEVER, REAL, Simulation, crash_everywhere, explore, in_turn, simulate, takes

LOOK = message("model", "", ("temperature", "Rome"))
LOOK_TWICE = message("model", "", ("temperature", "Rome"), ("temperature", "Oslo"))
ANSWER = message("model", "It is mild.")


def told_to_the_model(simulation: Simulation[Any], turn: int) -> list[str]:
    """What tools have said, up to this turn."""
    [messages] = simulation.calls(f"turn-{turn}")[-1].args
    return [message["text"] for message in messages if message["role"] == "tool"]


def test_the_whole_conversation_with_the_script_of_the_example() -> None:
    simulation = crash_everywhere(agent, "How warm is it?", otherwise=REAL)
    assert simulation.result == "It is 64 °F in Rome; of Atlantis I know nothing."
    assert [line.split("→")[0].split("raised")[0].split("  ", 2)[-1].strip() for line in simulation.history[1:-1]] == [
        "step turn-1",
        "step tool-temperature",
        "step tool-temperature",
        "step turn-2",
        "step tool-fahrenheit",
        "step turn-3",
    ]


def test_what_tools_say_is_told_to_the_model_in_the_order_in_which_it_asked() -> None:
    steps = {"turn-1": LOOK_TWICE, "turn-2": ANSWER, "tool-temperature": in_turn(takes("9s", "slow"), "quick")}
    simulation = crash_everywhere(agent, "How warm is it?", steps=steps)
    assert simulation.result == "It is mild."
    assert told_to_the_model(simulation, 2) == ["slow", "quick"]


@pytest.mark.parametrize("call", [("temperature", "Atlantis"), ("telephone", "Rome")])
def test_what_a_tool_cannot_do_is_told_to_the_model_too(call: tuple[str, str]) -> None:
    steps = {"turn-1": message("model", "", call), "turn-2": ANSWER}
    simulation = crash_everywhere(agent, "How warm is it?", steps=steps, otherwise=REAL)
    assert simulation.result == "It is mild."
    assert told_to_the_model(simulation, 2)[0].startswith("error: ")


def test_a_model_that_is_overloaded_is_asked_again_and_the_turns_before_it_are_not() -> None:
    steps = {"turn-1": LOOK, "turn-2": in_turn(ConnectionError, ConnectionError, ANSWER), "tool-temperature": "mild"}
    simulation = crash_everywhere(agent, "How warm is it?", steps=steps)
    assert [call.name for call in simulation.steps] == ["turn-1", "tool-temperature", "turn-2", "turn-2", "turn-2"]


def test_a_tool_that_hangs_is_given_up_and_the_model_goes_on_without_it() -> None:
    steps = {"turn-1": LOOK, "turn-2": ANSWER, "tool-temperature": NEVER}
    simulation = crash_everywhere(agent, "How warm is it?", steps=steps)
    assert simulation.result == "It is mild."
    assert "did not end" in told_to_the_model(simulation, 2)[0]


def test_a_model_that_goes_round_in_circles_is_stopped() -> None:
    steps = {"tool-temperature": "mild"}
    simulation = crash_everywhere(agent, "How warm is it?", 3, steps=steps, otherwise=LOOK, fails=TooManyTurns)
    assert len(simulation.steps) == 6


def test_a_conversation_can_be_broken_off_while_tools_run() -> None:
    simulation = crash_everywhere(
        agent, "How warm is it?", steps={"turn-1": LOOK_TWICE}, otherwise=NEVER, cancel_at="1s"
    )
    assert simulation.status is Status.CANCELLED
    assert [line.split()[-1] for line in simulation.history if "tool-" in line] == ["stopped", "stopped"]


def test_whatever_model_and_tools_say_there_are_never_more_turns_than_allowed() -> None:
    def few_turns(simulation: Simulation[str]) -> None:
        turns = [call for call in simulation.steps if call.name.startswith("turn-")]
        assert len(turns) <= 3
        assert simulation.error is not None or simulation.result == "It is mild."

    steps: dict[str, Any] = {f"turn-{turn}": [ANSWER, LOOK, LOOK_TWICE] for turn in range(1, 4)}
    steps["tool-temperature"] = ["mild", PermanentError("broken")]
    exploration = explore(agent, "How warm?", 3, steps=steps, invariant=few_turns, cancel=False, bound=100)
    assert exploration.traces == 100


def test_a_question_that_needs_no_tool_takes_one_turn() -> None:
    assert simulate(agent, "Are you there?", steps={"turn-1": message("model", "Yes.")}).result == "Yes."


def test_it_runs_for_real(story: Callable[[str], str]) -> None:
    told = story("agent")
    assert told.startswith("the agent: It is 64 °F in Rome; of Atlantis I know nothing.\n")
    assert '    step     turn-2           {"role":"model","text":"","calls":[{"tool":"fahrenheit"' in told
