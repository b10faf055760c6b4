"""One execution in memory: a machine, its journal, and a clock that jumps to whatever happens next.

The pure twin of the scheduler's driver: it carries out what the machine asks for, journals what
comes of it, and lets the machine see only what was journaled, as the codec gives it back. What
an attempt comes to, and which signals come, is the ``World``'s to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from dataflows.commands import Start
from dataflows.workflow import Workflow
from interpreter.machine import (
    Begun,
    CancelRequested,
    Close,
    Ended,
    Entry,
    Fact,
    Open,
    Position,
    Renew,
    StartChild,
    Started,
    format_position,
)
from interpreter.testing.agenda import Agenda, Happening
from interpreter.testing.generation import Generation
from interpreter.testing.plans import PLANS
from interpreter.testing.watching import WatchedMachine, show_sightings
from interpreter.testing.world import World

__all__ = ["Driver", "Launch", "Sent"]

__tracebackhide__ = True  # by pytest: a failure shows the test and the workflow, not what lies between

_MOST_ENTRIES = 10_000
"""A journal that grows longer is taken for one that never ends."""


@dataclass(frozen=True)
class Launch:
    """Another execution that the workflow has started.

    :ivar workflow: the other's.
    :ivar is_child: it is waited for.
    """

    workflow: Workflow[..., Any]
    args: tuple[Any, ...]
    id: str
    is_child: bool


class Sent(NamedTuple):
    """A signal that was sent to another execution."""

    execution_id: str
    name: str
    payload: Any


class Driver:
    """Drives one workflow through one world: ``with driver: driver.run()``, any number of times.

    :param id: the execution's.
    :param passed: changes that older code has passed.
    :ivar now: the virtual time.
    :ivar places: ``file:line: text`` of each yield where the workflow stood when it was let go.
    :ivar generations: its journals, the last one growing.
    :ivar launches: what it has started, by generation and position.
    :ivar end: the last entry's fact, if the workflow has ended.
    """

    def __init__(
        self,
        workflow: Workflow[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        world: World,
        start: datetime,
        seed: object,
        passed: Iterable[str] = (),
        id: str = "simulation",
    ) -> None:
        self.id = id
        self.workflow = workflow
        self.world = world
        self.start = self.now = start
        self.agenda = Agenda()
        self.places: list[str] = []
        self.generations = [Generation(workflow, passed)]
        self.launches: dict[tuple[int, Position], Launch] = {}
        self.end: Ended | None = None
        self.is_driven = False
        self._started = Started(args, dict(kwargs), str(seed))

    def __enter__(self) -> Self:
        """Begin the workflow; or go on with a fresh machine that is fed the journal, as after a crash."""
        self.is_driven = True
        try:
            if len(self.generation):
                self.generation.rebuild()
                self._carry_out()
            else:
                self._begin()
        except BaseException:
            self._let_go()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """Let the workflow go without letting it act."""
        self.places = self.machine.where()
        self._let_go()

    @property
    def generation(self) -> Generation:
        """The journal that grows."""
        return self.generations[-1]

    @property
    def machine(self) -> WatchedMachine:
        """The machine that runs, or ran last."""
        return self.generation.machine

    def entries(self) -> list[Entry]:
        """All journals, one after the other, decoded afresh."""
        return [entry for generation in self.generations for entry in generation.entries()]

    def length(self) -> int:
        """How many entries there are, in all journals."""
        return sum(map(len, self.generations))

    def key(self, position: Position) -> tuple[int, Position]:
        """Names a command over all generations."""
        return len(self.generations), position

    def run(self, until: datetime | None = None) -> None:
        """Go on until the end, until that moment, or until nothing can happen any more.

        :raises AssertionError: it goes on for ever.
        """
        while self.end is None and (happening := self.agenda.next()) is not None:
            if until is not None and happening.at > until:
                break
            self.let_happen(happening)
        if until is not None and self.end is None:
            self.now = max(self.now, until)

    def let_happen(self, happening: Happening) -> None:
        """Time goes on to this happening; what comes of it is journaled."""
        self.now = max(self.now, happening.at)
        self.agenda.remove(happening)
        fact = happening.happen()
        if fact is not None:
            self.journal(fact)
        else:
            self.plan(happening.about)

    def plan(self, about: object) -> None:
        """Ask again what may happen at this position."""
        action: Open | None = self.machine.open.get(about)  # type: ignore[call-overload]
        if action is not None:
            self.agenda.put(action.position, PLANS[type(action)](self, action))

    def journal(self, fact: Fact) -> None:
        """Journal the fact, then let the machine see it.

        :raises AssertionError: the journals have become too long.
        :raises CannotStore: an argument of the workflow, or the payload of a signal, cannot be stored.
        """
        if self.length() >= _MOST_ENTRIES:
            seen = show_sightings(self.machine.sightings)
            raise AssertionError(f"it goes on for ever: {_MOST_ENTRIES:,} entries, no end; yielded last\n{seen}")
        renewal = self.machine.open.get(())
        seen_fact = self.generation.journal(self.now, fact)
        self.end = seen_fact if isinstance(seen_fact, Ended) else None
        self._carry_out()
        if isinstance(renewal, Renew) and not self.machine.open:
            self._begin_again(renewal)

    def deliver(self, fact: Fact, at: datetime) -> None:
        """A message from another execution."""
        self.now = max(self.now, at)
        if self.end is not None:
            return
        if self.is_driven:
            self.journal(fact)
        else:
            with self:
                self.journal(fact)

    def launch(self, action: StartChild) -> Launch:
        """What is started by this action; the same one, each time that it is asked for."""
        command, key = action.command, self.key(action.position)
        id = command.id or f"{self.id}/{len(self.generations)}/{format_position(action.position)}"
        return self.launches.setdefault(
            key, Launch(command.workflow, command.args, id, is_child=not isinstance(command, Start))
        )

    def _begin(self) -> None:
        self.journal(self._started)
        for message in self.world.messages(self):
            self.agenda.put(message.about, [message])
        self.journal(Begun())

    def _begin_again(self, renewal: Renew) -> None:
        self.machine.abandon()
        self.generations.append(Generation(self.workflow, ()))
        self.journal(Started(renewal.args, {}, f"{self._started.seed}/{len(self.generations)}"))
        for signal in renewal.signals:
            self.journal(signal)
        if renewal.cancel_requested:
            self.journal(CancelRequested())
        self.journal(Begun())

    def _let_go(self) -> None:
        self.is_driven = False
        self.machine.abandon()

    def _carry_out(self) -> None:
        for action in self.machine.actions():
            if isinstance(action, Close):
                self.agenda.drop(action.position)
            else:
                self.plan(action.position)
