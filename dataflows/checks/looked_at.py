"""Whether a command goes anywhere from where it may be yielded, or is only looked at: printed, compared, computed with.

Owns what only looks. A function that the command is given to is asked the same of its parameter; what cannot be read
may yield it.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Container
from types import FunctionType

from dataflows.checks.body import Body, is_generator, matches
from dataflows.checks.known import LEVELS
from dataflows.checks.names import Names
from dataflows.checks.source import AnyFunction, source_of

__all__ = ["is_only_looked_at", "name_is_only_looked_at"]

_DEPTH = 4
"""How many functions are followed into which it is given on."""

_BRANCHES = {"gather", "race", "fork"}
_LOOKS = {
    *(f"builtins.{name}" for name in ("print", "str", "repr", "ascii", "format", "len", "type", "id", "hash")),
    *(f"builtins.{name}" for name in ("int", "float", "complex", "bool", "abs", "round", "isinstance", "hasattr")),
    *("json.dumps", "json.dump", "logging.*"),
}


def name_is_only_looked_at(
    body: Body, name: str, several: bool = False, depth: int = _DEPTH, but: Container[ast.AST] = ()
) -> bool:
    """Whether it is so wherever the function reads that name.

    :param several: it holds a list of commands, whose elements may be yielded.
    :param but: places that do not count.
    """
    loads = [node for node in ast.walk(body.node) if isinstance(node, ast.Name) and node.id == name]
    return all(
        node in but or is_only_looked_at(body, node, several, depth) for node in loads if isinstance(node.ctx, ast.Load)
    )


def is_only_looked_at(body: Body, node: ast.expr, several: bool = False, depth: int = _DEPTH) -> bool:
    """Whether the command that stands there goes nowhere else."""
    parent = body.parents.get(node)
    match parent:
        case ast.If() | ast.While() | ast.Assert() | ast.Match() | ast.Compare() | ast.UnaryOp() | ast.FormattedValue():
            return True
        case ast.BinOp() | ast.AugAssign() | ast.Attribute() | ast.For() | ast.comprehension():
            return not several
        case ast.IfExp(test=inner):
            return inner is node
        case ast.Subscript(value=inner):
            return inner is node and not several
        case ast.Call() | ast.keyword():
            return _call_only_looks(body, parent, node, depth)
        case _:
            return False


def _call_only_looks(body: Body, given: ast.Call | ast.keyword, node: ast.expr, depth: int) -> bool:
    """Whether what is called does nothing else with that argument of it."""
    call = body.parents[given] if isinstance(given, ast.keyword) else given
    if not isinstance(call, ast.Call) or node is call.func:
        return False
    if (verb := body.verb(call)) is not None:
        return verb not in _BRANCHES
    if matches(body.called(call), _LOOKS) or _is_method_of_text_or_logger(call.func):
        return True
    inner = _function(body, call) if depth else None
    place = given.arg if isinstance(given, ast.keyword) else call.args.index(node)
    parameter = None if inner is None else _parameter(inner.node, place)
    return (
        inner is not None and parameter is not None and name_is_only_looked_at(Body(inner), parameter, depth=depth - 1)
    )


def _is_method_of_text_or_logger(function: ast.expr) -> bool:
    match function:
        case ast.Attribute(value=ast.Constant() | ast.JoinedStr()):
            return True
        case ast.Attribute(attr=name):
            return name in LEVELS
        case _:
            return False


def _function(body: Body, call: ast.Call) -> Names | None:
    """The plain function that is called, of this module or of another; one of this package is trusted."""
    found = body.names.refer(call.func)
    names = None if found.node is None else body.names.of_function(found.node)
    if names is None and isinstance(value := found.value, FunctionType) and inspect.unwrap(value) is value:
        source = source_of(value) if not value.__module__.startswith("dataflows.") else None
        names = None if source is None else Names(*source, value.__globals__, {})
    return names if names is not None and _is_plain(names.node) else None


def _is_plain(node: AnyFunction) -> bool:
    return isinstance(node, ast.FunctionDef) and not node.decorator_list and not is_generator(node)


def _parameter(node: AnyFunction, place: int | str | None) -> str | None:
    """The name under which the function has that argument; None: it cannot be told."""
    arguments = node.args
    if not isinstance(place, int):
        named = [each.arg for each in (*arguments.args, *arguments.kwonlyargs)]
        return place if place in named else None
    positional = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    return positional[place] if place < len(positional) and positional[0] != "self" else None
