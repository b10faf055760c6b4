"""A command that workflow code builds and drops is told when it happens, wherever it was made."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dataflows import Flow, WorkflowWarning
from dataflows.checks.reach import workflow_code
from dataflows.checks.suspects import may_drop_commands
from dataflows.commands import Task
from interpreter.machine import Machine
from interpreter.machine.entries import Begun, Entry, Started
from tests.language.checking import PRELUDE, Author

MAKERS = """
makers = {"step": remind, "sleep": lambda id: sleep(id, 1)}
"""
"""What is not followed in the source."""


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path)


def driven(flow: Generator[Any, Any, Any]) -> list[warnings.WarningMessage]:
    """What is said while it runs to its end, every answer being a task."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        answer = None
        try:
            while True:
                flow.send(answer)
                answer = Task((0,))
        except StopIteration:
            return caught


def lines_of(caught: list[warnings.WarningMessage], text: str) -> list[str]:
    lines = (PRELUDE + MAKERS + text).splitlines()
    return [lines[warning.lineno - 1].strip() for warning in caught]


def written(author: Author, body: str) -> tuple[ModuleType, str]:
    text = f'\n@workflow("tests.checks.driven")\ndef flow(id):\n{body}    yield sleep("the end", 0)\n'
    return author.module(MAKERS + text), text


def test_a_command_that_stands_alone_is_told_with_its_name_file_and_line(author: Author) -> None:
    module, text = written(author, '    makers["step"](id)\n    yield makers["step"](id)\n')
    (told,) = driven(module.flow("x"))
    assert told.category is WorkflowWarning and told.filename == module.__file__
    assert lines_of([told], text) == ['makers["step"](id)']
    assert "DF301 Step 'remind' was built and never yielded" in str(told.message)


def test_a_list_of_commands_that_stands_alone_is_told_of_each(author: Author) -> None:
    module, text = written(author, '    [makers["sleep"](name) for name in "ab"]\n')
    told = driven(module.flow("x"))
    assert lines_of(told, text) == ['[makers["sleep"](name) for name in "ab"]'] * 2


def test_helpers_that_are_delegated_to_are_workflow_code(author: Author) -> None:
    module, _ = written(author, "    yield from helping()\n")
    vars(module)["helping"] = author.module(
        'def helping():\n    Settings.make("x")\n    yield Settings.make("y")\nSettings.make = remind\n'
    ).helping
    (told,) = driven(module.flow("x"))
    assert told.filename != module.__file__ and told.lineno == len(PRELUDE.splitlines()) + 2


def test_nothing_is_said_of_commands_that_are_yielded_kept_or_answered(author: Author) -> None:
    body = """\
    yield makers["step"](id)
    yield from makers["step"](id)
    kept = makers["step"](id)
    yield kept
    yield kept
    branches = [makers["step"](name) for name in "abc"]
    yield from gather(*branches)
    yield from fork(makers["step"](id))
    task = yield fork(makers["step"](id))
    yield from task
    first = makers["sleep"]("x")
    assert first == makers["sleep"]("x")
"""
    module, _ = written(author, body)
    assert driven(module.flow("x")) == []


def test_a_comment_allows_it(author: Author) -> None:
    module, _ = written(author, '    makers["step"](id)  # dataflows: allow DF301\n')
    assert driven(module.flow("x")) == []


def test_who_is_no_workflow_may_drop_commands(author: Author) -> None:
    module, _ = written(author, '    yield makers["step"](id)\n')

    def by_hand(make: Callable[[str], object]) -> Flow[None]:
        make("x")
        flow = module.flow("x")
        next(flow)
        flow.send(None)
        yield make("y")  # type: ignore[misc]

    assert driven(by_hand(module.makers["step"])) == []


def test_the_machine_runs_into_it_too(author: Author) -> None:
    module, text = written(author, '    makers["step"](id)\n')
    machine = Machine(module.flow)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        machine.apply(Entry(1, at, Started(("x",))))
        machine.apply(Entry(2, at, Begun()))
    assert lines_of(caught, text) == ['makers["step"](id)']
    machine.abandon()


# What has to be watched -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "is_watched"),
    [
        ("Settings.make(id)", True),
        ("makers['step'](id)", True),
        ("[each(id) for each in makers.values()]", True),
        ("yield from Settings.help(id)", True),
        ("SEEN and either(id)", False),
        ("either(id)", True),
        ("note(id)", False),
        ("yield from helper(id)", False),
        ("yield from step('a', note, id)", False),
        ("logger.info(id)", False),
        ("found = []; found.append(makers['step'](id))", False),
        ("contextlib.suppress(ValueError); Settings()", False),
        ("yield Settings.make(id)", False),
    ],
)
def test_only_what_the_source_leaves_open_has_to_be_watched(author: Author, statement: str, is_watched: bool) -> None:
    text = f"""
def either(id):
    if id:
        return note(id)
    return remind(id)

def flow(id):
    {statement}
    yield sleep("the end", 0)
"""
    (body, *_) = workflow_code(author.module(MAKERS + text).flow)
    assert may_drop_commands(body) is is_watched


def test_a_process_whose_workflows_are_beyond_doubt_gives_commands_no_finalizer(tmp_path: Path) -> None:
    text = '\n@workflow("certain")\ndef flow(id):\n    yield step("note", note, id)\n'
    uncertain = text.replace("certain", "uncertain").replace("yield step", "Settings.verbose('x')\n    yield step")
    program = f"{PRELUDE}{text}\nprint(hasattr(dataflows.Command, '__del__'))\n"
    program += f"{uncertain}\nprint(hasattr(dataflows.Command, '__del__'))\n"
    file = tmp_path / "program.py"
    file.write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.run([sys.executable, file], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]
