"""What a name in a function stands for: ``t`` for ``time.time`` after ``from time import time as t``.

Owns the resolution: through the function's own bindings, those of the functions around it, its closure, the
module's imports, its globals as they are now, and the builtins. A name that may be anything is nothing.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from dataflows.checks.instances import dotted_type
from dataflows.checks.source import AnyFunction, Source, own_nodes

__all__ = ["MISSING", "Bindings", "Names", "Referent"]

MISSING: Final[Any] = object()
_DEPTH = 8
"""How many assignments are followed from a name to what it stands for."""


class Referent(NamedTuple):
    """What an expression stands for.

    :ivar names: dotted names it is known by, like ``time.time``; none when it may be anything.
    :ivar value: the object itself, if it exists already, or ``MISSING``.
    :ivar node: the function of this module that it is.
    :ivar shared: a module's name, which other executions and replays see too.
    """

    names: frozenset[str] = frozenset()
    value: Any = MISSING
    node: AnyFunction | None = None
    shared: bool = False


UNKNOWN = Referent()


class Bindings:
    """The names that a function or a module binds, and to what, where that is certain.

    :ivar imports: name → dotted name.
    :ivar functions: name → function defined here.
    :ivar values: name → the expression it is assigned, if it is assigned once.
    :ivar others: the names that may be anything.
    """

    def __init__(self, owner: ast.AST) -> None:
        self.imports: dict[str, str] = {}
        self.functions: dict[str, AnyFunction] = {}
        self.values: dict[str, ast.expr] = {}
        self.others: set[str] = set()
        self.annotations: dict[str, ast.expr] = {}
        self._assigned: set[str] = set()
        elsewhere: set[str] = set()
        for name, annotation in _parameters(owner):
            self.others.add(name)
            if annotation is not None:
                self.annotations[name] = annotation
        for node in own_nodes(owner):
            self._bind(node, elsewhere)
        self.others -= elsewhere
        for name in elsewhere:
            self.values.pop(name, None)

    def __contains__(self, name: str) -> bool:
        return name in self.imports or name in self.functions or name in self.values or name in self.others

    def _bind(self, node: ast.AST, elsewhere: set[str]) -> None:
        match node:
            case ast.Import():
                self.imports |= {each.asname or each.name.partition(".")[0]: _imported(each) for each in node.names}
            case ast.ImportFrom(module=str(module), level=0):
                self.imports |= {each.asname or each.name: f"{module}.{each.name}" for each in node.names}
            case ast.ImportFrom():
                self.others |= {each.asname or each.name for each in node.names}
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.functions[node.name] = node
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                self._assign(name, value)
            case ast.Global() | ast.Nonlocal():
                elsewhere.update(node.names)
            case ast.Name(ctx=ast.Store() | ast.Del()):
                self._store(node.id)
            case _:
                self.others |= _other_bindings(node)

    def _assign(self, name: str, value: ast.expr) -> None:
        """Its target comes after it in the tree, and is the first store of that name, if it is the only one."""
        if name not in self._assigned and name not in self.others:
            self.values[name] = value

    def _store(self, name: str) -> None:
        if name in self._assigned or name not in self.values:
            self.values.pop(name, None)
            self.others.add(name)
        self._assigned.add(name)


class Names:
    """What the names of one function mean.

    :param live: the globals of its module as they are now.
    :param cells: what the functions around it have bound by now.
    """

    def __init__(self, source: Source, node: AnyFunction, live: Mapping[str, Any], cells: Mapping[str, Any]) -> None:
        self.source = source
        self.node = node
        self.own = Bindings(node)
        self._around = [Bindings(owner) for owner in _functions_around(source, node)]
        self._module = module_bindings(source)
        self._live = live
        self._cells = cells

    def refer(self, expression: ast.AST, depth: int = _DEPTH) -> Referent:
        """What the expression stands for."""
        match expression:
            case ast.Name(id=name):
                return self._look_up(name, depth)
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
                return Referent(node=self._method(attribute))
            case ast.Attribute(value=inner, attr=attribute):
                return _attribute(self.refer(inner, depth), attribute)
            case ast.Call(func=function, args=args):
                made = dotted_type(self.refer(function, depth).names, bool(args))
                return Referent(frozenset({made})) if made else UNKNOWN
            case ast.Await(value=inner):
                return self.refer(inner, depth)
            case _:
                return UNKNOWN

    def of_function(self, node: AnyFunction) -> Names:
        """The names of another function of this module."""
        return Names(self.source, node, self._live, {})

    def assigned(self, name: str) -> ast.expr | None:
        """What a name of the function is assigned, if it is assigned once."""
        return self.own.values.get(name)

    def annotation(self, name: str) -> ast.expr | None:
        """What a parameter is annotated with."""
        return self.own.annotations.get(name)

    def _look_up(self, name: str, depth: int) -> Referent:
        for bindings in [self.own, *self._around]:
            if name in bindings:
                live = MISSING if bindings is self.own else _unless_proxy(self._cells.get(name, MISSING))
                return self._bound(bindings, name, live, depth)
        live = _unless_proxy(self._live.get(name, MISSING))
        if name in self._module or live is not MISSING:
            return self._bound(self._module, name, live, depth)._replace(shared=True)
        if hasattr(builtins, name):
            return Referent(frozenset({f"builtins.{name}"}), getattr(builtins, name))
        return UNKNOWN

    def _bound(self, bindings: Bindings, name: str, live: Any, depth: int) -> Referent:
        if name in bindings.functions and name not in bindings.others:
            return Referent(value=live, node=bindings.functions[name])
        known = set() if live is MISSING else set(_names_of(live))
        if not isinstance(live, ModuleType) and name not in bindings.others and name not in bindings.values:
            known.update(filter(None, [bindings.imports.get(name)]))
        if not known and live is MISSING and name in bindings.values and depth:
            return self.refer(bindings.values[name], depth - 1)._replace(shared=False)
        return Referent(frozenset(known), live)

    def _method(self, name: str) -> AnyFunction | None:
        owner = self.source.owners[self.node]
        functions = Bindings(owner).functions if isinstance(owner, ast.ClassDef) else {}
        return functions.get(name)


def module_bindings(source: Source) -> Bindings:
    """Those of a module, kept with its tree."""
    found = source.__dict__.get("bindings")
    if found is None:
        found = source.__dict__["bindings"] = Bindings(source.tree)
    return found


def _attribute(owner: Referent, attribute: str) -> Referent:
    value = MISSING
    if isinstance(owner.value, ModuleType | type):
        value = _unless_proxy(vars(owner.value).get(attribute, MISSING))
    names = {f"{name}.{attribute}" for name in owner.names}
    if value is not MISSING:
        names.update(_names_of(value))
    return Referent(frozenset(names), value, None, owner.shared)


def _unless_proxy(value: Any) -> Any:
    """What stands in for another object may not be touched: it may look that one up in a database, or fail."""
    return MISSING if any("__class__" in vars(kind) for kind in type(value).__mro__[:-1]) else value


def _names_of(value: object) -> Iterator[str]:
    """What an object calls itself."""
    match value:
        case ModuleType():
            yield value.__name__
        case BuiltinFunctionType(__self__=type() as owner):
            yield f"{owner.__module__}.{owner.__qualname__}.{value.__name__}"
        case type() | FunctionType() | BuiltinFunctionType() if value.__module__:
            yield f"{_public(value.__module__)}.{value.__qualname__}"
        case _:
            made = dotted_type({f"{_public(each.__module__)}.{each.__qualname__}" for each in type(value).__mro__})
            if made and not getattr(value, "filters", None):
                yield made


def _public(module: str) -> str:
    return {"posix": "os", "nt": "os", "_io": "io", "_random": "random"}.get(module, module)


def _functions_around(source: Source, node: AnyFunction) -> Iterator[ast.AST]:
    owner = source.owners[node]
    while not isinstance(owner, ast.Module):
        if not isinstance(owner, ast.ClassDef):
            yield owner
        owner = source.owners[owner]


def _imported(alias: ast.alias) -> str:
    return alias.name if alias.asname else alias.name.partition(".")[0]


def _parameters(owner: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    arguments = getattr(owner, "args", None)
    if isinstance(arguments, ast.arguments):
        several = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
        for each in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            yield each.arg, each.annotation
        for each in several:
            yield each.arg, None


def _other_bindings(node: ast.AST) -> set[str]:
    match node:
        case ast.ClassDef(name=str(name)) | ast.ExceptHandler(name=str(name)):
            return {name}
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return {name}
        case _:
            return set()
