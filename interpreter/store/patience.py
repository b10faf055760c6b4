"""Connections that wait only so long for a server that says nothing, and leave one that takes no writes.

The system finds out that a host is gone (``connection.SETTINGS``); it does not where a proxy stands between that goes
on to acknowledge, and hands nothing on. Owns what is done then: the statement is cancelled, since the server may be
well and wait for a lock, and where that is not heard the connection is given up. A server that has become a replica
keeps its connections, too: whoever wants to write there is to connect again, since another is the primary by now.
"""

from __future__ import annotations

import math
import select
import sys
import time
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import Connection, generators, pq
from psycopg.abc import RV, PQGen
from psycopg.rows import TupleRow

__all__ = ["LONGEST_SILENCE", "PatientConnection"]

LONGEST_SILENCE = 40.0
"""Seconds; with what follows it is less than a minute."""

_TICK = 0.1
"""Seconds after which who waits looks up, as psycopg's own way of waiting does."""

_AWAKE = 0.0005
"""Seconds for which who waits for a commit looks without a pause: to be woken takes a sixth of the time of one."""

_LONGEST_CANCEL = 2.0
_LONGEST_AFTERMATH = 5.0
"""Seconds that the server has to tell that it has cancelled."""


class PatientConnection(Connection[TupleRow]):
    """A connection whose waiting ends; it is closed by a server that takes no writes.

    :ivar patience: seconds without a word from the server, after which what it does is cancelled, and is an
        ``OperationalError`` like a lost connection; None: for ever. An answer may take longer, as long as it comes.
    :ivar prepared: the names of the statements that were prepared past psycopg, which has names of its own.
    """

    patience: float | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepared: set[bytes] = set()

    def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        awaited = gen if self.patience is None else _listening(gen, _Silence(self))
        try:
            return super().wait(awaited, *args, **kwargs)
        except psycopg.errors.ReadOnlySqlTransaction:
            self.close()
            raise

    def answers(self) -> list[pq.abc.PGresult]:
        """What the server says to what was just sent, by the shortest way there is: refusals are results, too.

        For what waits for a single commit: the generators by which psycopg waits take a sixth of that.

        :raises psycopg.OperationalError: the connection broke.
        """
        if sys.platform == "win32" or self.pgconn.flush():  # no poll there; or more than goes out at once
            return self.wait(generators.execute(self.pgconn))
        try:
            return self._poll_for_results()
        except BaseException:  # what is half read is of no use to whoever would ask next
            self.close()
            raise

    def _poll_for_results(self) -> list[pq.abc.PGresult]:
        results: list[pq.abc.PGresult] = []
        silence, awake_until = _Silence(self), time.monotonic() + _AWAKE
        while True:
            while self.pgconn.is_busy():
                if is_heard := _is_readable(self.pgconn.socket, awake_until):
                    self.pgconn.consume_input()
                silence.note(is_heard)
            if (result := self.pgconn.get_result()) is None:
                return results
            results.append(result)


class _Silence:
    """How long the server has said nothing, and what is done about it."""

    def __init__(self, connection: PatientConnection) -> None:
        self._connection = connection
        self._patience = math.inf if connection.patience is None else connection.patience
        self._deadline = time.monotonic() + self._patience
        self._is_cancelled = False

    def note(self, is_heard: bool) -> None:
        """Something came, or for a tick nothing did.

        :raises psycopg.OperationalError: neither the statement nor its being cancelled was answered in time.
        """
        if is_heard:
            self._deadline = time.monotonic() + self._patience
        elif time.monotonic() > self._deadline:
            if self._is_cancelled:
                raise self._given_up()
            self._is_cancelled = True
            self._cancel()
            self._deadline = time.monotonic() + min(self._patience, _LONGEST_AFTERMATH)

    def _cancel(self) -> None:
        with suppress(psycopg.Error, OSError):
            self._connection.cancel_safe(timeout=min(self._patience, _LONGEST_CANCEL))

    def _given_up(self) -> psycopg.OperationalError:
        self._connection.close()
        problem = f"the connection is taken for lost: not a word came for {self._patience:g} s"
        return psycopg.OperationalError(problem)


def _is_readable(socket: int, awake_until: float) -> bool:
    """Whether something comes within a tick."""
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    while time.monotonic() < awake_until:
        if poll.poll(0):
            return True
    return bool(poll.poll(_TICK * 1000))


def _listening(gen: PQGen[RV], silence: _Silence) -> Generator[Any, Any, RV]:
    """The same; whoever waits looks up every tick, and tells that nothing came."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            silence.note(bool(ready))
            wanted = gen.send(ready)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # StopIteration does not know of what type
