"""What a name may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import race, sleep, step, wait, workflow
from dataflows.names import LONGEST_NAME, check_name


@pytest.mark.parametrize(
    "name",
    ["a", "fetch-item", "größe", "名前", "two words", "line\nbreak", "a" * LONGEST_NAME, "x#2", "'; DROP TABLE", "😀"],
)
def test_a_name_is_any_text_that_a_database_can_hold(name: str) -> None:
    assert check_name(name, "a name") == name


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "1 to 200 characters; this one has 0"),
        ("a" * (LONGEST_NAME + 1), "1 to 200 characters; this one has 201"),
        ("a\0b", "must not contain NUL"),
        ("a\ud800b", "must not contain a lone surrogate"),
    ],
)
def test_a_name_that_no_database_could_hold_is_refused(name: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_name(name, "a name")


@pytest.mark.parametrize("name", [None, 1, b"bytes", ["list"], print])
def test_a_name_is_a_text(name: object) -> None:
    with pytest.raises(TypeError, match="a step's name is a str, not"):
        check_name(name, "a step's name")


NAMED: dict[str, Callable[[Any], object]] = {
    "step": lambda name: step(name, print),
    "on": lambda name: step("a", print, on=name),
    "sleep": lambda name: sleep(name, 1),
    "wait": lambda name: wait(name),
    "branch": lambda name: race(**{name: sleep("a", 1)}),
    "workflow": lambda name: workflow(name),
}


@pytest.mark.parametrize("verb", NAMED.values(), ids=NAMED)
def test_every_verb_that_takes_a_name_checks_it(verb: Callable[[Any], object]) -> None:
    with pytest.raises(ValueError, match="characters|NUL"):
        verb("")
    with pytest.raises(ValueError, match="NUL"):
        verb("\0")
