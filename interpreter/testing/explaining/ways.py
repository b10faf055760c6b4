"""One way through a workflow's code: nothing runs, every answer is a placeholder.

Owns which of the open commands is answered next. Those that stand in no race are, first; of a race
one branch is, to its end, and which one is a choice.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from dataflows.commands import Defer, Race
from dataflows.outcome import Error
from dataflows.workflow import Workflow
from interpreter.machine import (
    AwaitSignal,
    Begun,
    End,
    Entry,
    Fact,
    MarkPatch,
    Position,
    Renew,
    Started,
    StopChild,
    StopStep,
    WaitTimedOut,
)
from interpreter.machine.places import source_line
from interpreter.machine.scopes import RaceScope
from interpreter.testing.explaining.choices import Choice, Choices
from interpreter.testing.explaining.details import describe
from interpreter.testing.explaining.noting import NotingMachine
from interpreter.testing.made_up import answer, late
from interpreter.testing.placeholders import Placeholder, deciding
from interpreter.testing.replaying.frames import frames_of_traceback

__all__ = ["LAST", "Seen", "Way"]

LAST: Position = (sys.maxsize,)
"""Where the end of a workflow is put: behind every command."""

_HIDDEN = (End, Renew, StopStep, StopChild, MarkPatch)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that was seen on the way.

    :ivar kind: ``step``, ``transaction``, ``defer``, ``sleep``, ``wait``, ``child``, ``start``, ``signal``,
        ``publish``, ``callback``; ``gather``, ``race``, ``fork`` and, below these, ``branch``;
        ``returns``, ``raises``, ``continues``; or ``cut``, where it was left.
    :ivar details: what else is to be told, in words.
    :ivar place: ``file:line: text``.
    """

    position: Position
    kind: str
    name: str = ""
    details: str = ""
    place: str = ""


