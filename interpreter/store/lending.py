"""Connections that are lent to authors' code, for one transaction each.

Owns what an author may not do with one, since the transaction is not the author's to end, and that nothing of one
transaction is left on its connection for the next. What is committed together is the journal's.
"""

from __future__ import annotations

import inspect
import linecache
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, Self
from uuid import uuid4

import psycopg
from psycopg import Connection, pq
from psycopg.abc import RV, PQGen
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import TupleRow, tuple_row

from dataflows.errors import TransactionMisused
from interpreter.store.connection import is_pooled

__all__ = ["PURPOSE", "Lender", "Lending", "LentConnection", "defined_at"]

PURPOSE = "transaction"
"""Of these connections, as the server's list of sessions shows it."""

_LONGEST_IDLE = 60.0
_LONGEST_CANCEL = 1.0
_GONE = ("08", "57P")
"""How the codes of errors begin that tell of a connection, or of a server, that ends."""


class LentConnection(Connection[TupleRow]):
    """A connection as psycopg makes it, but for its transaction, which has begun and is not to be ended by its user."""

    aborted_at = ""
    """Where the last statement failed, as ``file:line: text``; "": none did."""

    def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        if self.closed:  # a cursor may be older
            raise psycopg.OperationalError("the connection was lent for a transaction that has ended")
        try:
            answer = super().wait(gen, *args, **kwargs)
        except psycopg.Error:
            self.aborted_at = _author_line()
            raise
        if self.pgconn.transaction_status == TransactionStatus.IDLE:
            raise TransactionMisused(
                f"{_author_line()}: this ended the transaction, which is not the function's to end; what it wrote "
                "until then may be committed, and is not in the journal"
            )
        return answer

    def commit(self) -> None:
        _refuse("commit()", "it is committed, with its entry in the journal, when the function has returned")

    def rollback(self) -> None:
        _refuse("rollback()", "raise an error, or roll back a part of it with `with connection.transaction():`")

    def close(self) -> None:
        _refuse("close()", "leave the connection as it is")

    def __enter__(self) -> Self:
        _refuse("with connection:", "it would be closed at the end; use the connection as it is")

    def set_autocommit(self, value: bool) -> None:
        if value:
            _refuse("autocommit", "what has to be committed by itself is done over a connection of one's own")


def _refuse(what: str, instead: str) -> NoReturn:
    raise TransactionMisused(f"{_author_line()}: {what} is not for the function of a transaction: {instead}")


def _author_line() -> str:
    """``file:line: text`` of the innermost code that is neither psycopg's nor this module's."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _NOT_THE_AUTHORS:
        frame = frame.f_back
    return _line(frame.f_code.co_filename, frame.f_lineno)


def defined_at(function: Callable[..., Any]) -> str:
    """``file:line: text`` of where a function is defined; its name, where that cannot be told."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return _line(code.co_filename, code.co_firstlineno) if code is not None else repr(function)


def _line(file: str, number: int) -> str:
    return f"{file}:{number}: {linecache.getline(file, number).strip()}"


_NOT_THE_AUTHORS = {__name__.partition(".")[0], "psycopg", "psycopg_binary", "contextlib"}


