"""What a written file imports.

Owns the names, so that no two things have one, and the order of the lines.
"""

from __future__ import annotations

import sys
from collections import defaultdict

__all__ = ["Imports"]


class Imports:
    """Collects what is used."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, str]] = {}

    def name(self, module: str, qualname: str) -> str:
        """How a thing of a module is called in the file; "" of the builtins needs nothing."""
        if module == "builtins":
            return qualname
        outer, dot, inner = qualname.partition(".")
        called = outer
        while self._names.setdefault(called, (module, outer)) != (module, outer):
            called += "_"
        return f"{called}{dot}{inner}"

    def taken(self) -> set[str]:
        """The names that nothing else may have."""
        return set(self._names)

    def lines(self) -> list[str]:
        """The statements: the standard library's first."""
        modules: defaultdict[str, list[str]] = defaultdict(list)
        for called, (module, outer) in self._names.items():
            modules[module].append(outer if called == outer else f"{outer} as {called}")
        lines = {module: f"from {module} import {', '.join(sorted(names))}" for module, names in modules.items()}
        standard = [lines[module] for module in sorted(lines) if _is_standard(module)]
        others = [lines[module] for module in sorted(lines) if not _is_standard(module)]
        return [*standard, *([""] if standard and others else []), *others]


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names
