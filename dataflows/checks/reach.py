"""Which functions of a module are workflow code: the workflow, and the helpers that it runs as parts of itself.

Owns the way from one to the next: ``yield from helper()``, and calls of generator functions that yield commands
(for a branch). What a step runs is not among them. Other modules are not entered.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

from dataflows.checks.body import Body
from dataflows.checks.names import Names
from dataflows.checks.source import AnyFunction, innermost_function, source_of

__all__ = ["reached_from", "workflow_code"]

_MOST = 100
"""Functions of one workflow."""


def workflow_code(function: object) -> Iterator[Body]:
    """The function's body and those of its helpers; nothing when the source cannot be had."""
    found = source_of(function)
    inner = innermost_function(function)
    if found is None or not isinstance(inner, FunctionType):
        return
    names = Names(*found, inner.__globals__, _cells(inner))
    yield from reached_from(names)


def reached_from(names: Names) -> Iterator[Body]:
    """That function's body, and those of its helpers."""
    bodies: dict[AnyFunction, Body] = {names.node: Body(names)}
    waiting = list(bodies.values())
    while waiting and len(bodies) <= _MOST:
        body = waiting.pop(0)
        yield body
        for node in _helpers(body):
            if node not in bodies:
                bodies[node] = Body(names.of_function(node))
                waiting.append(bodies[node])


def _helpers(body: Body) -> Iterator[AnyFunction]:
    for call in body.each(ast.Call):
        node = body.generator(call)
        if node is not None and (isinstance(body.parents[call], ast.YieldFrom) or body.speaks(node)):
            yield node


def _cells(function: FunctionType) -> Mapping[str, Any]:
    """What its closure holds by now."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            pass  # not bound yet
    return found
