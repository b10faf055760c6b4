"""The scheduler's claim on its existence: one row, renewed by a heartbeat on a thread of its own.

Owns when this scheduler may still act (by its own monotonic clock), when it must assume to
have been taken over, and when it may take over from others. What it holds is not known here.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import Connection

from dataflows.errors import DatabaseUnavailable
from interpreter.scheduler.clock import DatabaseClock
from interpreter.scheduler.ending import end
from interpreter.scheduler.monitor import Monitor
from interpreter.store import leases

__all__ = ["Lease"]

_PAUSE_AFTER_FAILURE = 0.5


class Lease:
    """The lease of one scheduler.

    :ivar scheduler: the number under which it acts. A scheduler that was taken over gets a new one.
    :param length: within this time after its last heartbeat, nobody takes over.
    :param deadly: after so many deaths of its holders without progress, an execution is blocked.
    :param on_lost: called, on any thread, with the number under which everything that was held is lost.
    :param on_takeover: called when executions of a dead scheduler have become claimable.
    """

    def __init__(
        self,
        connect: Callable[[str], Connection[Any]],
        length: timedelta,
        deadly: int,
        on_lost: Callable[[int], None],
        on_takeover: Callable[[], None],
        monitor: Monitor,
    ) -> None:
        self._connect = connect
        self._length = length
        self._deadly = deadly
        self._on_lost = on_lost
        self._on_takeover = on_takeover
        self._monitor = monitor
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._connection = connect("heartbeat")
        self._uninterrupted_since: float | None = None
        self._valid_until = 0.0
        self.scheduler = 0
        self._register()
        self.clock = DatabaseClock(self._registered_at)
        self._thread = threading.Thread(target=self._run, name="dataflows heartbeat", daemon=True)
        self._thread.start()

    def is_valid(self) -> bool:
        """Whether nobody can have taken over yet."""
        return time.monotonic() < self._valid_until

    def wait_valid(self) -> bool:
        """Wait until the lease is valid; False if the scheduler has closed meanwhile."""
        if self.is_valid():
            return not self._closed.is_set()
        with self._changed:
            self._changed.wait_for(lambda: self.is_valid() or self._closed.is_set())
        return not self._closed.is_set()

    def wait_registered(self, seconds: float) -> bool:
        """Wait, for so long at most, until there is a number to act under."""
        if not self.scheduler:
            with self._changed:
                self._changed.wait_for(lambda: self.scheduler, seconds)
        return bool(self.scheduler)

    def lost(self, scheduler: int) -> None:
        """A write under this number was refused: another scheduler has taken over."""
        with self._changed:
            if not scheduler or scheduler != self.scheduler:
                return  # known already
            self.scheduler, self._valid_until = 0, 0.0
        self._monitor.emit("lease-lost", scheduler=scheduler)
        self._on_lost(scheduler)

    def close(self) -> None:
        """Stop the heartbeat. The row is the caller's to delete."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        end(self._thread, lambda: self._connection)
        self._connection.close()

    # The heartbeat ------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = self._next_beat(None)
        while not self._closed.wait(pause):
            try:
                pause = self._beat()
            except Exception as error:  # whatever it is: without a heartbeat, all that is held is lost
                self._monitor.emit("heartbeat-failed", error=error)
                self._uninterrupted_since = None
                self._reconnect_if_broken()
                pause = min(_PAUSE_AFTER_FAILURE, self._length.total_seconds() / 10)

    def _beat(self) -> float:
        sent = time.monotonic()
        if not self.scheduler:
            self._register()
            return self._next_beat(None)
        renewed = leases.renew(self._connection, self.scheduler, self._length)
        if renewed is None:
            self.lost(self.scheduler)
            return 0.0
        now, next_expiry = renewed
        self.clock.set(now)
        self._renewed(sent)
        if next_expiry is not None and next_expiry <= now and self._may_take_over():
            self._take_over()
            next_expiry = None
        return self._next_beat(next_expiry)

    def _register(self) -> None:
        sent = time.monotonic()
        scheduler, self._registered_at = leases.register(self._connection, self._name, self._length)
        self._uninterrupted_since, self._valid_until = sent, sent
        with self._changed:
            self.scheduler = scheduler
        self._renewed(sent)
        self._monitor.emit("lease-taken", scheduler=scheduler)

    def _renewed(self, sent: float) -> None:
        interrupted = self._uninterrupted_since is None or sent > self._valid_until
        self._uninterrupted_since = sent if interrupted else self._uninterrupted_since
        with self._changed:
            self._valid_until = sent + self._length.total_seconds()
            self._changed.notify_all()

    def _next_beat(self, next_expiry: datetime | None) -> float:
        """A third of the lease; sooner where another scheduler's lease is about to end."""
        pause = self._length.total_seconds() / 3
        if next_expiry is None or self._uninterrupted_since is None:
            return pause
        expires_in = (next_expiry - self.clock.now()).total_seconds()
        may_take_over_in = self._uninterrupted_since + self._length.total_seconds() - time.monotonic()
        return min(pause, max(expires_in, may_take_over_in, 0.0) + 0.01)

    # Takeover -----------------------------------------------------------------------------------

    def _may_take_over(self) -> bool:
        """Not before it has itself renewed over one whole lease: after an outage, all leases look expired."""
        since = self._uninterrupted_since
        return since is not None and time.monotonic() - since >= self._length.total_seconds()

    def _take_over(self) -> None:
        try:
            released = leases.bury_the_dead(self._connection, self.scheduler, self._deadly)
        except psycopg.errors.LockNotAvailable as error:
            self._monitor.emit("takeover-postponed", error=error)
            return
        for execution_id, status in released:
            if status == "blocked":
                self._monitor.emit("poisonous", execution=execution_id)
        if released:
            self._monitor.emit("took-over", executions=len(released))
        self._on_takeover()

    def _reconnect_if_broken(self) -> None:
        if not self._connection.closed:
            return
        try:
            self._connection = self._connect("heartbeat")
        except DatabaseUnavailable:
            return  # the next beat tries again
