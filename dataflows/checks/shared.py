"""The rule on state that others see: a replay changes it a second time, another process not at all.

Owns what counts as shared: the names of the module, and those of functions around the workflow.
"""

from __future__ import annotations

import ast
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator

from dataflows.checks.body import Body, text_of
from dataflows.checks.finding import Hit
from dataflows.checks.known import CHANGES

__all__ = ["changes_shared_state"]

_COLLECTIONS = (list, dict, set, bytearray, deque, Counter, defaultdict, OrderedDict)


def changes_shared_state(body: Body) -> Iterator[Hit]:
    """Changes of what the module holds, and of names that are declared ``nonlocal``.

    Found::

        SEEN.append(order_id)  # DF206
        TOTALS[order_id] = 1  # DF206
        Settings.verbose = True  # DF206
        number = next(NUMBERS)  # DF206

    Fine::

        seen = list(SEEN)
        seen.append(order_id)
        total = TOTALS.get(order_id, 0)
    """
    for node in body.nodes:
        if _assigns(body, node) or _calls_a_change(body, node):
            assert isinstance(node, ast.expr)
            yield Hit(node, f"{text_of(node)} changes what is shared with others")


def _assigns(body: Body, node: ast.AST) -> bool:
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del()):
            return node.id not in body.names.own
        case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
            return _is_shared(body, node.value)
        case _:
            return False


def _is_shared(body: Body, node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name) and body.names.refer(node).shared


def _calls_a_change(body: Body, node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name() as owner, attr=attribute)) if attribute in CHANGES:
            found = body.names.refer(owner)
            return found.shared and type(found.value) in _COLLECTIONS
        case ast.Call(args=[ast.Name() as iterated, *_]):
            found = body.names.refer(iterated)
            return "builtins.next" in body.called(node) and found.shared and isinstance(found.value, Iterator)
        case _:
            return False
