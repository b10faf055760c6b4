"""What type checkers make of the language: the files in ``accepted`` and ``refused``, and the README's examples.

A line that ends with ``# refused`` must be reported by mypy --strict and by pyright, any other line by neither. Each
checker runs once, both at the same time, over all the files.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FILES = sorted(path for folder in ("accepted", "refused") for path in (HERE / folder).glob("*.py"))
EXAMPLE = re.compile(r"^```python\n(?=(?:#.*\n)*(?:from|import) )(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = {
    "mypy": ["mypy", "--strict", "--output", "json", "--cache-dir", ".mypy_cache"],
    "pyright": ["pyright", "--pythonpath", sys.executable, "--outputjson"],
}

Reports: TypeAlias = dict[str, dict[Path, dict[int, str]]]
"""Checker, file, line: the message."""


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Each example of the README that stands alone, as a file in which it has the README's line numbers."""
    folder = tmp_path_factory.mktemp("readme")
    readme = ROOT / "README.md"
    text = readme.read_text() if readme.exists() else ""
    files: list[Path] = []
    for found in EXAMPLE.finditer(text):
        line = text.count("\n", 0, found.start(1)) + 1
        files.append(folder / f"readme_{line}.py")
        files[-1].write_text("\n" * (line - 1) + found[1])
    return files


@pytest.fixture(scope="module")
def reports(examples: list[Path]) -> Reports:
    """What each checker says about all the files."""
    running = {
        checker: subprocess.Popen(
            [sys.executable, "-m", *command, *map(str, [*FILES, *examples])],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for checker, command in COMMANDS.items()
    }
    read = {"mypy": read_mypy, "pyright": read_pyright}
    reports: Reports = {}
    for checker, process in running.items():
        output, complaints = process.communicate()
        assert process.returncode in (0, 1), f"{checker} broke off: {output}{complaints}"
        reports[checker] = defaultdict(dict)
        for path, line, message in read[checker](output):
            reports[checker][path][line] = message
    return reports


def read_mypy(output: str) -> Iterator[tuple[Path, int, str]]:
    for diagnostic in map(json.loads, output.splitlines()):
        if diagnostic["severity"] == "error":
            yield ROOT / diagnostic["file"], diagnostic["line"], diagnostic["message"]


def read_pyright(output: str) -> Iterator[tuple[Path, int, str]]:
    diagnostics: list[dict[str, Any]] = json.loads(output)["generalDiagnostics"]
    for diagnostic in diagnostics:
        yield Path(diagnostic["file"]), diagnostic["range"]["start"]["line"] + 1, diagnostic["message"]


def marked_lines(path: Path) -> set[int]:
    return {number for number, line in enumerate(path.read_text().splitlines(), 1) if line.endswith("  # refused")}


def listing(path: Path, lines: dict[int, str]) -> str:
    return "".join(f"\n{path.relative_to(ROOT)}:{line}: {message}" for line, message in sorted(lines.items()))


@pytest.mark.parametrize("checker", COMMANDS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_type_checker_refuses_the_marked_lines_and_no_other(checker: str, path: Path, reports: Reports) -> None:
    reported = reports[checker][path]
    marked = marked_lines(path)
    surplus = {line: message for line, message in reported.items() if line not in marked}
    missing = dict.fromkeys(marked - set(reported), "should be refused")
    assert not surplus | missing, f"{checker}:{listing(path, surplus | missing)}"


@pytest.mark.parametrize("checker", COMMANDS)
def test_the_examples_of_the_readme_have_types_that_a_checker_accepts(
    checker: str, examples: list[Path], reports: Reports
) -> None:
    assert examples, "README.md has no example in Python that starts with its imports"
    refused = [
        f"README.md:{line}: {message}" for path in examples for line, message in sorted(reports[checker][path].items())
    ]
    assert not refused, f"{checker}: " + "\n".join(refused)
