from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dataflows import Flow, Limit, defer, step, workflow
from dataflows.limits import OWN_NAMES


@workflow("limited/all", at_once=3)
def all_together(project: str) -> Flow[str]:
    return (yield from step("work", str.upper, project, limit="clickup"))


@workflow("limited/by project", at_once=1, at_once_by=lambda project, number=0: project)
def by_project(project: object, number: int = 0) -> Flow[object]:
    return (yield from step("work", str, project))


def test_a_limit_is_a_rate_or_at_once_or_both() -> None:
    assert Limit(100, per="1m").period == timedelta(minutes=1)
    assert Limit(at_once=5).period is None
    assert Limit(100, per=60, at_once=5) == Limit(rate=100, per=60, at_once=5)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "a limit has a rate, or at_once=, or both"),
        ({"rate": 100}, "a rate goes with per="),
        ({"per": "1m", "at_once": 1}, "a rate goes with per="),
        ({"rate": 0, "per": "1m"}, r"Limit\(rate=\) is a whole number from 1"),
        ({"rate": True, "per": "1m"}, r"Limit\(rate=\) is a whole number from 1"),
        ({"at_once": 2**31}, r"Limit\(at_once=\) is a whole number from 1"),
        ({"at_once": 1.5}, r"Limit\(at_once=\) is a whole number from 1"),
        ({"rate": 1, "per": 0}, r"Limit\(per=\) is a millisecond or more"),
        ({"rate": 1, "per": "soon"}, "not a duration"),
    ],
)
def test_what_is_no_limit_is_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Limit(**arguments)


def test_a_step_names_its_limit_and_is_otherwise_the_same() -> None:
    limited = next(all_together("shop"))
    assert limited == step("work", str.upper, "shop")
    assert step("work", print, limit="clickup").limit == "clickup"
    assert defer("undo", print, limit="clickup").step.limit == "clickup"


@pytest.mark.parametrize("name", ["", "x" * 201, "nul\0", f"{OWN_NAMES}limited"])
def test_a_limit_that_no_scheduler_can_be_given_is_refused_where_it_is_written(name: str) -> None:
    with pytest.raises(ValueError, match="limit="):
        step("work", print, limit=name)
    with pytest.raises(ValueError, match="limit="):
        defer("undo", print, limit=name)


def test_a_workflow_is_counted_by_its_name_or_by_what_it_says_of_its_arguments() -> None:
    assert all_together.limit_for(("shop",), {}) == "workflow/limited/all"
    assert by_project.limit_for(("shop",), {}) == "workflow/limited/by project[shop]"
    assert by_project.limit_for((), {"project": 7, "number": 1}) == "workflow/limited/by project[7]"


@pytest.mark.parametrize("key", [None, True, 1.5, ("a", "b")])
def test_what_executions_are_counted_by_is_a_text_or_a_number(key: object) -> None:
    with pytest.raises(TypeError, match="what at_once_by of workflow 'limited/by project' answers is a str"):
        by_project.limit_for((key,), {})


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"at_once": 0}, r"@workflow\('w', at_once=\) is a whole number from 1"),
        ({"at_once_by": str}, r"@workflow\('w', at_once_by=\) is a function of its arguments, and goes with at_once="),
        ({"at_once": 1, "at_once_by": "project"}, r"@workflow\('w', at_once_by=\) is a function"),
    ],
)
def test_a_workflow_that_cannot_be_counted_is_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        workflow("w", **arguments)
