"""An execution is a fold of its journal, and this is the fold.

``Machine.apply(entry)`` is the only door: outcomes, failed attempts, timers, signals and
cancellations all enter by it, on the first run and on every replay alike. The machine has no
clock, no I/O, no randomness and no log; its time is that of the last entry. Whatever feeds it
(the scheduler, a test, a checker) is its driver: it reads ``actions()`` and carries them out.

What each command and each fact does stands in the tables of ``rules``, and how it ends in
``ending``; this module owns the fibers, the queue of those that can run, and the map of what is open.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dataflows.commands import Branch, Command, ContinueAsNew, Step
from dataflows.errors import Mismatch, WrongYield
from dataflows.outcome import Error, Outcome
from dataflows.workflow import Workflow
from interpreter.machine import ending, rules
from interpreter.machine.actions import (
    Action,
    AwaitSignal,
    BeginStep,
    Close,
    Finishing,
    Open,
    Placed,
    SetTimer,
    StartChild,
)
from interpreter.machine.entries import Entry, SignalReceived, Started
from interpreter.machine.fiber import Fiber
from interpreter.machine.places import source_line
from interpreter.machine.position import Position
from interpreter.machine.scopes import ClosingScope, Scope, cancellation

__all__ = ["Machine"]


_SELDOM: dict[str, Callable[[], object]] = {
    "tasks": dict,
    "waits": dict,
    "signals": dict,
    "overtaken": dict,
    "patches": dict,
    "asked": dict,
    "defers": list,
}
"""What few executions need is made when it is asked for: the garbage collector visits each part of thousands."""

_NOBODY: deque[Fiber] = deque(maxlen=0)


class Machine:
    """One execution of one workflow.

    :param passed: the changes that older code has passed in this journal, as ``PatchPassed`` has told.
    :ivar open: position → the action wanted there now. The whole state that a driver needs.
    :ivar seq: of the last entry applied.
    :ivar time: of the last entry applied; None before the first.
    :ivar started: with what it was started; None before that entry.
    :ivar outcome: what the workflow came to, or None while it runs; if it begins again, the value is ``ContinueAsNew``.
    :ivar waits: name and key → where signals of it are awaited, first come, first served.
    :ivar signals: name and key → those that came early, each with its number in the journal.
    :ivar overtaken: what was settled before its own fact came, which may still come.
    :ivar patches: change → the answer that holds in the whole execution.
    :ivar asked: change that has no answer yet → where it is awaited.
    :ivar defers: what runs if it fails, the last first.
    :ivar failure: what it came to, while what was deferred runs.
    :ivar renewal: the command by which it begins again, once it has been yielded.
    :ivar cancel_requested: somebody has asked since.
    """

    tasks: dict[Position, Fiber]
    waits: dict[tuple[str, str | None], dict[Position, None]]
    signals: dict[tuple[str, str | None], deque[tuple[int, SignalReceived]]]
    overtaken: dict[Position, SetTimer | AwaitSignal | BeginStep | StartChild]
    patches: dict[str, bool]
    asked: dict[str, list[Position]]
    defers: list[Step[Any]]

    __slots__ = (
        *_SELDOM,
        "_changed",
        "_ready",
        "_to_cancel",
        "cancel_requested",
        "facts",
        "failure",
        "fibers",
        "main",
        "open",
        "outcome",
        "renewal",
        "seed",
        "seq",
        "started",
        "time",
        "workflow",
    )

    def __init__(self, workflow: Workflow[..., Any], passed: Iterable[str] = ()) -> None:
        self.workflow = workflow
        self.seq = 0
        self.time: datetime | None = None
        self.started: Started | None = None
        self.seed = ""
        self.open: dict[Position, Open] = {}
        self.outcome: Outcome[Any] | None = None
        self.main: Fiber | None = None
        self.fibers: dict[Position, Fiber] = {}
        self.failure: Error | None = None
        self.renewal: ContinueAsNew | None = None
        self.cancel_requested = False
        self.facts = rules.FACTS
        if passed:
            self.patches = dict.fromkeys(passed, False)
        self._changed: dict[Position, bool] = {}  # since the last call of actions(): whether it is new since
        self._ready: deque[Fiber] = deque()
        self._to_cancel = _NOBODY

    if not TYPE_CHECKING:  # to whom any name would then be known

        def __getattr__(self, name: str) -> object:
            if name not in _SELDOM:
                raise AttributeError(name=name, obj=self)
            setattr(self, name, made := _SELDOM[name]())
            return made

    @property
    def has_begun(self) -> bool:
        """Whether the workflow runs, or has run."""
        return bool(self.fibers) or self.outcome is not None

    def apply(self, entry: Entry) -> None:
        """Take the journal's next entry, and run the workflow as far as it goes.

        :raises Mismatch: the entry is not one that this code could have led to. The machine is
            of no use afterwards, but ``abandon()``.
        :raises PatchPassed: as above, but it could have, had some changes been answered with False: to be
            applied to a fresh ``Machine(workflow, passed)``, from the first entry on; see ``fold``.
        """
        if entry.seq != self.seq + 1:
            raise Mismatch(f"the journal has a gap: entry {self.seq + 1} is missing, entry {entry.seq} follows")
        self.seq, self.time = entry.seq, entry.at
        self.facts[type(entry.fact)](self, entry.fact)
        self._run()

    def actions(self) -> list[Action]:
        """What was opened, or closed, since the last call."""
        changed = [self.open.get(position) or Close(position) for position in self._changed]
        self._changed.clear()
        return changed

    def abandon(self) -> None:
        """Let the workflow go without letting it act. The journal can be applied to a fresh machine any time."""
        for fiber in reversed(self.fibers.values()):
            fiber.abandon()

    def where(self) -> list[str]:
        """``file:line`` of each place in the source where the workflow now stands, the main fiber first."""
        return list(dict.fromkeys(source_line(self, fiber) for fiber in self.fibers.values()))

    # What the rules use -------------------------------------------------------------------------

    @property
    def clock(self) -> datetime:
        """The time of the last entry."""
        assert self.time is not None, "no entry has been applied"
        return self.time

    def add(self, fiber: Fiber) -> None:
        """The fiber may run."""
        self.fibers[fiber.prefix] = fiber
        self._ready.append(fiber)

    def spawn(self, scope: Scope, index: int, name: str, branch: Branch[Any]) -> Fiber:
        """Start branch ``index`` of the scope's command beside the others."""
        fiber = self.fork(scope.fiber, (*scope.position, index), name, branch)
        fiber.listeners += ((scope, index),)
        return fiber

    def fork(self, parent: Fiber, prefix: Position, name: str, branch: Branch[Any]) -> Fiber:
        """Start a fiber; a single command is a branch like any other."""
        label = "/".join(filter(None, (parent.branch, name)))
        fiber = Fiber(prefix, label, iter(branch) if isinstance(branch, Command) else branch)
        self.add(fiber)
        return fiber

    def block(self, fiber: Fiber, action: Placed) -> None:
        """The fiber stands at this action until its position is settled."""
        fiber.blocked_at = action.position
        self.set_open(action.position, action)
        if isinstance(action, AwaitSignal):
            self.waits.setdefault((action.name, action.command.key), {})[action.position] = None

    def set_open(self, position: Position, action: Open) -> None:
        """What is wanted at this position, now."""
        self._changed.setdefault(position, position not in self.open)
        self.open[position] = action

    def close(self, position: Position) -> Open:
        """Nothing is wanted at this position any more. What nobody has been told of, nobody is told of now."""
        if self._changed.get(position):
            del self._changed[position]
        else:
            self._changed[position] = False
        return self.open.pop(position)

    def settle(self, position: Position, outcome: Outcome[Any]) -> None:
        """The command at this position has come to something."""
        action = self.close(position)
        if isinstance(action, AwaitSignal):
            del self.waits[action.name, action.command.key][position]
        self.resume(self.fibers[position[:-1]], outcome)

    def finish(self, action: Finishing, outcome: Outcome[Any]) -> None:
        """It is done; if it was cancelled meanwhile, its answer is thrown away."""
        self.settle(action.position, cancellation() if action.stopping else outcome)

    def overtake(self, action: SetTimer | AwaitSignal | BeginStep | StartChild, outcome: Outcome[Any]) -> None:
        """Settle it before its own fact has come, which may stand in the same commit, and then comes late."""
        if not (isinstance(action, AwaitSignal) and action.due is None):
            self.overtaken[action.position] = action
        self.settle(action.position, outcome)

    def resume(self, fiber: Fiber, answer: Outcome[Any]) -> None:
        """The fiber is blocked no longer."""
        fiber.blocked_at = fiber.scope = None
        fiber.answer = answer
        self._ready.append(fiber)

    def cancel(self, fiber: Fiber) -> None:
        """``Cancelled`` is to arrive at the fiber's current yield, once; a second cancel changes nothing."""
        if fiber.outcome is None and not fiber.cancelled:
            fiber.cancelled = True
            if self._to_cancel is _NOBODY:
                self._to_cancel = deque()
            self._to_cancel.append(fiber)

    @property
    def signals_kept(self) -> tuple[SignalReceived, ...]:
        """Those that nobody has consumed, in the order of the journal."""
        kept = sorted((pair for pairs in self.signals.values() for pair in pairs), key=lambda pair: pair[0])
        return tuple(signal for _, signal in kept)

    def terminate(self, outcome: Error) -> None:
        """Let everything go; this is what it came to."""
        for position in list(self.open):
            self.close(position)
        self.abandon()
        self.fibers.clear()
        self.outcome = outcome

    # Running ------------------------------------------------------------------------------------

    def _run(self) -> None:
        while self._to_cancel or self._ready:
            if self._to_cancel:
                self._throw_cancelled(self._to_cancel.popleft())
            else:
                self._advance(self._ready.popleft())
            if not (self.open or self._to_cancel or self._ready):
                self._break_deadlock()

    def _advance(self, fiber: Fiber) -> None:
        command = fiber.resume() if fiber.returned is None else None
        if fiber.returned is None:
            self._carry_out(fiber, command)
        elif any(task.outcome is None for task in fiber.tasks) and fiber.scope is None:
            fiber.scope = ClosingScope(self, fiber)
        else:
            self._finish(fiber, fiber.returned)

    def _carry_out(self, fiber: Fiber, command: object) -> None:
        rule = rules.COMMANDS.get(type(command), rules.wrong_yield)
        answer = rule(self, fiber, command, fiber.take_position())
        if answer is not None:
            fiber.answer = answer
            self._ready.appendleft(fiber)

    def _break_deadlock(self) -> None:
        """Nothing is open and nothing can run: tasks wait for each other. Tell the last one that asked."""
        for fiber in reversed(self.fibers.values()):
            if fiber.scope is not None and fiber.scope.tasks:
                place = source_line(self, fiber)
                problem = f"this task waits for itself, and would for ever\n  at {place}"
                fiber.scope.decide(Error(WrongYield(problem)))
                return

    def _finish(self, fiber: Fiber, returned: Outcome[Any]) -> None:
        """Its tasks have ended too: the fiber's outcome counts, and who listens is told."""
        fiber.outcome = outcome = ending.with_errors_nobody_asked_for(fiber, returned)
        if isinstance(outcome, Error):
            fiber.traceback = outcome.exception.__traceback__
        del self.fibers[fiber.prefix]
        if fiber is self.main:
            ending.conclude(self, fiber, outcome)
        while fiber.listeners:  # one by one: a scope that is decided stops listening
            scope, index = fiber.listeners[0]
            fiber.listeners = fiber.listeners[1:]
            scope.branch_ended(index, outcome)

    def _throw_cancelled(self, fiber: Fiber) -> None:
        if fiber.scope is not None:
            fiber.scope.cancel()
        elif fiber.blocked_at is None:
            fiber.answer = cancellation()  # it was about to run
        else:
            action = self.open[fiber.blocked_at]
            rules.CANCELLATIONS[type(action)](self, action)
