"""One scheduler's parts, put together: lease, committer, driver, performer, claimer, listener.

Owns the order in which they start and stop, and what one part is told of another. Each part
knows its own work and nothing of the others but what it is handed here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import Connection

from dataflows.errors import DatabaseUnavailable, SchedulerStopped
from dataflows.outcome import Outcome
from dataflows.workflow import Workflow
from interpreter.codec import Encoded
from interpreter.database import Database
from interpreter.machine import Status
from interpreter.operations import NewExecution, Watch
from interpreter.promise import Promise
from interpreter.scheduler.admissions import Admissions
from interpreter.scheduler.claimer import Claimer, Starters
from interpreter.scheduler.committer import Committer
from interpreter.scheduler.dispatcher import Dispatcher
from interpreter.scheduler.driver import Driver
from interpreter.scheduler.errands import Errand, Errands
from interpreter.scheduler.held import Held, LiveAttempt
from interpreter.scheduler.lease import Lease
from interpreter.scheduler.limit_keeper import Ask, LimitKeeper
from interpreter.scheduler.limits import HistoryLimit
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.outcomes import row_of
from interpreter.scheduler.performer import Performer
from interpreter.scheduler.proposals import Proposal, StartRequest
from interpreter.scheduler.purger import Purger
from interpreter.scheduler.relations import Relations
from interpreter.scheduler.room import Room
from interpreter.scheduler.router import Router
from interpreter.scheduler.schedules import Schedules
from interpreter.scheduler.settings import Settings
from interpreter.scheduler.sweeper import Sweeper
from interpreter.scheduler.transactions import Transactions
from interpreter.scheduler.watchdog import Watchdog
from interpreter.scheduler.watches import Watches
from interpreter.store import claims, leases
from interpreter.store.patience import PatientConnection
from interpreter.store.records import Start
from interpreter.store.rows import Row

__all__ = ["Engine"]

_LOOK = 0.02
_TO_WRITE = 2.0
"""Seconds, at least, that what the steps came to has to be written when the scheduler closes."""


class Engine:
    """A running scheduler.

    :param workflows: those that it serves, by name and version, as they are now.
    :param serves: whether a workflow is among them.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        workflows: Callable[[], dict[tuple[str, int], Workflow[..., Any]]],
        serves: Callable[[Workflow[..., Any]], bool],
        monitor: Monitor,
    ) -> None:
        self._database = database
        self._settings = settings
        self._workflows = workflows
        self._serves = serves
        self._monitor = monitor
        self._watches = Watches()
        self._driving_steps: dict[int, None] = {}  # threads of steps that drive; whoever takes one out decides
        self._stopping = False
        self._returned = 0
        self.asked_to_exit = threading.Event()
        with ExitStack() as started:  # what was started ends again, where something further cannot be had
            self._start(started)
            started.pop_all()

    def _start(self, started: ExitStack) -> None:
        """Make the parts; each method needs those before it."""
        self._start_lease(started)
        self._make_driver()
        self._make_what_asks_beside_the_journal(started)
        self._start_what_writes(started)
        self._start_what_takes_up(started)

    def _start_lease(self, started: ExitStack) -> None:
        settings, monitor = self._settings, self._monitor
        self._lease = Lease(
            *(self._connect_for_heartbeat, settings.lease, settings.deadly, self._on_lost),
            lambda: self._claimer.hint_at_suspects(),
            monitor,
        )
        started.callback(self._lease.close)
        started.callback(self._hand_back)
        self._watchdog = Watchdog(settings.drive_limit.total_seconds(), self._replace_driver, monitor)
        started.callback(self._watchdog.close)
        self._sweeper = Sweeper(self._connect, monitor)
        started.callback(self._sweeper.close)

    def _make_driver(self) -> None:
        settings, clock = self._settings, self._lease.clock
        self._performer = Performer(
            settings.concurrency,
            settings.executors,
            self._report,
            lambda attempt, call: self._transactions.perform(attempt, call),
            self._on_transacted,
            self._on_begun,
            self._lease,
            self._on_exit,
        )
        self._dispatcher = Dispatcher(
            *(clock, self._performer, self._propose),
            lambda held, problem: self._driver.departures.block(held, problem),
            settings,
        )
        self._driver = Driver(
            *(self._dispatcher, clock, HistoryLimit(settings.history, self._monitor), settings.cached),
            *(self._watchdog, self._monitor),
            propose=self._propose,
            look_at_inbox=lambda execution_id: self._claimer.look_at_inbox(execution_id),
            let_go=lambda due: self._claimer.let_go(due),
            ended=self._on_ended,
            begun_again=self._sweeper.sweep,
        )

    def _make_what_asks_beside_the_journal(self, started: ExitStack) -> None:
        database, settings, driver, dispatcher = self._database, self._settings, self._driver, self._dispatcher
        self._errands = Errands(
            database.url, settings.patience.total_seconds(), self._lease, self._on_errand_done, self._monitor
        )
        started.callback(self._errands.close)
        dispatcher.relations = Relations(
            *(self._errands, self.start_here, driver.post, dispatcher.place, dispatcher.set_due),
            lambda rows: driver.arrivals.on_messages(*claims.messages_of(rows)),
        )
        self._keeper = LimitKeeper(
            *(self._connect, self._lease, settings.limits, self._on_turn),
            lambda: driver.post(driver.arrivals.on_limits_looked_after),
            self._monitor,
        )
        started.callback(self._keeper.close)
        dispatcher.admissions = dispatcher.attempts.admissions = Admissions(
            *(settings.limits, self._keeper, driver.applier, dispatcher.attempts.begin),
            *(driver.arrivals.take_up, driver.departures.block),
        )

    def _start_what_writes(self, started: ExitStack) -> None:
        lease, driver = self._lease, self._driver
        self._committer = Committer(
            self._connect, lease, driver.held, driver.deliver, driver.wake, self._refuse, self._monitor
        )
        started.callback(self._committer.close)
        self._transactions = Transactions(
            self._database.connect,
            self._committer.turns,
            lease,
            driver.deliver,
            self._refuse,
            self._row_of,
            self._monitor,
        )
        started.callback(self._transactions.close)
        driver.start()
        started.callback(driver.close)

    def _start_what_takes_up(self, started: ExitStack) -> None:
        connect, settings, monitor = self._connect, self._settings, self._monitor
        self._room = Room(settings.holding, self._driver.held)
        self._router = Router(connect, self._workflows, monitor)
        started.callback(self._router.close)
        self._claimer = Claimer(
            *(connect, self._lease, self._driver, self._workflows, self._room),
            Starters(Schedules(self._workflows, self._lease.clock, monitor), self._router),
            monitor,
        )
        if settings.limits or any(served.at_once is not None for served in self._workflows().values()):
            self._keeper.start()
        self._purger = None if settings.retention is None else Purger(connect, settings.retention, monitor)

    def _connect(self, purpose: str) -> PatientConnection:
        return self._database.connect(purpose, self._settings.patience.total_seconds())

    def _connect_for_heartbeat(self, purpose: str) -> Connection[Any]:
        """One that is of no more use when the lease is over."""
        return self._database.connect(purpose, min(self._settings.patience, self._settings.lease).total_seconds())

    # For verbs ----------------------------------------------------------------------------------

    def start_here(self, new: NewExecution) -> Promise[bool] | None:
        """Start an execution and hold it from the first moment; None if it cannot be held here."""
        if self._stopping:
            raise SchedulerStopped("the scheduler is closed: it starts nothing more")
        if new.workflow.at_once is not None:
            return None  # it has to be its turn first
        if not self._serves(new.workflow) or (place := self._room.begin_start(new.id)) is None:
            return None
        promise: Promise[bool] = Promise()
        promise.add_done_callback(place)
        start = Start(new.id, new.workflow.name, new.workflow.version, new.tags, *new.payload, new.parent)
        self._committer.propose(StartRequest(start, new.workflow, promise))
        return promise

    def hint(self) -> None:
        """There may be something to claim."""
        self._claimer.hint()

    def holds(self, execution_id: str) -> bool:
        """Whether the execution is held here."""
        return execution_id in self._driver.held

    def watch(self, execution_id: str) -> Watch:
        """Told when the execution ends, or is blocked, in this process; for as long as somebody holds it."""
        return self._watches.watch(execution_id)

    # Stopping -----------------------------------------------------------------------------------

    def close(self, grace: timedelta | None = None) -> int:
        """Claim and start nothing more, let running steps end, write what they came to, hand back the rest.

        :param grace: how long running steps may go on; default: the setting.
        :returns: how many executions were handed back, for another scheduler to take up at once.
        """
        self._stopping = self._dispatcher.stopping = True
        self._room.close()
        self._monitor.emit("stopping", held=len(self._driver.held), running=self._performer.running)
        with ExitStack() as closing:  # each of them, also where somebody interrupts the waiting for one
            for close in reversed(self._in_the_order_of_closing(self._settings.grace if grace is None else grace)):
                closing.callback(close)
        return self._returned

    def _in_the_order_of_closing(self, grace: timedelta) -> list[Callable[[], object]]:
        seconds = grace.total_seconds()
        return [
            *([] if self._purger is None else [self._purger.close]),
            self._claimer.close,
            self._router.close,
            self._performer.hold_back,
            lambda: self._wait_for_steps(seconds),
            self._performer.close,
            self._transactions.close,
            self._errands.close,
            lambda: self._committer.close(max(seconds, _TO_WRITE)),
            self._driver.close,
            self._keeper.close,
            self._watchdog.close,
            self._sweeper.close,
            self._hand_back,
            self._lease.close,
        ]

    def _wait_for_steps(self, grace: float) -> None:
        deadline = time.monotonic() + grace
        while self._performer.running and time.monotonic() < deadline and self._lease.is_valid():
            time.sleep(_LOOK)

    def _hand_back(self) -> None:
        try:
            with self._database.connect("goodbye") as connection:
                self._returned = leases.leave(connection, self._lease.scheduler)
                if self._returned:
                    connection.execute("NOTIFY dataflows")
        except (psycopg.Error, DatabaseUnavailable) as error:  # another scheduler takes over when the lease ends
            self._monitor.emit("database-unreachable", error=error)
        else:
            self._monitor.emit("handed-back", executions=self._returned)

    # What the parts tell each other -------------------------------------------------------------

    def _propose(self, proposal: Proposal) -> None:
        self._committer.propose(proposal)

    def _report(self, attempt: LiveAttempt, outcome: Outcome[Any] | Encoded) -> bool:
        proposal = Proposal(attempt.held, self._row_of(attempt, outcome))
        is_alone = attempt.in_thread and self._performer.has_only_one and self._driver.is_idle
        if is_alone and self._committer.write_now(proposal):
            return self._drive_here()
        self._committer.propose(proposal)  # what others come to meanwhile goes into the same commit
        return True

    def _drive_here(self) -> bool:
        """Drive on the thread of a step; False if it got stuck there and was left behind."""
        thread = threading.get_ident()
        self._driving_steps[thread] = None
        self._driver.drive_here()
        return self._driving_steps.pop(thread, thread) is None

    def _on_transacted(self, attempt: LiveAttempt) -> bool:
        if self._performer.has_only_one:
            return self._drive_here()
        self._driver.wake()
        return True

    def _row_of(self, attempt: LiveAttempt, outcome: Outcome[Any] | Encoded) -> Row:
        return row_of(attempt, outcome, self._lease.clock, self._monitor)

    def _refuse(self, held: Held, problem: str) -> None:
        self._driver.post(self._driver.arrivals.on_refused, held, problem)

    def _on_begun(self, attempt: LiveAttempt) -> None:
        self._driver.post(self._driver.arrivals.on_begun, attempt)

    def _on_errand_done(self, errand: Errand, outcome: Outcome[Any]) -> None:
        self._driver.post(self._driver.arrivals.on_errand_done, errand.held, errand, outcome)
        self._claimer.hint_unless_heard()

    def _on_turn(self, ask: Ask, outcome: Outcome[bool]) -> None:
        self._driver.post(self._driver.arrivals.on_errand_done, ask.held, ask, outcome)

    def _on_exit(self, attempt: LiveAttempt, error: BaseException) -> None:
        self._monitor.emit("stopping", execution=attempt.held.id, error=error)
        self.asked_to_exit.set()
        problem = f"a step asked the process to exit ({error!r}); it runs again in another scheduler"
        self._watches.fail(attempt.held.id, SchedulerStopped(problem))

    def _on_ended(self, execution_id: str, status: Status, told: Row | str) -> None:
        self._watches.tell(execution_id, status, told)
        self._claimer.hint_unless_heard()  # its parent may go on

    def _on_lost(self, scheduler: int) -> None:
        self._driver.post(self._driver.arrivals.on_lost, scheduler)

    def _replace_driver(self, execution_id: str, problem: str, thread: int) -> None:
        if self._driving_steps.pop(thread, thread) is None:
            self._performer.leave_behind(thread)
        self._driver.start()
        self._driver.post(self._driver.arrivals.on_left_behind, execution_id, problem)
