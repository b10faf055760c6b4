"""Whether the source leaves it open that a command is dropped: then the run time has to look.

Owns what is beyond doubt. A statement that calls what is not known here may drop a command; so may a helper of another
module. Where neither stands, nothing has to be watched, and commands cost nothing more.
"""

from __future__ import annotations

import ast
import sys

from dataflows.checks.body import Body
from dataflows.checks.known import CHANGES, LEVELS
from dataflows.checks.names import Referent
from dataflows.checks.source import own_nodes
from dataflows.commands import Command

__all__ = ["may_drop_commands"]


def may_drop_commands(body: Body) -> bool:
    """Whether one of its statements may drop a command that no rule sees."""
    dropped = (node.value for node in body.each(ast.Expr))
    delegated = (node.value for node in body.each(ast.YieldFrom))
    return any(_may_be_a_command(body, value) for value in dropped) or any(_is_elsewhere(body, it) for it in delegated)


def _may_be_a_command(body: Body, value: ast.expr) -> bool:
    if isinstance(value, ast.ListComp | ast.SetComp):
        value = value.elt
    if not isinstance(value, ast.Call) or body.makes_command(value):
        return False
    return not _is_method_of_a_collection(value.func) and not _is_harmless(body.names.refer(value.func))


def _is_method_of_a_collection(function: ast.expr) -> bool:
    """Or of a logger: their names say enough."""
    return isinstance(function, ast.Attribute) and function.attr in CHANGES | LEVELS


def _is_harmless(called: Referent) -> bool:
    if called.node is not None:
        return not any(isinstance(each, ast.Return) and each.value is not None for each in own_nodes(called.node))
    if isinstance(called.value, type):
        return not issubclass(called.value, Command)
    packages = {name.partition(".")[0] for name in called.names}
    return not packages.isdisjoint({*sys.stdlib_module_names, "builtins"})


def _is_elsewhere(body: Body, value: ast.expr) -> bool:
    """A generator of another module; recipes of this package are beyond doubt."""
    if not isinstance(value, ast.Call) or body.makes_command(value) or body.generator(value) is not None:
        return False
    return not any(name.startswith("dataflows.") for name in body.called(value))
