"""What to write so that old journals go on as they were: a ``patched(...)`` around the change.

Owns the guess what the change was. The code is led on past the disagreement, with placeholders for
answers: if the journal fits again behind commands that are new, these were put in; if what follows in
the journal fits where the code stands, commands were taken out; else one took the other's place.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from dataflows.errors import Mismatch
from dataflows.logs import replaying
from dataflows.workflow import Workflow
from interpreter.machine import (
    CallbackOpened,
    ChildEnded,
    ChildStarted,
    Entry,
    Machine,
    Position,
    Published,
    Recording,
    SignalSent,
    Slept,
    WaitTimedOut,
    fold,
)
from interpreter.machine.entries import At
from interpreter.testing.checking.statements import Statement, statement_at
from interpreter.testing.made_up import answer

__all__ = ["Patch", "suggest_patch"]

_FURTHEST = 5
"""How many commands may have been put in, or taken out, in one place."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A suggestion.

    :ivar change: ``added``, ``removed`` or ``replaced``.
    :ivar place: ``file:line``: the snippet takes the place of the statement there, or stands before it.
    :ivar snippet: Python source, dedented.
    """

    change: str
    place: str
    snippet: str


def suggest_patch(workflow: Workflow[..., Any], recording: Recording, entry: int) -> Patch | None:
    """How the change that made entry number ``entry`` not fit could be made without harm to old journals.

    :returns: None: the entry stands nowhere in particular, or the source cannot be read.
    """
    token = replaying.set(True)
    try:
        return _Disagreement(workflow, recording, entry).patch()
    finally:
        replaying.reset(token)


class _Disagreement:
    """Where code and journal part, and what each goes on with."""

    def __init__(self, workflow: Workflow[..., Any], recording: Recording, entry: int) -> None:
        self.workflow = workflow
        self.recording = recording
        self.entry = entry
        self.rest = [each.fact for each in recording.readable()[0][entry - 1 :]]
        self.places: list[str] = []

    def patch(self) -> Patch | None:
        fact = self.rest[0]
        if not isinstance(fact, At):
            return None
        added = self._added(fact)
        statements = list(_distinct(self.places[: added or 1]))
        if added and statements:
            return _added(self._name_at(fact.position), statements)
        if removed := self._removed(fact):
            return _removed(removed, statements)
        return _replaced(self._name_at(fact.position), fact, statements[0]) if statements else _removed([fact], [])

    def _agreed(self) -> list[Entry]:
        return self.recording.readable()[0][: self.entry - 1]

    def _added(self, fact: At) -> int:
        """How many commands of the code come before one that fits the fact; 0 if none does. Notes their places."""
        between: list[Entry] = []
        position = fact.position
        for number in range(1, _FURTHEST + 1):
            with _led(self.workflow, [*self._agreed(), *between]) as machine:
                self.places.extend(machine.where()[:1])
                answered = answer(machine, machine.open[position]) if position in machine.open else None
                if answered is None:
                    return 0
                between.append(Entry(machine.seq + 1, machine.clock, answered))
            position = _behind(position)
            if self._fits(between, replace(fact, position=position)):
                return number
        return 0

    def _removed(self, fact: At) -> list[At]:
        """The facts that the code no longer leads to, if what follows them fits."""
        gone = [fact]
        position = _behind(fact.position)
        for later in self.rest[1:]:
            if not isinstance(later, At) or later.position != position or len(gone) > _FURTHEST:
                continue
            if self._fits([], replace(later, position=fact.position)):
                return gone
            gone.append(later)
            position = _behind(position)
        return []

    def _fits(self, between: Sequence[Entry], fact: Any) -> bool:
        entries = [*self._agreed(), *between]
        try:
            with _led(self.workflow, [*entries, Entry(entries[-1].seq + 1, entries[-1].at, fact)]):
                return True
        except Mismatch:
            return False

    def _name_at(self, position: Position) -> str:
        with _led(self.workflow, self._agreed()) as machine:
            action = machine.open.get(position)
            return getattr(action, "name", "") or "new-course"


@contextmanager
def _led(workflow: Workflow[..., Any], entries: Sequence[Entry]) -> Iterator[Machine]:
    """A machine to which these entries have been applied."""
    machine = fold(workflow, lambda: entries)
    try:
        yield machine
    finally:
        machine.abandon()


def _behind(position: Position) -> Position:
    return (*position[:-1], position[-1] + 1)


def _distinct(places: Sequence[str]) -> Iterator[Statement]:
    seen: set[tuple[str, int]] = set()
    for place in places:
        statement = statement_at(place)
        if statement is not None and (statement.file, statement.first) not in seen:
            seen.add((statement.file, statement.first))
            yield statement


# Snippets ---------------------------------------------------------------------------------------


def _added(name: str, statements: Sequence[Statement]) -> Patch:
    new = "\n".join(_indented(statement.text) for statement in statements)
    without = "\n".join(_indented(statement.without) for statement in statements if statement.without)
    old = f"\nelse:\n{without}" if without else ""
    return Patch("added", _place(statements[0]), f'if (yield from patched("{name}")):\n{new}{old}')


def _removed(facts: Sequence[At], statements: Sequence[Statement]) -> Patch:
    old = "\n".join(_indented(_as_it_was(fact)) for fact in facts)
    before = f"\n{statements[0].text}" if statements else ""
    place = _place(statements[0]) if statements else "before the workflow returns"
    return Patch("removed", place, f'if not (yield from patched("without-{facts[0].name}")):\n{old}{before}')


def _replaced(name: str, fact: At, statement: Statement) -> Patch:
    name = name if name != fact.name else f"{name}-2"
    new, old = _indented(statement.text), _indented(f"{statement.target}{_as_it_was(fact)}")
    return Patch("replaced", _place(statement), f'if (yield from patched("{name}")):\n{new}\nelse:\n{old}')


def _as_it_was(fact: At) -> str:
    verb = _VERBS.get(type(fact), "step")
    return f'yield from {verb}("{fact.name}", ...)  # as the journal has it'


_VERBS: dict[type[At], str] = {
    Slept: "sleep",
    WaitTimedOut: "wait",
    ChildStarted: "child",
    ChildEnded: "child",
    SignalSent: "signal",
    Published: "publish",
    CallbackOpened: "callback",
}


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")


def _place(statement: Statement) -> str:
    return f"{statement.file}:{statement.first}"
