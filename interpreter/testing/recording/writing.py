"""A recorded execution as the text of a pytest file.

Owns the file's shape: what it is called, what it imports, and which values get a name because
they are told more than once.
"""

from __future__ import annotations

import inspect
import keyword
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from dataflows.errors import Mismatch
from dataflows.workflow import Registry, Workflow, registry
from interpreter.machine import ENDED, Recording
from interpreter.testing.recording.calls import Call, Story, tell
from interpreter.testing.recording.imports import Imports
from interpreter.testing.recording.layout import Brackets, Source, lay_out, on_one_line
from interpreter.testing.recording.redaction import Redact, redacted
from interpreter.testing.recording.values import ValueWriter

__all__ = ["record"]

_LONG = 30
"""Characters from which on a value that is told twice gets a name."""


def record(recording: Recording, redact: Redact | None = None, known: Registry = registry) -> str:
    """The text of a test that tells how the execution went, and fails where the code would now go another way.

    It needs no server: the workflow is imported, and driven by what is told.

    :param redact: called with the place and the value of all that the journal holds, outermost first; what it
        answers is written instead.
    :raises UnknownWorkflow: its workflow is not registered in this process.
    :raises Mismatch: the code that is here does not follow the journal, or not with what was redacted.
    """
    workflow = known.find(recording.workflow, recording.version)
    chosen = recording if redact is None else redacted(recording, redact)
    return _Test(workflow, recording, tell(workflow, chosen, _is_readable)).text()


def _is_readable(value: Any) -> bool:
    """Whether its source is plain to a reader, and makes an equal value."""
    writer = ValueWriter(Imports())
    try:
        writer.write(value)
    except Exception:  # it cannot be stored
        return False
    return writer.readable


class _Test:
    """One test file."""

    def __init__(self, workflow: Workflow[..., Any], recording: Recording, story: Story) -> None:
        self._recording = recording
        self._imports = Imports()
        self._writer = ValueWriter(self._imports)
        self._workflow = self._imports.name(*_address(workflow))
        self._imports.name("interpreter.testing", "Recorded")
        self._start = self._call(story.start, self._workflow)
        self._calls = [(call, self._call(call)) for call in story.calls]
        self._parameters = list(inspect.signature(workflow.function).parameters)
        self._sources: dict[str, Source] = {}
        self._names = self._named()

    def text(self) -> str:
        """The whole file."""
        ended = "as far as it has gone" if self._recording.status not in ENDED else f"it {self._recording.status}"
        ended = ended.replace("it cancelled", "it was cancelled")
        about = f"Execution {self._recording.id!r} of workflow {self._recording.workflow!r}, from its journal: {ended}."
        return "\n".join([f'"""{_in_docstring(about)}"""', "", *self._imports.lines(), "", "", *self._function(), ""])

    def _function(self) -> Iterator[str]:
        name = (
            re.sub(r"\W+", "_", f"{self._recording.workflow}_{self._recording.id}", flags=re.ASCII).strip("_").lower()
        )
        end = _ENDINGS.get(self._calls[-1][0].method, "goes") if self._calls else "goes"
        yield f"def test_{name}_{end}_as_it_did() -> None:"
        for text, variable in self._names.items():
            yield lay_out(_with_prefix(f"{variable} = ", self._sources[text]), 4)
        yield lay_out(self._with_names(self._start).behind("with "), 4, " as execution:")
        for _, source in self._calls:
            yield lay_out(self._with_names(source).behind("execution."), 8)
        if not self._calls:
            yield "        execution.stands_at()"

    def _call(self, call: Call, *before: str) -> Brackets:
        items = [*before, *map(self._writer.write, call.args)]
        named = [_with_prefix(f"{name}=", self._writer.write(value)) for name, value in call.kwargs.items()]
        return Brackets(f"{call.method}(", [*items, *named], ")")

    # Values with names --------------------------------------------------------------------------

    def _named(self) -> dict[str, str]:
        """The text of each value that is told more than once → its variable."""
        owners: dict[str, str] = {}
        counted: Counter[str] = Counter()
        for owner, value in self._owned():
            text = on_one_line(value)
            counted[text] += len(text) > _LONG
            self._sources.setdefault(text, value)
            owners.setdefault(text, owner)
        taken = {"execution", *self._imports.taken()}
        return {text: _free(owners[text], taken) for text, count in counted.items() if count > 1}

    def _owned(self) -> Iterator[tuple[str, Source]]:
        """Each value that may get a name, with whose it is: a parameter, a step, a signal."""
        yield from zip(self._parameters, self._start.items[1:], strict=False)
        for call, source in self._calls:
            yield from ((str(call.args[0] if call.args else "value"), value) for value in _told(source))

    def _with_names(self, call: Brackets) -> Brackets:
        items = [self._with_name(item) for item in call.items]
        return Brackets(call.opening, items, call.closing)

    def _with_name(self, item: Source) -> Source:
        prefix, value = _without_prefix(item)
        if (variable := self._names.get(on_one_line(value))) is not None:
            return prefix + variable
        if prefix == "given=" and isinstance(value, Brackets):
            inner = [self._names.get(on_one_line(each), each) for each in value.items]
            return Brackets(prefix + value.opening, inner, value.closing, value.comma)
        return item


_ENDINGS = {
    "returned": "completes",
    "raised": "fails",
    "was_cancelled": "is_cancelled",
    "stands_at": "stands",
    "continued_as_new": "continues",
}
_PREFIX = re.compile(r"^(given|returns|raises|kwargs)=")


def _told(call: Brackets) -> Iterator[Source]:
    """The values in a call that may get a name: its arguments, and each that a step was given."""
    for item in call.items:
        prefix, value = _without_prefix(item)
        if prefix == "given=" and isinstance(value, Brackets):
            yield from value.items
        else:
            yield value


def _without_prefix(item: Source) -> tuple[str, Source]:
    text = item if isinstance(item, str) else item.opening
    found = _PREFIX.match(text)
    if found is None:
        return "", item
    prefix, rest = found[0], text[found.end() :]
    return prefix, rest if isinstance(item, str) else Brackets(rest, item.items, item.closing, item.comma)


def _with_prefix(prefix: str, source: Source) -> Source:
    return prefix + source if isinstance(source, str) else source.behind(prefix)


def _free(wanted: str, taken: set[str]) -> str:
    name = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_").lower() or "value"
    if name[0].isdigit() or keyword.iskeyword(name):
        name = f"value_{name}"
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def _address(workflow: Workflow[..., Any]) -> tuple[str, str]:
    """The module and the name under which a test can import it.

    :raises Mismatch: it stands in no module under a name.
    """
    name = workflow.function.__module__
    for attribute, value in vars(sys.modules.get(name)).items() if name in sys.modules else ():
        if value is workflow:
            return name, attribute
    raise Mismatch(f"{workflow!r} stands in no module under a name of its own, so no test can import it")


def _in_docstring(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', "'''")
