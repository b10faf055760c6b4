"""The rules on commands that reach nobody: built and dropped, or yielded in a way that is no command.

Owns what counts as dropped: a command that stands alone, is returned, is taken for its answer, or is held by a name
that is never handed on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dataflows.checks.body import Body, text_of
from dataflows.checks.finding import Hit
from dataflows.checks.looked_at import is_only_looked_at, name_is_only_looked_at

__all__ = ["drops_commands", "yields_no_command"]

_LITERALS = (ast.Constant, ast.JoinedStr, ast.Dict, ast.Set, ast.List, ast.Tuple, ast.ListComp, ast.SetComp)


def drops_commands(body: Body) -> Iterator[Hit]:
    """Commands and generators that are built and never yielded.

    Found::

        step("note", note, "begun")  # DF301
        nap = sleep("nap", "1h")  # DF301
        approved = wait("approval")  # DF301
        if approved:
            yield from step("note", note, "approved")
        if wait("payment"):  # DF301
            yield from step("note", note, "paid")
        for page in step("pages", fetch, order_id):  # DF301
            yield from step("note", note, page)
        item = step("fetch", fetch, order_id)  # DF301
        release(item)
        price: int = step("price", fetch, order_id)  # DF301
        total = price + 1
        found = step("find", fetch, order_id)  # DF301
        yield from step("save", note, found)
        answer = step("ask", fetch, order_id)  # DF301
        logger.info("answered %s", answer.text)
        print(step("look", fetch, order_id))  # DF301
        paid = wait("paid")  # DF301
        return paid
        remind(order_id)  # DF301
        helper(order_id)  # DF301
        return step("last", note, "done")  # DF301

    Fine::

        yield from step("note", note, "begun")
        naps = [sleep("nap", hours * 3600) for hours in range(3)]
        yield from gather(*naps)
        for each in naps:
            yield from each
        nap = sleep("nap", "1h")
        yield from nap
        note(f"reminds by {nap}")
        reminder = remind(order_id)
        later = []
        later.append(reminder)
        yield from gather(*later)
        last = sleep("last", "1h")
        yield from fork(named("last", last))
        yield from remind(order_id)
        for name in words(order_id):
            yield step("note", note, name)
        return (yield from step("last", note, "done"))
    """
    for node in body.nodes:
        match node:
            case ast.Expr(value=value) if _needs_a_yield(body, value):
                yield Hit(value, f"{text_of(value)} builds what nobody yields")
            case ast.Return(value=ast.Call() as value) if _needs_a_yield(body, value):
                yield Hit(value, f"{text_of(value)} is returned and not yielded")
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                if body.names.assigned(name) is value and _needs_a_yield(body, value) and _goes_nowhere(body, name):
                    yield Hit(value, f"`{name}` is a command that nobody yields, and not its answer")
            case ast.Call() if is_only_looked_at(body, node) and body.makes_command(node):
                yield Hit(node, f"{text_of(node)} is a command that nobody yields, and not its answer")


def _needs_a_yield(body: Body, value: ast.expr) -> bool:
    if isinstance(value, ast.ListComp):
        value = value.elt
    return body.makes_command(value) or body.makes_generator(value)


def _goes_nowhere(body: Body, name: str) -> bool:
    """Whether it is not handed on to where it may be yielded; to be returned from workflow code is no such place."""
    several = isinstance(body.names.assigned(name), ast.ListComp)
    returned = {node.value for node in body.each(ast.Return) if isinstance(node.value, ast.Name)}
    return name_is_only_looked_at(body, name, several, but=returned)


def yields_no_command(body: Body) -> Iterator[Hit]:
    """Yields of literals, of nothing, and of generators without ``from``.

    Found::

        yield helper(order_id)  # DF302
        yield [step("a", fetch, "a"), step("b", fetch, "b")]  # DF302
        yield  # DF302

    Fine::

        yield from helper(order_id)
        yield step("a", fetch, "a")
        yield from gather(step("a", fetch, "a"), helper(order_id))
        return None
        yield  # which makes it a generator
    """
    for node in body.each(ast.Yield):
        if node.value is None:
            if not _is_never_reached(body, node):
                yield Hit(node, "`yield` gives no command")
        elif isinstance(node.value, _LITERALS):
            yield Hit(node, f"{text_of(node.value)} is no command")
        elif body.makes_generator(node.value):
            yield Hit(node, f"{text_of(node.value)} is a generator and no command")


def _is_never_reached(body: Body, node: ast.Yield) -> bool:
    """``return`` before a bare ``yield`` is how a function becomes a generator that yields nothing."""
    statement = body.parents[node]
    block = getattr(body.parents.get(statement, body.node), "body", [])
    before = block[: block.index(statement)] if statement in block else []
    return any(isinstance(each, ast.Return | ast.Raise) for each in before)