class Lending:
    """One transaction on a connection.

    :ivar connection: for the author's code.
    :ivar session: the same, for who commits.
    :ivar mark: set for this transaction alone; where it is gone, the transaction has been ended.
    :ivar process: the server's, that works for it; behind a pooler that is known when it has been checked.
    :raises psycopg.OperationalError: the connection is lost.
    """

    def __init__(self, session: Connection[Any]) -> None:
        self.session = session
        self.mark = uuid4().hex
        session.execute(f"BEGIN; SET LOCAL dataflows.transaction = '{self.mark}'".encode(), prepare=False)
        self.process = session.pgconn.backend_pid
        self.connection = LentConnection(session.pgconn, tuple_row)
        self.connection.prepare_threshold = session.prepare_threshold
        self._lock = threading.Lock()
        self._is_lent = True
        self._is_spoiled = False

    def take_back(self) -> None:
        """The author's code is done with it; its connection is closed, from its point of view."""
        with self._lock:
            self._is_lent = False
        self.connection.pgconn = pq.PGconn()

    def interrupt(self) -> None:
        """Have the statement that runs cancelled, if it is the author's. It does not wait for that."""
        threading.Thread(target=self._interrupt, name="dataflows cancel", daemon=True).start()

    def _interrupt(self) -> None:
        with self._lock, suppress(psycopg.Error):
            if self._is_lent:
                self._is_spoiled = True  # the cancellation may arrive later than it is told
                self.session.cancel_safe(timeout=_LONGEST_CANCEL)

    def check(self, function: Callable[..., Any]) -> None:
        """Whether there is a transaction that can be committed; it has been taken back.

        :param function: the author's, that is done with it.
        :raises TransactionMisused: no; the message says why, and what to do.
        :raises psycopg.OperationalError: the connection is lost.
        """
        if self.session.closed:
            raise psycopg.OperationalError("the connection was lost in mid transaction")
        status, pipeline = self.session.info.transaction_status, self.session.pgconn.pipeline_status
        if status == TransactionStatus.INERROR:
            place = self.connection.aborted_at or defined_at(function)
            raise TransactionMisused(
                f"{place}: this failed and its error was caught, but PostgreSQL has aborted the whole transaction; put "
                "what may fail into `with connection.transaction():`"
            )
        if status == TransactionStatus.ACTIVE or pipeline != PipelineStatus.OFF:
            place = defined_at(function)
            raise TransactionMisused(f"{place}: it returned while a query, a COPY or a pipeline was unfinished")
        if is_pooled(self.session):  # not before: the first query of a transaction is its author's
            self.process = _answering_process(self.session)

    def is_in_doubt(self, error: psycopg.Error) -> bool:
        """Whether it may have been committed though that failed; then nothing more can be done over the connection.

        Who stands between may tell that the server is gone, before the connection is closed.
        """
        session, status = self.session, self.session.info.transaction_status
        is_broken = status in (TransactionStatus.ACTIVE, TransactionStatus.UNKNOWN) or bool(
            session.pgconn.pipeline_status
        )
        if is_broken or (error.sqlstate or "").startswith(_GONE):
            session.close()
        return session.closed

    def end(self) -> bool:
        """Roll back what is not committed, and leave nothing behind; False: the connection is of no more use."""
        if self._is_lent:
            self.take_back()
        session = self.session
        try:
            usable = not (self._is_spoiled or session.closed or session.pgconn.pipeline_status)
            if usable and session.info.transaction_status != TransactionStatus.ACTIVE:
                session.rollback()
                if not is_pooled(session):  # else the session is another's by now
                    session.execute(b"DISCARD ALL", prepare=False)
                return True
        except psycopg.Error:
            pass  # it is lost, and with it what was not committed
        session.close()
        return False


def _answering_process(session: Connection[Any]) -> int:
    row = session.execute(b"SELECT pg_backend_pid()", prepare=False).fetchone()
    assert row is not None
    return int(row[0])


class Lender:
    """Lends connections; there come to be as many as are lent at once.

    :param connect: opens one for a purpose.
    """

    def __init__(self, connect: Callable[[str], Connection[Any]]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._idle: deque[tuple[float, Connection[Any]]] = deque()  # the one that was used last stands last
        self._closed = False

    def lend(self) -> Lending:
        """A connection with a transaction just begun.

        :raises DatabaseUnavailable: the server does not answer.
        :raises psycopg.OperationalError: it was lost at once.
        """
        while (session := self._take()) is not None:
            try:
                return Lending(session)
            except psycopg.OperationalError:  # it was lost while it was idle
                session.close()
        return Lending(self._connect(PURPOSE))

    def give_back(self, lending: Lending) -> None:
        """The transaction has ended, or is to be rolled back."""
        if not lending.end():
            return
        with self._lock:
            self._idle.append((time.monotonic(), lending.session))
            outdated = [self._idle.popleft()[1] for _ in range(self._outdated())]
        for session in outdated:
            session.close()

    def close(self) -> None:
        """Lend nothing more; what is lent is closed when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, deque()
        for _, session in idle:
            session.close()

    def _take(self) -> Connection[Any] | None:
        with self._lock:
            return self._idle.pop()[1] if self._idle else None

    def _outdated(self) -> int:
        if self._closed:
            return len(self._idle)
        before = time.monotonic() - _LONGEST_IDLE
        return sum(since < before for since, _ in self._idle)
