"""One function of workflow code, as the rules look at it.

Owns its nodes (not those of functions and lambdas defined in it: they may be steps), who is whose parent, and the
questions that several rules ask: is this a command, a yield, a generator of this module?
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Collection, Iterator
from types import FunctionType
from typing import TypeVar, get_origin, overload

from dataflows.checks.names import Names
from dataflows.checks.source import AnyFunction, own_nodes, within
from dataflows.commands import Command

__all__ = ["Body", "is_generator", "matches", "text_of"]

A = TypeVar("A", bound=ast.AST)
B = TypeVar("B", bound=ast.AST)
C = TypeVar("C", bound=ast.AST)

_VERBS = frozenset(
    {"step", "transaction", "sleep", "sleep_until", "wait", "gather", "race", "fork", "cancel", "child", "start"}
    | {"defer", "signal", "publish", "callback", "now", "uuid", "random", "patched", "continue_as_new"}
)
_WORKFLOW = {"dataflows.workflow", "dataflows.workflow.workflow"}
_DEPTH = 4
"""How many functions are followed that hand on what another one makes."""


class Body:
    """A function's own nodes, in the source's order, and what its names mean.

    :ivar parents: of each node.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.node = names.node
        self.nodes = list(own_nodes(self.node))
        self.parents = {child: node for node in [self.node, *self.nodes] for child in ast.iter_child_nodes(node)}

    @overload
    def each(self, kind: type[A], /) -> Iterator[A]: ...
    @overload
    def each(self, kind: type[A], other: type[B], /) -> Iterator[A | B]: ...
    @overload
    def each(self, kind: type[A], other: type[B], third: type[C], /) -> Iterator[A | B | C]: ...
    def each(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """Its nodes of these kinds."""
        return (node for node in self.nodes if isinstance(node, kinds))

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """What the node stands in, from the inside out."""
        while node is not self.node:
            node = self.parents[node]
            yield node

    def called(self, call: ast.Call) -> frozenset[str]:
        """The dotted names of what is called."""
        return self._called.get(call, frozenset())

    @functools.cached_property
    def _called(self) -> dict[ast.Call, frozenset[str]]:
        return {call: self.names.refer(call.func).names for call in self.each(ast.Call)}

    def verb(self, call: ast.Call) -> str | None:
        """The verb of the language that is called: ``step``."""
        return next((name.rpartition(".")[2] for name in self.called(call) if _is_verb(name)), None)

    # What an expression makes ---------------------------------------------------------------------

    def makes_command(self, expression: ast.AST | None) -> bool:
        """A call of a verb, or of a function that returns one."""
        return isinstance(expression, ast.Call) and _makes_command(self.names, expression, _DEPTH)

    def generator(self, expression: ast.AST | None) -> AnyFunction | None:
        """The generator function of this module that it calls."""
        node = self.names.refer(expression.func).node if isinstance(expression, ast.Call) else None
        if node is None or not isinstance(node, ast.FunctionDef) or not is_generator(node):
            return None
        return node if all(self._is_workflow(each) for each in node.decorator_list) else None

    def makes_generator(self, expression: ast.AST | None) -> bool:
        """A call of a generator function, or of a workflow."""
        if not isinstance(expression, ast.Call):
            return False
        value = self.names.refer(expression.func).value
        function = inspect.getattr_static(value, "function", value)
        return self.generator(expression) is not None or inspect.isgeneratorfunction(function)

    def _is_workflow(self, decorator: ast.expr) -> bool:
        made_by = decorator.func if isinstance(decorator, ast.Call) else decorator
        return matches(self.names.refer(made_by).names, _WORKFLOW)

    def makes_coroutine(self, expression: ast.AST | None) -> bool:
        """A call of an async function."""
        if not isinstance(expression, ast.Call):
            return False
        found = self.names.refer(expression.func)
        is_async = isinstance(found.node, ast.AsyncFunctionDef) and not is_generator(found.node)
        return is_async or inspect.iscoroutinefunction(found.value)

    def speaks(self, node: AnyFunction, depth: int = _DEPTH) -> bool:
        """Whether a generator function of this module yields commands, rather than values for a loop."""
        inner = Body(self.names.of_function(node))
        for each in inner.each(ast.Yield, ast.YieldFrom):
            helper = inner.generator(each.value) if isinstance(each, ast.YieldFrom) and depth else None
            if inner.makes_command(each.value) or (helper is not None and inner.speaks(helper, depth - 1)):
                return True
        return False

    def yields_below(self, *nodes: ast.AST) -> Iterator[ast.Yield | ast.YieldFrom]:
        """The yields that stand in one of the nodes, or are it."""
        return (node for node in within(*nodes) if isinstance(node, ast.Yield | ast.YieldFrom))


def matches(names: Collection[str], table: Collection[str]) -> bool:
    """Whether one of the names is in the table, itself or by a ``package.*``."""
    return any(each in table for name in names for each in (name, *_wildcards(name)))


def _wildcards(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield f"{name}.*"


def text_of(node: ast.AST) -> str:
    """The code, short enough for a sentence; of a call without its arguments."""
    text = f"{ast.unparse(node.func)}()" if isinstance(node, ast.Call) else ast.unparse(node)
    return f"`{text}`" if len(text) <= 60 else f"`{text[:57]}…`"


@functools.lru_cache(maxsize=256)
def is_generator(node: AnyFunction) -> bool:
    """Whether the function yields."""
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for each in own_nodes(node))


def _makes_command(names: Names, call: ast.Call, depth: int) -> bool:
    found = names.refer(call.func)
    if isinstance(found.value, type) and issubclass(found.value, Command):
        return True
    if any(_is_verb(name) for name in found.names) or _promises_command(found.value):
        return True
    return found.node is not None and depth > 0 and _returns_command(names, found.node, depth)


def _is_verb(name: str) -> bool:
    package, _, rest = name.partition(".")
    last = rest.rpartition(".")[2]
    return package == "dataflows" and last in _VERBS and not rest.startswith("connectors.")


def _promises_command(function: object) -> bool:
    """A function of another module is asked what it is annotated with."""
    if not isinstance(function, FunctionType) or function.__code__.co_flags & inspect.CO_GENERATOR:
        return False
    promised = function.__annotations__.get("return")
    if isinstance(promised, str):
        promised = function.__globals__.get(promised.partition("[")[0])
    promised = get_origin(promised) or promised
    return isinstance(promised, type) and issubclass(promised, Command)


def _returns_command(names: Names, node: AnyFunction, depth: int) -> bool:
    if isinstance(node, ast.AsyncFunctionDef) or is_generator(node) or node.decorator_list:
        return False
    inner = names.of_function(node)
    returned = [each.value for each in own_nodes(node) if isinstance(each, ast.Return)]
    return bool(returned) and all(
        isinstance(value, ast.Call) and _makes_command(inner, value, depth - 1) for value in returned
    )
