"""What comes in for the executions that are held: claims, messages, commits, and the loss of a lease.

Owns what follows from each for a machine. Everything here runs on whatever thread drives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from dataflows.outcome import Outcome
from interpreter.machine import Close, Machine
from interpreter.scheduler.applier import Applier, WholeJournalNeeded
from interpreter.scheduler.clock import DatabaseClock
from interpreter.scheduler.departures import Departures
from interpreter.scheduler.dispatcher import Dispatcher
from interpreter.scheduler.errands import UnderWay
from interpreter.scheduler.held import Held, LiveAttempt
from interpreter.scheduler.holdings import Holdings
from interpreter.scheduler.limits import HistoryLimit
from interpreter.scheduler.proposals import Done, Proposal, StartRequest
from interpreter.store.records import Message, Move, Outside, Written
from interpreter.store.rows import Row

__all__ = ["Arrivals", "Part"]

Part: TypeAlias = tuple[Callable[..., None], tuple[Any, ...]]
"""What to call for one execution, and with what."""


class Arrivals:
    """Its ``on_…`` methods are posted to the driver.

    :param propose: the committer's door.
    :param look_at_inbox: asks for the unread messages of an execution, which arrive by ``on_messages``.
    :param let_go: told when there is room for another execution, or for another suspect; and the time when
        something is due that was let go meanwhile.
    :param then: has the parts of what has arrived done next, one by one, before anything that was posted.
    """

    def __init__(
        self,
        held: Holdings,
        applier: Applier,
        dispatcher: Dispatcher,
        departures: Departures,
        clock: DatabaseClock,
        limit: HistoryLimit,
        *,
        propose: Callable[[Proposal], None],
        look_at_inbox: Callable[[str], None],
        let_go: Callable[[datetime | None], None],
        then: Callable[[Iterator[Part]], None],
    ) -> None:
        self._held = held
        self._applier = applier
        self._dispatcher = dispatcher
        self._departures = departures
        self._clock = clock
        self._limit = limit
        self._propose = propose
        self._look_at_inbox = look_at_inbox
        self._let_go = let_go
        self._then = then

    def on_claimed(self, held: Held, entries: Sequence[Written], arrived: Sequence[Written]) -> None:
        """An execution is held from now on: bring its machine to where it stood, then apply what is new."""
        if not self._held.has(held):  # the lease was lost on its way here
            self._applier.abandon(held.id, held.machine)
            return
        held.ready = True
        if new := arrived or entries:
            held.seq, held.last_at = new[-1][:2]
        if not self._replay(held, entries):
            return
        held.note_subscriptions()
        held.machine.actions()
        if not self._apply(held, arrived):
            return
        if held.machine.outcome is not None and not held.machine.open:
            self._departures.end(held, entries[-1].row)  # by its journal it has ended: a person has changed its status
            return
        if self._is_too_long(held, len(arrived)):
            return
        if held.workflow.at_once is None or self._dispatcher.admissions.enter(held):
            self.take_up(held)

    def take_up(self, held: Held) -> None:
        """Have an execution go on that was claimed."""
        if not held.machine.has_begun:  # after what arrived, so that what was cancelled before it began runs no step
            self._note(held, Row("begun"))
        over = [action for action in held.machine.actions() if isinstance(action, Close)]
        self._dispatcher.carry_out(held, [*over, *held.machine.open.values()])
        self._departures.rest(held)

    def on_messages(self, messages: Iterable[Message], outside: Mapping[str, Outside]) -> None:
        """The unread messages of some executions, and what else was done to each from outside."""
        known = {held: outside[id] for id in outside if (held := self._ready(id)) is not None}
        for held, done in known.items():
            self._dispatcher.obey(held, done)
        for message in messages:
            if (held := self._held.get(message.execution_id)) in known and not held.paused:
                self._read(held, message)
        for held, done in known.items():
            held.inbox_seq = max(held.inbox_seq, done.inbox_seq)
            self._ask_again(held)
            self._departures.rest(held)

    def on_committed(self, done: Done, started: Iterable[tuple[Held, StartRequest]]) -> None:
        """A group commit has happened: now the machines may see it."""
        self._clock.set(done.now)
        self._then(self._parts_of(done, started))
        for parent in done.told:
            self._look_at_inbox(parent)

    def on_refused(self, held: Held, problem: str) -> None:
        """The database does not take what this execution would have written."""
        if not self._held.has(held):
            return
        if held.broken:
            self._dispatcher.block_later(held, problem)
        else:
            self._departures.block(held, problem)

    def on_begun(self, attempt: LiveAttempt) -> None:
        """An attempt with a time limit has begun to run."""
        if self._held.has(attempt.held):
            self._dispatcher.attempts.limit(attempt)

    def on_lost(self, scheduler: int) -> None:
        """The lease is lost: nothing is held any more that was claimed under this number."""
        lost = self._held.lose(scheduler)
        self._then((self._departures.drop_all, ([held],)) for held in lost)  # the thread may be left behind in any

    def on_displaced(self, held: Held) -> None:
        """It was lost, or let go, and before that was noticed here it is held again."""
        self._dispatcher.discard(held)
        self._applier.abandon(held.id, held.machine)

    def on_errand_done(self, held: Held, errand: UnderWay, outcome: Outcome[Any]) -> None:
        """What was asked of the database beside the journal is done."""
        self._dispatcher.relations.finish(errand, outcome)
        if self._held.has(held) and not self._is_too_long(held, 0):
            self._departures.rest(held)

    def on_limits_looked_after(self) -> None:
        """Who waits for a turn asks again, lest it was not heard that it has it."""
        for held in list(self._held.values()):
            self._ask_again(held)

    def on_left_behind(self, execution_id: str, problem: str) -> None:
        """The watchdog has left the thread behind that was stuck in this execution."""
        if (held := self._held.get(execution_id)) is not None and held.ready:
            self._departures.block(held, problem)

    # Parts of a commit --------------------------------------------------------------------------

    def _parts_of(self, done: Done, started: Iterable[tuple[Held, StartRequest]]) -> Iterator[Part]:
        for held, request in started:
            yield self._on_started, (held, request, done.begun_at)
        for held, entries in done.entries.items():
            yield self._on_entries, (held, entries)
        for held in done.gone:
            yield self._on_gone, (held,)
        for held, move, moved in done.moves:
            if moved and move.generation is not None:
                yield self._on_renewed, (held, done.scheduler, done.renewed[held])
            else:
                yield self._on_moved, (held, move, moved)

    def _on_started(self, held: Held, request: StartRequest, begun_at: datetime) -> None:
        if not self._held.has(held):
            return
        held.ready = True
        started = Row("started", encoding=request.start.encoding, data=request.start.data)
        if self._apply(held, [Written(1, begun_at, started), Written(2, begun_at, Row("begun"))]):
            self._go_on(held)

    def _on_entries(self, held: Held, entries: Sequence[Written]) -> None:
        if not self._held.has(held) or held.broken:
            return
        for entry in entries:
            held.account_for(entry.row)
        if held.is_suspect:
            held.is_suspect = False
            self._let_go(None)
        if self._apply(held, entries) and not self._is_too_long(held, len(entries)):
            if held.tickets and not self._dispatcher.admissions.settle(held, entries):
                self._departures.rest(held)
            else:
                self._go_on(held)

    def _on_moved(self, held: Held, move: Move, moved: bool) -> None:
        if not self._held.has(held):
            return
        if moved:
            self._departures.say_goodbye(held, move)
        else:
            held.leaving = False
            self._read_deferred(held, held)
            self._look_at_inbox(held.id)

    def _on_gone(self, held: Held) -> None:
        if self._held.has(held):
            self._departures.drop_all([held])
            self._let_go(None)

    def _on_renewed(self, former: Held, scheduler: int, entries: list[Written]) -> None:
        """It has begun again, with these entries: in its former self's place comes a new one, with a fresh machine."""
        if not self._held.has(former):
            return
        fresh = Machine(former.workflow)
        held = Held(
            *(scheduler, former.id, former.generation + 1, fresh, former.inbox_seq), is_awaited=former.is_awaited
        )
        held.ready, held.read, held.tickets = True, former.read, former.tickets
        held.seq, held.last_at = entries[-1][:2]
        self._held.add(held)
        self._departures.renewed(former)
        if not self._held.has(held):  # the lease was lost since
            return
        if self._apply(held, entries):
            self._read_deferred(former, held)
            self._go_on(held)

    # What follows -------------------------------------------------------------------------------

    def _apply(self, held: Held, entries: Iterable[Written]) -> bool:
        """Feed committed entries to the machine; False if the execution had to be blocked."""
        problem = self._applier.apply(held, entries)
        if problem is not None:
            self._departures.block(held, problem)
        return problem is None

    def _replay(self, held: Held, entries: Sequence[Written]) -> bool:
        try:
            problem = self._applier.replay(held, entries)
        except WholeJournalNeeded:
            self._departures.give_back(held)
            return False
        if problem is not None:
            self._departures.block(held, problem)
        return problem is None

    def _is_too_long(self, held: Held, added: int) -> bool:
        is_too_long = held.machine.seq >= self._limit.half and self._limit.is_reached(held, added)
        if is_too_long:
            self._departures.end_too_long(held, self._limit.problem_of(held))
        return is_too_long

    def _go_on(self, held: Held) -> None:
        self._dispatcher.carry_out(held, held.machine.actions())
        self._departures.rest(held)

    def _ready(self, execution_id: str) -> Held | None:
        """One whose inbox was read, if it is here: it may have been let go since, and even claimed again."""
        held = self._held.get(execution_id)
        if held is None:
            self._let_go(self._clock.now())  # it is to be claimed
        elif held.ready:
            return held
        else:
            self._look_at_inbox(execution_id)
        return None

    def _ask_again(self, held: Held) -> None:
        """Not for one that is leaving, which would not use its turn; should it stay, its messages are looked at."""
        if held.tickets and not held.leaving:
            self._dispatcher.admissions.ask_again(held)

    def _note(self, held: Held, row: Row, message: int | None = None) -> None:
        held.expect(row)
        self._propose(Proposal(held, row, message=message))

    def _read(self, held: Held, message: Message) -> None:
        """A message enters the journal, once."""
        if held.leaving:
            held.deferred += (message,)
        elif message.number > held.read:
            held.read = message.number
            held.inbox_seq = max(held.inbox_seq, message.number)
            self._note(held, message.row, message.number)

    def _read_deferred(self, former: Held, held: Held) -> None:
        """What came while it was leaving."""
        deferred, former.deferred = former.deferred, ()
        for message in deferred:
            self._read(held, message)
