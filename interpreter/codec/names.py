"""Classes and functions by name: where they are found again, in this process or another.

Owns what ``__main__`` is really called. A class that a script defines belongs to module
``__main__`` while the script runs, and to ``demo`` for everyone who imports ``demo.py``; it is
stored as the latter. Knows nothing of pickling.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from operator import attrgetter
from types import FunctionType
from typing import Any

__all__ = ["MAINS", "NAMED", "dotted", "find", "main_name", "name_of"]

MAINS = frozenset({"__main__", "__mp_main__"})
"""What a main module calls itself; the second in multiprocessing's children, which run the parent's again."""

NAMED = (type, FunctionType)
"""What travels by name."""


def main_name() -> str:
    """The name under which others import what is ``__main__`` here; ``"__main__"`` where nobody can.

    >>> # python -m pkg.mod: "pkg.mod"; python path/demo.py: "demo"; a prompt or python -c: "__main__"
    """
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name != "__main__":
        return str(spec.name)
    path = getattr(main, "__file__", None)
    return os.path.splitext(os.path.basename(path))[0] if isinstance(path, str) else "__main__"


def name_of(thing: type | FunctionType) -> tuple[str, str] | None:
    """Module and qualified name of a class or function; None if that name does not lead back to it."""
    module, qualname = thing.__module__, thing.__qualname__
    try:
        found = attrgetter(qualname)(sys.modules[module])
    except (AttributeError, KeyError):
        return None
    if found is not thing:
        return None
    return (main_name() if module in MAINS else module), qualname


def dotted(module: str, qualname: str) -> str:
    """The name as tracebacks print it: ``demo.Odd``, ``ValueError``."""
    return qualname if module == "builtins" else f"{module}.{qualname}"


def find(module: str, qualname: str) -> Any:
    """The class or function of that name. Stored pickles call this function: neither it nor this module may move.

    The script that runs is never imported, which would run it once more beside itself.

    :raises ImportError: there is no such module here; importing it may raise anything else too.
    :raises AttributeError: the module has no such name.
    """
    if module in MAINS or module == main_name():
        try:
            return attrgetter(qualname)(sys.modules["__main__"])
        except AttributeError:
            if module in MAINS or (module not in sys.modules and _is_what_runs(module)):
                raise
    return attrgetter(qualname)(import_module(module))


def _is_what_runs(module: str) -> bool:
    """Whether to import this would be to import what is ``__main__`` here, and not another of its name."""
    spec, path = find_spec(module), getattr(sys.modules["__main__"], "__file__", None)
    if spec is None or spec.origin is None or not isinstance(path, str):
        return False
    return os.path.realpath(spec.origin) == os.path.realpath(path)