class Way:
    """Drives the workflow once.

    :param limit: how many commands may be answered before the way is cut.
    :ivar events: what was seen, and what was chosen, in order.
    """

    def __init__(self, workflow: Workflow[..., Any], choices: Choices, limit: int) -> None:
        self.events: list[Seen | Choice] = []
        self._machine = NotingMachine(workflow)
        self._choices = choices
        self._limit = limit
        self._shown: set[Position] = set()

    def go(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """To its end, or until it is cut."""
        token = deciding.set(self._decide)
        try:
            self._apply(Started(args, dict(kwargs), "explain"))
            self._apply(Begun())
            self._drive()
        finally:
            self._machine.abandon()
            deciding.reset(token)

    def _drive(self) -> None:
        for _ in range(self._limit):
            self._show()
            if not self._machine.open or isinstance(self._machine.open.get(()), End | Renew):
                self.events.append(self._end())
                return None
            fact = self._next()
            if fact is None:
                return self._cut("what it waits for here cannot be made up")
            self._apply(fact)
        return self._cut(f"left here, after {self._limit} commands")

    def _apply(self, fact: Fact) -> None:
        due = getattr(self._machine.open.get(getattr(fact, "position", None) or ()), "due", None)
        at = late(self._machine, due) if self._machine.time is not None else _EPOCH
        self._machine.apply(Entry(self._machine.seq + 1, at, fact))

    # What is answered next ----------------------------------------------------------------------

    def _next(self) -> Fact | None:
        waiting = [action for action in self._machine.open.values() if not isinstance(action, End | Renew)]
        stopping = [action for action in waiting if isinstance(action, StopStep | StopChild | MarkPatch)]
        action = stopping[0] if stopping else self._among(waiting, 0)
        if isinstance(action, AwaitSignal) and action.due is not None:
            options = ("the signal comes", "its time is over")
            if self._choose(self._place(action.position), f"wait {action.name!r}", options) == options[1]:
                return WaitTimedOut(action.position, action.name, action.branch)
        return answer(self._machine, action)

    def _among(self, waiting: list[Any], depth: int) -> Any:
        """One that stands in no race below this depth; else one of the branch that is to win."""
        for action in waiting:
            if self._race_of(action.position, depth) is None:
                return action
        race = self._race_of(waiting[0].position, depth)
        assert race is not None
        branches = {each.position[len(race)]: each for each in waiting if each.position[: len(race)] == race}
        names = {number: self._branch_name(race, number) for number in branches}
        winner = self._choose(self._place(race), "which comes first", list(names.values()))
        lane = [each for each in waiting if names.get(each.position[len(race)]) == winner]
        return self._among([each for each in lane if each.position[: len(race)] == race], len(race) + 1)

    def _race_of(self, position: Position, depth: int) -> Position | None:
        """The outermost race, no higher than this, that a position stands in."""
        for end in range(depth + 1, len(position), 2):
            if isinstance(self._scope_at(position[:end]), RaceScope):
                return position[:end]
        return None

    def _scope_at(self, position: Position) -> object:
        fiber = self._machine.fibers.get(position[:-1])
        is_here = fiber is not None and fiber.scope is not None and fiber.scope.position == position
        return fiber.scope if is_here and fiber is not None else None

    # What is chosen -----------------------------------------------------------------------------

    def _choose(self, place: str, question: str, options: Any) -> str:
        if len(options) == 1:
            return str(options[0])
        taken, choice = self._choices.choose(place, question, options)
        if choice is not None:
            self.events.append(choice)
        return taken

    def _decide(self, asked: Placeholder) -> bool:
        return self._choose(_asking(), f"{asked!r}?", ("yes", "no")) == "yes"

    # What is shown ------------------------------------------------------------------------------

    def _show(self) -> None:
        deferred = [at for at, note in self._machine.notes.items() if isinstance(note.command, Defer)]
        opened = [action.position for action in self._machine.open.values() if not isinstance(action, _HIDDEN)]
        for position in (*deferred, *opened):
            if position not in self._shown:
                self._show_around(position)
                self._add(position)

    def _show_around(self, position: Position) -> None:
        """The commands that hold it, and the branches of these that it is in."""
        for end in range(1, len(position), 2):
            self._add(position[:end])
            self._add(position[: end + 1])

    def _add(self, position: Position) -> None:
        if position in self._shown:
            return
        self._shown.add(position)
        if len(position) % 2:
            command, place, at = self._machine.notes[position]
            self.events.append(Seen(position, *describe(command, at), place=place))
        else:
            self.events.append(Seen(position, "branch", self._branch_name(position[:-1], position[-1])))

    def _branch_name(self, holder: Position, number: int) -> str:
        command = self._machine.notes[holder].command
        return command.branches[number][0] if isinstance(command, Race) else str(number)

    def _place(self, position: Position) -> str:
        fiber = self._machine.fibers.get(position[:-1])
        return "" if fiber is None else source_line(self._machine, fiber)

    def _cut(self, why: str) -> None:
        places = self._machine.where()
        self.events.append(Seen(LAST, "cut", details=why, place=places[0] if places else ""))

    def _end(self) -> Seen:
        outcome = self._machine.outcome
        if isinstance(renew := self._machine.open.get(()), Renew):
            return Seen(LAST, "continues", "as new", f"({', '.join(map(repr, renew.args))})")
        if not isinstance(outcome, Error):
            return Seen(LAST, "returns", details="" if outcome is None else repr(outcome.value))
        error = outcome.exception
        frames = [each for each in frames_of_traceback(error) if not _is_of_the_language(each[0])]
        place = f"{frames[-1][0].f_code.co_filename}:{frames[-1][1]}" if frames else ""
        return Seen(LAST, "raises", type(error).__name__, str(error), place)


def _is_of_the_language(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith("dataflows.")


def _asking() -> str:
    """``file:line`` of the code that asks whether a placeholder is true."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("interpreter.testing"):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
