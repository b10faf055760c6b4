"""Who may import whom: the house's order, read from the source.

``dataflows ← machine, codec ← store ← client, scheduler ← service, cli``; ``testing`` imports ``machine`` and ``codec``
only, and the ``Machine`` meets the store in ``scheduler`` alone. An import counts wherever it stands: in a function and
under ``TYPE_CHECKING`` too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("dataflows", "interpreter")

LANGUAGE = {"dataflows"}
ENGINE = LANGUAGE | {"interpreter.machine", "interpreter.codec", "interpreter.store"}
CALLS = ENGINE | {
    *("interpreter.promise", "interpreter.requests", "interpreter.operations", "interpreter.verbs"),
    "interpreter.database",
}
SERVING = CALLS | {"interpreter.client", "interpreter.reader", "interpreter.scheduler"}

MAY_IMPORT: dict[str, set[str]] = {
    "dataflows": set(),
    "interpreter.machine": LANGUAGE,
    "interpreter.codec": LANGUAGE,
    "interpreter.testing": LANGUAGE | {"interpreter.machine", "interpreter.codec"},
    "interpreter.store": LANGUAGE | {"interpreter.machine", "interpreter.codec"},
    "interpreter.embedded": {"dataflows.errors"},
    "interpreter.database": LANGUAGE | {"interpreter.store", "interpreter.embedded"},
    "interpreter.promise": {"dataflows.outcome"},
    "interpreter.requests": LANGUAGE | {"interpreter.store", "interpreter.promise"},
    "interpreter.operations": ENGINE | {"interpreter.requests", "interpreter.promise"},
    "interpreter.verbs": LANGUAGE | {"interpreter.store", "interpreter.requests", "interpreter.promise"},
    "interpreter.client": CALLS,
    "interpreter.reader": CALLS,
    "interpreter.scheduler": CALLS | {"interpreter.client"},
    "interpreter.service": CALLS | {"interpreter.client"},
    "interpreter.pytest_plugin": {"interpreter.testing"},
    "interpreter.cli": SERVING | {"interpreter.service", "interpreter.testing"},
    "interpreter": SERVING,
}
"""A part of the house, and the others that it may import."""

MAY_RUN_THE_MACHINE = {"interpreter.machine", "interpreter.scheduler", "interpreter.testing"}
MACHINE = ("interpreter.machine.Machine", "interpreter.machine.machine")
HAS_A_WORLD = {"io", "logging", "os", "pathlib", "random", "secrets", "socket", "subprocess", "threading", "time"}


@dataclass(frozen=True)
class Import:
    """One imported name: ``interpreter.machine.Machine``, by ``importer``, ``where``."""

    importer: str
    name: str
    where: str
    runs_on_import: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.importer} imports {self.name}"

    def is_of(self, *names: str) -> bool:
        return any(self.name == name or self.name.startswith(f"{name}.") for name in names)


def imports_of(path: Path, root: Path = ROOT) -> Iterator[Import]:
    """Every import in a file, in functions and under ``TYPE_CHECKING`` too."""
    relative = path.relative_to(root)
    importer = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
    tree = ast.parse(path.read_text(), str(path))
    deferred = set(nodes_run_later(tree))
    for node in ast.walk(tree):
        for name in imported_names(node):
            yield Import(importer, name, f"{relative}:{getattr(node, 'lineno', 0)}", node not in deferred)


def imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"write absolute imports; line {node.lineno} has a relative one"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def nodes_run_later(tree: ast.AST) -> Iterator[ast.AST]:
    """What does not run while the module is imported: bodies of functions, and what only type checkers read."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.If(test=ast.Name("TYPE_CHECKING")):
                yield from (below for statement in node.body for below in ast.walk(statement))


def part_of(module: str) -> str:
    """The part of the house: ``dataflows``, or what stands directly below ``interpreter``."""
    return ".".join(module.split(".")[: 1 if module.startswith("dataflows") else 2])


def goes_against_the_order(found: Import) -> bool:
    own = part_of(found.importer)
    return found.is_of(*PACKAGES) and part_of(found.name) != own and not found.is_of(*MAY_IMPORT[own])


def runs_a_machine_elsewhere(found: Import) -> bool:
    return found.is_of(*MACHINE) and part_of(found.importer) not in MAY_RUN_THE_MACHINE


def needs_an_installed_package(found: Import) -> bool:
    package = found.name.partition(".")[0]
    return found.runs_on_import and package not in {*sys.stdlib_module_names, *PACKAGES, "typing_extensions"}


FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
IMPORTS = [found for path in FILES for found in imports_of(path)]


def test_every_part_of_the_house_has_its_place_in_the_order() -> None:
    unplaced = {part_of(found.importer) for found in IMPORTS} - set(MAY_IMPORT)
    assert not unplaced, f"say in MAY_IMPORT what {', '.join(sorted(unplaced))} may import"


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_imports_only_what_stands_below_it(part: str) -> None:
    wrong = [str(found) for found in IMPORTS if part_of(found.importer) == part and goes_against_the_order(found)]
    assert not wrong, "\n".join(["", *wrong])


def test_the_machine_meets_the_store_in_the_scheduler_alone() -> None:
    wrong = [str(found) for found in IMPORTS if runs_a_machine_elsewhere(found)]
    assert not wrong, "\n".join(["", *wrong])


def test_the_language_is_imported_without_anything_installed() -> None:
    of_the_language = [found for found in IMPORTS if part_of(found.importer) == "dataflows"]
    wrong = [str(found) for found in of_the_language if needs_an_installed_package(found)]
    assert not wrong, "\n".join(["", *wrong])


def test_the_machine_has_no_clock_no_chance_and_no_input_or_output() -> None:
    of_the_machine = [found for found in IMPORTS if part_of(found.importer) == "interpreter.machine"]
    wrong = [str(found) for found in of_the_machine if needs_an_installed_package(found) or found.is_of(*HAS_A_WORLD)]
    assert not wrong, "\n".join(["", *wrong])


@pytest.mark.parametrize(
    ("source", "line", "name"),
    [
        ("import interpreter.store", 1, "interpreter.store"),
        ("from interpreter import store", 1, "interpreter.store"),
        ("def late():\n    from interpreter.store.journal import Journal", 2, "interpreter.store.journal.Journal"),
        ("if TYPE_CHECKING:\n    import interpreter.cli", 2, "interpreter.cli"),
        ("import json\nimport psycopg", 2, "psycopg"),
        ("try:\n    import psycopg\nexcept ImportError:\n    pass", 2, "psycopg"),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import psycopg", 4, "psycopg"),
    ],
)
def test_a_wrong_import_is_named_with_its_file_and_line(source: str, line: int, name: str, tmp_path: Path) -> None:
    module = tmp_path / "dataflows" / "language.py"
    module.parent.mkdir()
    module.write_text(source)
    wrong = [
        str(found)
        for found in imports_of(module, tmp_path)
        if goes_against_the_order(found) or needs_an_installed_package(found)
    ]
    assert wrong[0] == f"dataflows/language.py:{line}: dataflows.language imports {name}"


def test_what_is_imported_late_may_be_an_optional_package(tmp_path: Path) -> None:
    module = tmp_path / "dataflows" / "language.py"
    module.parent.mkdir()
    module.write_text("if TYPE_CHECKING:\n    import httpx2\ndef late():\n    import httpx2\n")
    assert not any(needs_an_installed_package(found) for found in imports_of(module, tmp_path))
