"""The rules on how a workflow is left: cancelled, failed, or let go from memory while it is suspended.

Owns what counts as swallowing, and the explanation of ``finally``.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from dataflows.checks.body import Body, matches, text_of
from dataflows.checks.finding import Hit
from dataflows.checks.known import CHANGES
from dataflows.checks.source import within

__all__ = ["acts_in_finally", "swallows_cancellation", "yields_in_finally"]

_EVERYTHING = {"builtins.BaseException"}
_CANCELLATION = {"dataflows.Cancelled", "dataflows.errors.Cancelled"}


def swallows_cancellation(body: Body) -> Iterator[Hit]:
    """What catches or drops every exception that comes out of a yield.

    Found::

        try:
            yield from step("note", note, "a")
        except:  # DF303
            pass
        try:
            yield from step("note", note, "b")
        except BaseException:  # DF303
            order["failed"] = True
        with contextlib.suppress(BaseException):  # DF303
            yield from step("note", note, "c")
        while True:
            try:
                yield from step("note", note, "d")
            finally:
                break  # DF303

    Fine::

        try:
            yield from step("note", note, "a")
        except Exception:
            pass
        try:
            yield from step("note", note, "b")
        except BaseException:
            yield from step("undo", note, "b")
            raise
        try:
            yield from step("note", note, "c")
        except Cancelled:
            return "cancelled"
        except BaseException:
            pass
    """
    for node in body.each(ast.Try, ast.TryStar):
        if any(body.yields_below(*node.body)):
            yield from _swallowing_handlers(body, node)
            yield from _leaving_finally(node)
    for suppressing in body.each(ast.With):
        for item in suppressing.items:
            if _suppresses_everything(body, item.context_expr) and any(body.yields_below(*suppressing.body)):
                yield Hit(item.context_expr, f"{text_of(item.context_expr)} swallows everything")


def _swallowing_handlers(body: Body, node: ast.Try | ast.TryStar) -> Iterator[Hit]:
    for handler in node.handlers:
        if _catches(body, handler.type, _CANCELLATION):
            return
        if _catches(body, handler.type, _EVERYTHING) and not any(
            isinstance(each, ast.Raise) for each in within(*handler.body)
        ):
            caught = "`except:`" if handler.type is None else f"`except {ast.unparse(handler.type)}:`"
            yield Hit(handler, f"{caught} around a yield swallows everything")


def _catches(body: Body, kind: ast.expr | None, table: Collection[str]) -> bool:
    if kind is None:
        return table is _EVERYTHING
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(matches(body.names.refer(each).names, table) for each in kinds)


def _leaving_finally(node: ast.Try | ast.TryStar) -> Iterator[Hit]:
    """A ``return`` in it, or a ``break`` out of it, drops what was being raised."""
    for statement in node.finalbody:
        for each in _leaving(statement, in_loop=False):
            yield Hit(each, f"`{ast.unparse(each).split()[0]}` in `finally` swallows everything")


def _leaving(node: ast.AST, in_loop: bool) -> Iterator[ast.stmt]:
    if isinstance(node, ast.Return) or (isinstance(node, ast.Break | ast.Continue) and not in_loop):
        yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        for child in ast.iter_child_nodes(node):
            yield from _leaving(child, in_loop or isinstance(node, ast.For | ast.While))


def _suppresses_everything(body: Body, item: ast.expr) -> bool:
    if not isinstance(item, ast.Call) or "contextlib.suppress" not in body.called(item):
        return False
    return any(_catches(body, each, _EVERYTHING) for each in item.args)


def acts_in_finally(body: Body) -> Iterator[Hit]:
    """Calls in a ``finally`` around a yield that are not yielded themselves.

    Found::

        try:
            yield from wait("approval")
        finally:
            release(order_id)  # DF304

    Fine::

        try:
            yield from wait("approval")
        finally:
            released = []
            released.append(order_id)
            yield from step("release", release, order_id)
        try:
            number = int(order_id)
        finally:
            release(order_id)
    """
    for statement in _finally_around_yields(body):
        for node in within(statement):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _acts(body, node.value):
                yield Hit(node.value, f"{text_of(node.value)} stands in a `finally` around a yield")


def _acts(body: Body, call: ast.Call) -> bool:
    """Not if it comes after a yield of its own, or changes a local collection, or is the business of another rule."""
    if body.makes_command(call) or body.makes_generator(call) or any(body.yields_below(call)):
        return False
    match call.func:
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if attribute in CHANGES:
            return name not in body.names.own
        case _:
            return True


def yields_in_finally(body: Body) -> Iterator[Hit]:
    """Yields in a ``finally`` around a yield.

    Found::

        try:
            yield from wait("approval")
        finally:
            yield from step("release", release, order_id)  # DF305

    Fine::

        try:
            yield from wait("approval")
        except Exception:
            yield from step("release", release, order_id)
    """
    for statement in _finally_around_yields(body):
        line = getattr(body.parents[statement], "lineno", "?")
        for node in body.yields_below(statement):
            yield Hit(node, f"{text_of(node.value or node)} is yielded in the `finally` of line {line}'s `try`")


def _finally_around_yields(body: Body) -> Iterator[ast.stmt]:
    """An inner ``finally`` within an outer one is looked at once."""
    for node in body.each(ast.Try, ast.TryStar):
        around = any(body.yields_below(*node.body, *node.handlers, *node.orelse))
        inside = any(isinstance(each, ast.Try | ast.TryStar) and _is_in(node, each) for each in body.above(node))
        if around and not inside:
            yield from node.finalbody


def _is_in(node: ast.AST, outer: ast.Try | ast.TryStar) -> bool:
    return any(each is node for each in within(*outer.finalbody))
