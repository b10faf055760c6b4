"""@workflow, and the registry that it fills."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from dataflows import Flow, Retry, Workflow, sleep, step, workflow
from dataflows.errors import DuplicateWorkflow, UnknownWorkflow, WorkflowRefused
from dataflows.workflow import Registry, registry


def flow(number: int, unit: str = "s") -> Flow[str]:
    """Sleeps."""
    yield sleep("nap", f"{number}{unit}")
    return "rested"


def other_flow() -> Flow[None]:
    yield sleep("nap", 1)


def registered(*workflows: Workflow[..., Any]) -> Registry:
    made = Registry()
    for one in workflows:
        made.add(one)
    return made


def test_a_workflow_has_a_name_a_version_and_what_it_was_given() -> None:
    retry = Retry(attempts=1)
    made = workflow("tests.given", version=3, retry=retry)(flow)
    assert (made.name, made.version, made.retry, made.triggers) == ("tests.given", 3, retry, ())
    assert registry.find("tests.given") is made
    assert made in registry


def test_a_workflow_looks_like_its_function() -> None:
    made = Workflow(flow, "tests.looks")
    assert (made.__name__, made.__doc__) == ("flow", "Sleeps.")  # type: ignore[attr-defined]
    assert next(made(2, unit="h")) == sleep("nap", "2h")
    line = flow.__code__.co_firstlineno
    assert repr(made) == f"<workflow 'tests.looks' version 1 from {__file__}:{line}>"


def test_one_function_can_be_registered_under_several_names_and_versions() -> None:
    made = workflow("tests.second")(workflow("tests.first", version=2, retry=Retry(attempts=1))(flow))
    assert (made.name, made.version, made.retry) == ("tests.second", 1, None)
    assert registry.find("tests.first").version == 2
    assert registry.find("tests.second") is made


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1", 2**31])
def test_a_version_is_a_whole_number_from_one(version: Any) -> None:
    with pytest.raises(ValueError, match="version=\\) is a whole number from 1"):
        workflow("tests.version", version=version)


# What cannot be a workflow ----------------------------------------------------------------------


def plain() -> None:
    step("a", print)


async def coroutine_function() -> None: ...


async def async_generator() -> AsyncIterator[None]:
    yield None


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (
            plain,
            r"^.*test_workflow\.py:\d+: @workflow\('tests.refused'\): 'plain' never yields; a workflow is a generator",
        ),
        (lambda: None, "never yields"),
        (coroutine_function, "is async; a workflow is a plain `def`"),
        (async_generator, "is async; a workflow is a plain `def`"),
        (Registry, "decorate a generator function"),
        (42, "42 is int; decorate a generator function"),
        (None, "decorate a generator function"),
    ],
)
def test_what_is_no_generator_function_is_refused_where_it_is_decorated(function: Any, problem: str) -> None:
    with pytest.raises(WorkflowRefused, match=problem):
        workflow("tests.refused")(function)
    with pytest.raises(UnknownWorkflow):
        registry.find("tests.refused")


def test_a_decorated_generator_function_is_looked_through() -> None:
    def logged(function: Callable[..., Flow[str]]) -> Callable[..., Flow[str]]:
        @functools.wraps(function)
        def wrapper(*args: Any) -> Flow[str]:
            return function(*args)

        return wrapper

    made = workflow("tests.logged")(logged(flow))
    assert next(made(1)) == sleep("nap", "1s")
    assert made.source == Workflow(flow, "x").source


def test_a_partial_and_a_method_are_generator_functions_too() -> None:
    class Shop:
        def sell(self, number: int) -> Flow[str]:
            return (yield from flow(number))

    part = workflow("tests.partial")(functools.partial(flow, 1))
    assert part.source == Workflow(flow, "x").source
    assert next(part()) == sleep("nap", "1s")
    method = workflow("tests.method")(Shop().sell)
    assert next(method(2)) == sleep("nap", "2s")
    assert __file__ in method.source


# The registry -----------------------------------------------------------------------------------


def test_without_a_version_the_highest_is_found() -> None:
    first, tenth, second = (Workflow(flow, "w", version) for version in (1, 10, 2))
    filled = registered(first, tenth, second)
    assert filled.find("w") is tenth
    assert filled.find("w", 2) is second
    assert list(filled) == [first, tenth, second]


def test_two_functions_under_one_name_and_version_are_refused_and_both_places_are_named() -> None:
    filled = registered(Workflow(flow, "w"))
    with pytest.raises(DuplicateWorkflow) as raised:
        filled.add(Workflow(other_flow, "w"))
    for function in (flow, other_flow):
        assert f"{__file__}:{function.__code__.co_firstlineno}" in str(raised.value)
    assert filled.find("w").function is flow


def test_the_same_code_again_takes_the_place_of_the_former() -> None:
    again = Workflow(flow, "w", retry=Retry(attempts=1))
    assert registered(Workflow(flow, "w"), again).find("w") is again


def test_an_unknown_name_or_version_is_told_with_what_there_is() -> None:
    filled = registered(Workflow(flow, "b"), Workflow(flow, "a", 2))
    with pytest.raises(UnknownWorkflow, match="no workflow 'c' is registered here; known: 'a', 'b'"):
        filled.find("c")
    with pytest.raises(UnknownWorkflow, match="workflow 'a' has no version 1 here; there is: 2"):
        filled.find("a", 1)
    with pytest.raises(UnknownWorkflow, match="nor is any other: import the module that defines it"):
        Registry().find("a")
