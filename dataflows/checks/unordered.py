"""The rule on the order of sets: it differs from process to process, so a replay's commands come in another order.

Owns what counts as a set, and which loops feed commands. A loop that only computes may be in any order.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dataflows.checks.body import Body, text_of
from dataflows.checks.finding import Hit
from dataflows.checks.source import within

__all__ = ["iterates_a_set"]

_DEPTH = 8
_SETS = {"builtins.set", "builtins.frozenset"}
_SET_TYPES = _SETS | {f"{module}.{name}" for module in ("typing", "collections.abc") for name in ("Set", "AbstractSet")}
_KEEPS_THE_ORDER = {f"builtins.{name}" for name in ("list", "tuple", "enumerate", "iter", "reversed", "zip", "filter")}
_GIVES_A_SET = {"union", "intersection", "difference", "symmetric_difference"}
_VIEWS = {"keys", "items"}


def iterates_a_set(body: Body) -> Iterator[Hit]:
    """Loops over sets that make commands.

    Found::

        for name in {"a", "b"}:  # DF106
            yield from step("note", note, name)
        names = set(order["names"])
        yield from gather(*(step("note", note, name) for name in names))  # DF106
        for name in order.keys() & {"a", "b"}:  # DF106
            yield from step("note", note, name)
        for name in list(names):  # DF106
            yield from step("note", note, name)

    Fine::

        names = set(order["names"])
        for name in sorted(names):
            yield from step("note", note, name)
        lengths = {len(name) for name in names}
        for name in order:
            yield from step("note", note, name)
    """
    for node in body.each(ast.For):
        if _is_set(body, node.iter, _DEPTH) and _feeds_commands(body, *node.body):
            yield Hit(node.iter, f"{text_of(node.iter)} is in no certain order")
    for made in body.each(ast.ListComp, ast.GeneratorExp, ast.DictComp):
        element = [made.key, made.value] if isinstance(made, ast.DictComp) else [made.elt]
        for each in made.generators:
            if _is_set(body, each.iter, _DEPTH) and _feeds_commands(body, *element):
                yield Hit(each.iter, f"{text_of(each.iter)} is in no certain order")


def _feeds_commands(body: Body, *nodes: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Yield | ast.YieldFrom) or body.makes_command(node) or body.makes_generator(node)
        for node in within(*nodes)
    )


def _is_set(body: Body, node: ast.expr, depth: int) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.BitXor() | ast.Sub(), right=right):
            return _is_set(body, left, depth) or _is_set(body, right, depth) or _is_view(left)
        case ast.Call(func=ast.Attribute(value=owner, attr=attribute)) if attribute in _GIVES_A_SET:
            return _is_set(body, owner, depth)
        case ast.Call(args=args):
            called = body.called(node)
            keeps = not _KEEPS_THE_ORDER.isdisjoint(called)
            return not _SETS.isdisjoint(called) or (keeps and any(_is_set(body, each, depth) for each in args))
        case ast.Name() if depth:
            return _is_named_set(body, node, depth - 1)
        case _:
            return False


def _is_view(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _VIEWS


def _is_named_set(body: Body, node: ast.Name, depth: int) -> bool:
    if _is_sorted_in_place(body, node.id):
        return False
    assigned = body.names.assigned(node.id)
    if assigned is not None:
        return _is_set(body, assigned, depth)
    annotation = body.names.annotation(node.id)
    if annotation is not None:
        head = annotation.value if isinstance(annotation, ast.Subscript) else annotation
        return not _SET_TYPES.isdisjoint(body.names.refer(head).names)
    return isinstance(body.names.refer(node).value, set | frozenset)


def _is_sorted_in_place(body: Body, name: str) -> bool:
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr == "sort"
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == name
        for call in body.each(ast.Call)
    )
