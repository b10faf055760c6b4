"""What executions do about limits: a step waits for its turn, or a whole execution does, and gives it back.

Owns the tickets of what is held here. Everything here runs on whatever thread drives, but ``told_to_wait``. Who
counts is the database, whom the keeper asks; a turn ends with the commit of what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial

from dataflows.limits import Limit
from dataflows.outcome import Error, Outcome
from interpreter.machine import ENDED, BeginStep, Position, RunStep, Status, format_position, parse_position
from interpreter.scheduler.applier import Applier
from interpreter.scheduler.held import ATTEMPT_ENDS, Held, Ticket
from interpreter.scheduler.limit_keeper import Ask, LimitKeeper, place_of
from interpreter.store.records import Written

__all__ = ["Admissions"]


class Admissions:
    """Asks for turns.

    :param known: the limits that this scheduler was given.
    :param begin: called with a step whose turn it is.
    :param take_up: called with an execution whose turn it is.
    :param block: called with an execution that cannot go on here, and why.
    """

    def __init__(
        self,
        known: Mapping[str, Limit],
        keeper: LimitKeeper,
        applier: Applier,
        begin: Callable[[Held, RunStep | BeginStep], None],
        take_up: Callable[[Held], None],
        block: Callable[[Held, str], None],
    ) -> None:
        self._known = known
        self._keeper = keeper
        self._applier = applier
        self._begin = begin
        self._take_up = take_up
        self._block = block

    def ask(self, held: Held, action: RunStep | BeginStep) -> None:
        """A step wants its turn; it begins when it has it."""
        limit = action.command.limit
        assert limit is not None
        if limit in self._known:
            self._ask(held, action.position, limit)
            return
        known = ", ".join(map(repr, self._known)) or "none"
        problem = f"limit={limit!r} names a limit that this scheduler was not given; it has: {known}"
        self._block(held, f"step {action.name!r} at {format_position(action.position)}: {problem}")

    def enter(self, held: Held) -> bool:
        """Whether an execution whose workflow has ``at_once`` may go on at once; else it is taken up when it may."""
        limit, problem = self._applier.limit_of(held)
        if problem is not None:
            self._block(held, problem)
        elif _is_cancelled(held):  # it only cleans up
            held.tickets[()] = Ticket(limit, is_turn=True)
            return True
        else:
            self._ask(held, (), limit)
        return False

    def ask_again(self, held: Held) -> None:
        """Somebody may have got a turn meanwhile."""
        for position, ticket in list(held.tickets.items()):
            if not ticket.is_turn:
                self._ask(held, position, ticket.limit)

    def never_mind(self, held: Held, position: Position) -> None:
        """A step that may have waited for its turn is stopped: with that entry its ticket is gone."""
        if self._known:
            held.tickets.setdefault(position, Ticket("", is_turn=True))

    def settle(self, held: Held, entries: Iterable[Written]) -> bool:
        """Turns that have ended with these entries are for others. Whether the execution itself has its turn."""
        for _, _, row in entries:
            if row.position is not None and row.kind in ATTEMPT_ENDS:
                self._let_others(held.tickets.pop(parse_position(row.position), None), is_used=row.kind != "stopped")
        if held.is_outside and _is_cancelled(held):
            held.tickets[()].is_turn = True
            self._take_up(held)
        return not held.is_outside

    def drop(self, held: Held, position: Position) -> None:
        """The step that wanted a turn there wants it no more, and no entry says so."""
        if position:  # else it is the execution's own, which ends with that
            self._keeper.drop(place_of(held, position), held.tickets.pop(position).limit)

    def leave(self, held: Held, status: Status) -> None:
        """The execution is let go; if it has ended, its turns have ended with it."""
        if status in ENDED:
            for ticket in held.tickets.values():
                self._let_others(ticket, is_used=False)

    def _let_others(self, ticket: Ticket | None, is_used: bool) -> None:
        if ticket is not None and ticket.limit:
            self._keeper.look_at(ticket.limit, is_proof=is_used and not ticket.is_kept)

    # Asking -------------------------------------------------------------------------------------

    def _ask(self, held: Held, position: Position, limit: str) -> None:
        """What was asked before is not waited for: its answer may be of the time before somebody got the turn."""
        held.tickets[position] = Ticket(limit, told_to_wait=partial(self._told_to_wait, limit))
        terms = None if position else Limit(at_once=held.workflow.at_once)
        ask = Ask(held, position, partial(self._answered, held, position, limit), limit, terms)
        held.errands[position] = ask
        self._keeper.ask(ask)

    def _answered(self, held: Held, position: Position, limit: str, outcome: Outcome[bool]) -> None:
        if isinstance(outcome, Error):
            raise outcome.exception
        ticket, action = held.tickets.get(position), held.machine.open.get(position)
        if position and not isinstance(action, RunStep | BeginStep):  # it was cancelled since
            held.tickets.pop(position, None)
            self._keeper.drop(place_of(held, position), limit)
        elif outcome.value and ticket is not None and not ticket.is_turn:
            ticket.is_turn = True
            self._go(held, action)

    def _go(self, held: Held, action: object) -> None:
        if isinstance(action, RunStep | BeginStep):
            self._begin(held, action)
        else:
            self._take_up(held)

    def _told_to_wait(self, limit: str, until: datetime) -> None:
        """A service has said so to one attempt: it holds for all of that limit. Called on any thread."""
        self._keeper.hold_back(limit, until)


def _is_cancelled(held: Held) -> bool:
    return held.machine.main is not None and held.machine.main.cancelled
