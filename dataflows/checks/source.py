"""From a function to its source: the syntax tree of its module, and its own node in there.

Owns the reading and the cache. What cannot be had (typed into a prompt, frozen, changed on disk since it was
imported) is None, and then nothing is said.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, TypeAlias

__all__ = ["AnyFunction", "Source", "innermost_function", "own_nodes", "parsed", "source_of", "within"]

AnyFunction: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class Source:
    """A module's text and tree.

    :ivar owners: what each function and class is defined in: another, or the module.
    """

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = text.splitlines()
        self.tree = ast.parse(text, file)
        self.owners: dict[ast.AST, ast.AST] = {}
        self._functions: dict[tuple[str, int], AnyFunction] = {}
        self._find_functions(self.tree)

    def function(self, name: str, first_line: int) -> AnyFunction | None:
        """The function of that name; its first line is that of its first decorator."""
        return self._functions.get((name, first_line))

    def qualified_name(self, node: AnyFunction) -> str:
        """As ``__qualname__`` would tell it, without ``<locals>``."""
        names = [node.name]
        owner = self.owners[node]
        while isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(owner.name)
            owner = self.owners[owner]
        return ".".join(reversed(names))

    def _find_functions(self, owner: ast.AST) -> None:
        for node in own_nodes(owner):
            if isinstance(node, _SCOPES):
                self.owners[node] = owner
                self._find_functions(node)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first_line = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                self._functions[node.name, first_line] = node


def source_of(function: object) -> tuple[Source, AnyFunction] | None:
    """The module's source, and the function's node."""
    inner = innermost_function(function)
    source = _read(inner) if isinstance(inner, FunctionType) else None
    if source is None or not isinstance(inner, FunctionType):
        return None
    node = source.function(inner.__code__.co_name, inner.__code__.co_firstlineno)
    return None if node is None else (source, node)


def innermost_function(function: object) -> object:
    """The function that the author wrote: without wrappers, partials and a method's self."""
    inner: Any = inspect.unwrap(function) if callable(function) else function
    while isinstance(inner, functools.partial):
        inner = inspect.unwrap(inner.func)
    return getattr(inner, "__func__", inner)


def own_nodes(owner: ast.AST) -> Iterator[ast.AST]:
    """What stands in the body of a function, class or module, but not in those defined there."""
    yield from within(*_body(owner))


def within(*nodes: ast.AST) -> Iterator[ast.AST]:
    """The nodes and all below them, in the source's order, but not in functions and classes that are defined there."""
    waiting = list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))


def _body(owner: ast.AST) -> list[Any]:
    body = getattr(owner, "body", [])
    return body if isinstance(body, list) else [body]


def _read(function: FunctionType) -> Source | None:
    code: CodeType = function.__code__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, function.__globals__)
    try:
        return parsed(code.co_filename, "".join(lines)) if lines else None
    except (SyntaxError, ValueError, RecursionError):
        return None


@functools.lru_cache(maxsize=8)
def parsed(file: str, text: str) -> Source:
    """Kept for a few modules: the workflows of one are registered one after the other."""
    return Source(file, text)
