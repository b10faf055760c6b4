"""Functions without a name, as copies: lambdas, and functions defined inside others.

Owns what such a copy takes along: code, closure, defaults, and just the globals that the code
names. dill alone would follow every function that is named there into its own globals; that
does not end for two functions that call each other, and drags along locks that nobody needs.
Such copies are for calls only, never for the journal.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from importlib import import_module
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

from interpreter.codec import pickling
from interpreter.codec.names import MAINS, name_of

__all__ = ["dump_with_code"]

_ATTRIBUTES = ("__qualname__", "__doc__", "__defaults__", "__kwdefaults__", "__annotations__")
_MODULE_FACTS = ("__name__", "__package__")
_USES_OF_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"})


def dump_with_code(value: object) -> bytes:
    """The value as a pickle, functions without a name included.

    :raises pickling.Unstorable: it holds what cannot leave this process.
    """
    try:
        return pickling.dump(value)
    except pickling.Unstorable:
        return pickling.dump_with(_CodePickler, value)


class _CodePickler(pickling.DillPickler):
    def reducer_override(self, node: Any) -> Any:
        kind = type(node)
        if kind is FunctionType:
            return super().reducer_override(node) if _is_named_elsewhere(node) else _as_copy(node)
        if kind is CellType:
            return _make_cell, (), _contents(node), None, None, _fill_cell
        if kind is ModuleType:
            return import_module, (node.__name__,)
        return NotImplemented if kind is CodeType else super().reducer_override(node)


def _is_named_elsewhere(function: FunctionType) -> bool:
    """Whether other processes can import it; what is typed at a prompt, they cannot."""
    name = name_of(function)
    return name is not None and name[0] not in MAINS


def _as_copy(function: FunctionType) -> tuple[Any, ...]:
    """A reduction in two parts: what may refer to the function itself is filled in when it exists."""
    facts = {name: function.__globals__.get(name) for name in _MODULE_FACTS}
    used = _globals_of(function)
    state = {
        "imports": _submodules(function.__code__, used),
        "globals": used,
        "attributes": {name: getattr(function, name) for name in _ATTRIBUTES},
        "dict": vars(function),
    }
    return _make, (function.__code__, facts, function.__name__, function.__closure__), state, None, None, _fill


def _make(code: CodeType, facts: dict[str, Any], name: str, closure: tuple[CellType, ...] | None) -> FunctionType:
    return FunctionType(code, facts, name, None, closure)


def _fill(function: FunctionType, state: dict[str, Any]) -> None:
    for module in state["imports"]:
        import_module(module)
    function.__globals__.update(state["globals"])
    vars(function).update(state["dict"])
    for name, value in state["attributes"].items():
        setattr(function, name, value)


def _contents(cell: CellType) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # a variable that has no value yet
        return ()


def _make_cell() -> CellType:
    return CellType()


def _fill_cell(cell: CellType, contents: tuple[Any, ...]) -> None:
    for content in contents:
        cell.cell_contents = content


def _globals_of(function: FunctionType) -> dict[str, Any]:
    names = {
        instruction.argval
        for code in _codes(function.__code__)
        for instruction in dis.get_instructions(code)
        if instruction.opname in _USES_OF_GLOBALS
    }
    return {name: value for name, value in function.__globals__.items() if name in names}


def _submodules(code: CodeType, used: dict[str, Any]) -> list[str]:
    """Modules that the code reaches as attributes: with ``import xml.etree``, a global ``xml`` is all one sees."""
    attributes = {name for part in _codes(code) for name in part.co_names}
    packages = tuple(f"{value.__name__}." for value in used.values() if isinstance(value, ModuleType))
    below = (name for name in list(sys.modules) if name.startswith(packages))
    return [name for name in below if attributes.issuperset(name.split(".")[1:])]


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
