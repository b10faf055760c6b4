"""callback(...) and what it is answered with: what they check and build."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dataflows import Answer, Flow, InvalidSignal, callback, step, wait
from dataflows.commands import Callback
from interpreter.testing import Simulation, crash_everywhere, explore, rehearse, simulate


def send(recipient: str, url: str) -> None:
    raise AssertionError("a test sends no mail")


def purchase(what: str) -> Flow[str]:
    url = yield from callback("approval", title=f"May we buy {what}?", valid_for="7d")
    yield from step("ask", send, "Ada", url)
    answer = yield from wait("approval", Answer, timeout="7d", default=Answer("reject", "nobody answered"))
    return f"{answer.choice}: {answer.comment}"


def test_it_holds_what_is_asked() -> None:
    assert callback("approval") == Callback("approval", "approval", "", ("approve", "reject"), None)
    asked = callback("size", title="Which size?", text="We have\nthree.", choices=["S", "M", "L"], valid_for="2d")
    assert asked == Callback("size", "Which size?", "We have\nthree.", ("S", "M", "L"), timedelta(days=2))
    assert callback("paid", choices=()).choices == ()
    assert callback("approval") != callback("approval", text="May we?")


@pytest.mark.parametrize("name", ["", "x" * 201, "\0", "\ud800"])
def test_its_name_its_title_and_its_choices_are_names(name: str) -> None:
    for details in ({}, {"title": name}, {"choices": ("approve", name)}):
        with pytest.raises(ValueError, match="characters|NUL|surrogate"):
            callback(name if not details else "approval", **details)


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"choices": "approve"}, "takes several, like"),
        ({"choices": ("a", "a")}, "each once"),
        ({"choices": map(str, range(21))}, "at most 20"),
        ({"choices": (1,)}, "a choice of callback"),
        ({"text": "x" * 10_001}, "at most 10,000 characters"),
        ({"text": None}, "is a text"),
        ({"title": 7}, "title="),
        ({"valid_for": "soon"}, "soon"),
        ({"valid_for": -1}, "negative"),
    ],
)
def test_what_cannot_be_asked_is_refused(details: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        callback("approval", **details)


def test_given_to_a_step_in_place_of_its_url_it_is_refused() -> None:
    with pytest.raises(TypeError, match="is a command \\(Callback\\) and not its answer"):
        step("ask", send, "Ada", callback("approval"))


# Tested without a service -----------------------------------------------------------------------


def test_a_simulation_makes_an_url_up_and_a_signal_answers() -> None:
    answer = {"choice": "approve", "comment": "a good one"}
    simulation = simulate(purchase, "a chair", otherwise=None, signals=[("approval", answer, "2d")])
    assert simulation.result == "approve: a good one"
    assert simulation.calls("ask")[0].args == ("Ada", "https://callbacks.example/approval/0")
    assert any("callback approval at https://callbacks.example/approval/0" in line for line in simulation.history)


def test_it_may_be_crashed_everywhere() -> None:
    simulation = crash_everywhere(purchase, "a chair", otherwise=None, waits={"approval": {"choice": "reject"}})
    assert simulation.result == "reject: "


def test_every_way_is_walked_also_answers_that_are_none() -> None:
    def nothing_is_bought_unasked(simulation: Simulation[str]) -> None:
        if simulation.error is None and simulation.result.startswith("approve"):
            assert any("signal approval" in line for line in simulation.history)

    answers = [{"choice": "approve"}, {"choice": "approve", "by": "Ada"}, 7]
    exploration = explore(
        purchase, "a chair", otherwise=[None], waits={"approval": answers}, invariant=nothing_is_bought_unasked
    )
    assert exploration.is_complete
    with pytest.raises(InvalidSignal, match="Answer has no field 'by'"):
        assert simulate(purchase, "a chair", otherwise=None, waits={"approval": answers[1]}).result


def test_a_plan_says_its_url() -> None:
    asked = callback("approval", title="May we buy a chair?", valid_for="7d")
    plan = [
        (asked, "an address"),
        (step("ask", send, "Ada", "an address"), None),
        (wait("approval", Answer, timeout="7d", default=Answer("reject", "nobody answered")), Answer("approve")),
    ]
    assert rehearse(purchase("a chair"), plan) == "approve: "
    with pytest.raises(AssertionError, match=r"callback\('approval', title='May we buy a desk\?', .*valid_for='7d'"):
        rehearse(purchase("a desk"), plan)
