"""Modules that are written, imported and checked."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from types import ModuleType

from dataflows import Step, step
from dataflows.checks import Finding, check, unsaid

__all__ = ["PRELUDE", "Author", "codes_by_line", "promised"]

_NUMBERS = itertools.count()

PRELUDE = """\
import asyncio, contextlib, functools, itertools, logging, os, random, secrets, subprocess, sys
import threading, time, urllib.parse, zlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import dataflows
from dataflows import Cancelled, Flow, fork, gather, get_logger, now, race, sleep, step, wait, workflow
from dataflows.connectors import clickup, shopify

try:
    import requests
except ImportError:
    pass

SEEN: list[str] = []
TOTALS: dict[str, int] = {}
NUMBERS = itertools.count()
logger = get_logger("tests.checks.of_the_language")
plain_logger = logging.getLogger("tests.checks.plain")

class Settings:
    verbose = False

def note(text): ...
def fetch(id): ...
def release(id): return Settings.verbose and id > 1
async def fetch_async(id): ...

def helper(id):
    yield step("help", note, id)

def remind(id):
    return step("remind", note, id)

def named(name, branch):
    return {"name": name, "branch": branch}["branch"]

def words(text):
    yield "a"
    yield "b"
"""


class Author:
    """Writes modules into a folder and imports them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def module(self, text: str, prelude: str = PRELUDE) -> ModuleType:
        """The text as a module; its workflows are registered without a word."""
        with unsaid():
            return self.imported(text, prelude)

    def imported(self, text: str, prelude: str = PRELUDE) -> ModuleType:
        """The same, and whatever registration says is said; ``tests.checks.`` in a name becomes the module's own."""
        name = f"written_{next(_NUMBERS)}"
        file = self._folder / f"{name}.py"
        file.write_text(prelude + text.replace("tests.checks.", f"{name}."))
        specification = importlib.util.spec_from_file_location(name, file)
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules[name] = module
        try:
            specification.loader.exec_module(module)
        finally:
            del sys.modules[name]
        return module

    def found(self, text: str, function: str = "flow") -> list[tuple[str, str]]:
        """Code and source line of what is found in the module's function, notes too."""
        module = self.module(text)
        return codes_by_line(check(getattr(module, function)), (PRELUDE + text).splitlines())


def codes_by_line(findings: tuple[Finding, ...], lines: list[str]) -> list[tuple[str, str]]:
    return [(finding.code, lines[finding.line - 1].strip()) for finding in findings]


def promised(id: str) -> Step[None]:
    """What a workflow of another module may build a step with."""
    return step("promised", print, id)
