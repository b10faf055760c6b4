"""Connections that wait only so long for a server that says nothing, and leave one that takes no writes.

The system finds out that a host is gone (``connection.SETTINGS``); it does not where a proxy stands between that goes
on to acknowledge, and hands nothing on. Owns what is done then: the statement is cancelled, since the server may be
well and wait for a lock, and where that is not heard the connection is given up. A server that has become a replica
keeps its connections, too: whoever wants to write there is to connect again, since another is the primary by now.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.abc import RV, PQGen
from psycopg.rows import TupleRow

__all__ = ["LONGEST_SILENCE", "PatientConnection"]

LONGEST_SILENCE = 40.0
"""Seconds; with what follows it is less than a minute."""

_LONGEST_CANCEL = 2.0
_LONGEST_AFTERMATH = 5.0
"""Seconds that the server has to tell that it has cancelled."""


class PatientConnection(Connection[TupleRow]):
    """A connection whose waiting ends; it is closed by a server that takes no writes.

    :ivar patience: seconds without a word from the server, after which what it does is cancelled, and is an
        ``OperationalError`` like a lost connection; None: for ever. An answer may take longer, as long as it comes.
    """

    patience: float | None = None

    def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        awaited = gen if self.patience is None else self._listening(gen, self.patience)
        try:
            return super().wait(awaited, *args, **kwargs)
        except psycopg.errors.ReadOnlySqlTransaction:
            self.close()
            raise

    def _listening(self, gen: PQGen[RV], patience: float) -> Generator[Any, Any, RV]:
        """The same; whoever waits looks up every tenth of a second, and tells that nothing came."""
        is_cancelled = False
        deadline = time.monotonic() + patience
        try:
            wanted = next(gen)
            while True:
                if ready := (yield wanted):
                    deadline = time.monotonic() + patience
                elif time.monotonic() > deadline:
                    if is_cancelled:
                        raise self._given_up(patience)
                    is_cancelled = True
                    self._cancel(patience)
                    deadline = time.monotonic() + min(patience, _LONGEST_AFTERMATH)
                wanted = gen.send(ready)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    def _cancel(self, patience: float) -> None:
        with suppress(psycopg.Error, OSError):
            self.cancel_safe(timeout=min(patience, _LONGEST_CANCEL))

    def _given_up(self, patience: float) -> psycopg.OperationalError:
        self.close()
        return psycopg.OperationalError(f"the connection is taken for lost: not a word came for {patience:g} s")
