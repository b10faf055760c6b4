"""Every error that dataflows raises, as one tree.

::

    BaseException
    └── Cancelled                  thrown at the current ``yield`` of a cancelled workflow
    DataflowsError(Exception)
    ├── arriving at a ``yield``
    │   ├── StepFailed             stands in for an exception that could not be rebuilt
    │   ├── CannotStore            a value that the journal cannot hold        (also a TypeError)
    │   ├── StepTimeout            an attempt took longer than ``timeout=``    (also a TimeoutError)
    │   ├── TransactionMisused     a transaction's function ended, or broke, its transaction
    │   ├── WrongArguments         a step, or a workflow, takes other arguments (also a TypeError)
    │   ├── StepInterrupted        a step with ``once=True`` was cut off, and may have happened
    │   ├── WaitTimeout            no signal came in time                      (also a TimeoutError)
    │   ├── InvalidSignal          a signal's payload is not of the type asked (also a ValueError)
    │   ├── TaskCancelled          the task that was asked for has been cancelled
    │   ├── DeadlineExceeded       a recipe's time was over first              (also a TimeoutError)
    │   ├── TooManyFailures        more branches of a recipe failed than may
    │   ├── UndoFailed             a step that undoes what a recipe did has failed
    │   └── WrongYield             the workflow yielded what is no command     (also a TypeError)
    ├── raised by a step
    │   ├── RetryAfter             try again, but not before this moment
    │   │   └── RateLimited        a service's limit is used up until then
    │   └── ConnectorError         a connector could not do what it was asked
    │       ├── PermanentError     the service refused, and would refuse again
    │       │   └── AuthenticationFailed  the credential is missing, wrong or not allowed to
    │       ├── OutcomeUnknown     it was sent, and may have happened; to send it again could do it twice
    │       ├── TransientError     the service was not reached, or failed; another try may succeed
    │       ├── InvalidEvent       what came in is no delivery of that source (also a ValueError)
    │       └── InvalidSignature   what came in is not proven to be that source's
    ├── answered to a caller
    │   ├── NotFound               no such execution or schedule, or it has ended (also a LookupError)
    │   ├── IdInUse                the id belongs to another workflow, or to another parent
    │   ├── WrongStatus            the status of an execution, or of a schedule, does not allow it
    │   ├── ExecutionCancelled     ``result()`` of a cancelled execution
    │   │   └── ExecutionTerminated  … of one that was terminated
    │   ├── ExecutionBlocked       ``result()`` of a blocked execution
    │   ├── HistoryTooLong         it had more journal entries than its scheduler allows
    │   ├── ResultTimeout          ``result(timeout=…)`` ran out               (also a TimeoutError)
    │   └── UnknownWorkflow        no workflow of that name is registered      (also a LookupError)
    ├── raised while a program is set up
    │   ├── WorkflowRefused        what was decorated cannot be a workflow     (also a TypeError)
    │   ├── DuplicateWorkflow      two workflows of one name and version
    │   ├── SchedulerStopped       a verb was used on a closed scheduler or client
    │   ├── DatabaseUnavailable    the database cannot be reached, or started
    │   └── DatabaseUnsuitable     reached, but not one that can hold a journal
    ├── CannotRestore              a stored value cannot be rebuilt in this process
    └── Mismatch                   the journal and the code disagree: the execution is blocked
        └── PatchPassed            older code has passed a ``patched(...)``: to be replayed with that answer

    UserWarning
    └── WorkflowWarning            a check has found something in a workflow's source

This module knows nothing of machines, journals or databases; it is the vocabulary
in which they complain. A message says what happened and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

__all__ = [
    "AuthenticationFailed",
    "Cancelled",
    "CannotRestore",
    "CannotStore",
    "ConnectorError",
    "DatabaseUnavailable",
    "DatabaseUnsuitable",
    "DataflowsError",
    "DeadlineExceeded",
    "DuplicateWorkflow",
    "ExecutionBlocked",
    "ExecutionCancelled",
    "ExecutionTerminated",
    "HistoryTooLong",
    "IdInUse",
    "InvalidEvent",
    "InvalidSignal",
    "InvalidSignature",
    "Mismatch",
    "NotFound",
    "OutcomeUnknown",
    "PatchPassed",
    "PermanentError",
    "RateLimited",
    "ResultTimeout",
    "RetryAfter",
    "SchedulerStopped",
    "StepFailed",
    "StepInterrupted",
    "StepTimeout",
    "TaskCancelled",
    "TooManyFailures",
    "TransactionMisused",
    "TransientError",
    "UndoFailed",
    "UnknownWorkflow",
    "WaitTimeout",
    "WorkflowRefused",
    "WorkflowWarning",
    "WrongArguments",
    "WrongStatus",
    "WrongYield",
]


class Cancelled(BaseException):
    """Thrown at the current ``yield`` when the execution, or the branch, is cancelled.

    Steps in ``except`` and ``finally`` still run. Not an ``Exception``, so that a broad
    ``except Exception`` around a ``yield`` does not swallow it.
    """


class DataflowsError(Exception):
    """The root of every error that dataflows raises on purpose."""


class StepFailed(DataflowsError):
    """Stands in for an exception that a step raised and that cannot be rebuilt.

    The original class may be local, gone, or refuse its own arguments.

    :ivar type_name: module and qualified name of the original class.
    :ivar message: its text, or a note that it could not be had.
    :ivar traceback_text: the traceback as it would have been printed, or "".
    """

    def __init__(self, type_name: str, message: str, traceback_text: str = "") -> None:
        super().__init__(type_name, message, traceback_text)
        self.type_name = type_name
        self.message = message
        self.traceback_text = traceback_text

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message}" if self.message else self.type_name


class CannotStore(DataflowsError, TypeError):
    """A value that the journal cannot hold; names what held it and the type. Never retried."""


class StepTimeout(DataflowsError, TimeoutError):
    """An attempt at a step took longer than its ``timeout=``; its late result is discarded."""


class StepInterrupted(DataflowsError):
    """A step with ``once=True`` had begun when its scheduler died: it may have happened, or not, or in part.

    It is not run again. Look whether it has happened before going on.
    """


class TransactionMisused(DataflowsError):
    """The function of a ``transaction`` has ended it itself, or left it broken; the message names the line.

    It is not tried again.
    """


class WrongArguments(DataflowsError, TypeError):
    """A step, or who starts a workflow, gives it other arguments than it takes; the message names the line that does.

    A step is not tried again, since no attempt could succeed; of a workflow nothing is started.
    """


class WaitTimeout(DataflowsError, TimeoutError):
    """No signal came within ``timeout=``, and the wait had no ``default=``."""


class InvalidSignal(DataflowsError, ValueError):
    """A signal came, but its payload is not of the type that ``wait(name, type)`` asked for."""


class TaskCancelled(DataflowsError):
    """The task that was yielded, gathered or raced has been cancelled with ``cancel(task)``."""


class DeadlineExceeded(DataflowsError, TimeoutError):
    """What a recipe waits for did not happen in time; see ``dataflows.recipes``."""


class TooManyFailures(DataflowsError):
    """More branches failed than ``gather_outcomes(tolerate=…)`` allows; its cause is the group of what they raised."""


class UndoFailed(DataflowsError):
    """Steps of a ``saga`` that undo have failed for good, and are named; its cause is what had to be undone for."""


class WrongYield(DataflowsError, TypeError):
    """The workflow yielded something that is no command; the message says what to write instead."""


class RetryAfter(DataflowsError):
    """Raised by a step: try again, but not before this moment (a rate limit, a ``Retry-After``).

    It sets the wait, and does not count against ``Retry(attempts=)``: being asked to wait is
    no failure. ``Retry(within=)`` bounds it.

    :param when: seconds from now (``int`` or ``float``, not negative), or an aware ``datetime``.
    :raises ValueError: negative, not finite, or a naive ``datetime``.
    """

    def __init__(self, when: float | datetime, message: str = "") -> None:
        super().__init__(when, message)
        if isinstance(when, datetime):
            if when.tzinfo is None:
                raise ValueError(f"RetryAfter takes seconds or an aware datetime; {when!r} has no time zone")
        elif isinstance(when, bool) or not 0 <= when < float("inf"):
            raise ValueError(f"RetryAfter takes seconds, 0 or more, or an aware datetime; got {when!r}")
        self.when = when
        self.message = message

    def __str__(self) -> str:
        text = f"retry at {self.when.isoformat()}" if isinstance(self.when, datetime) else f"retry after {self.when} s"
        return f"{self.message} ({text})" if self.message else text


class RateLimited(RetryAfter):
    """The service's limit is used up: it takes no more requests of this credential until then."""


class ConnectorError(DataflowsError):
    """A connector could not do what it was asked. Its text never holds a credential.

    :ivar message: which service, what was asked, what it answered, what to do.
    :ivar status: the HTTP status that it answered with, or None if no answer came.
    :ivar code: the service's own name for the error (``OAUTH_019``, ``TF401232``), or None.
    """

    def __init__(self, message: str, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message, status, code)
        self.message = message
        self.status = status
        self.code = code

    def __str__(self) -> str:
        return self.message


class PermanentError(ConnectorError):
    """The service refused the request, and would refuse it again. Never retried."""


class AuthenticationFailed(PermanentError):
    """The credential is missing, wrong, expired, or not allowed to do this."""


class OutcomeUnknown(ConnectorError):
    """The request was sent, and nothing tells whether it was carried out; to send it again could do it twice.

    Never retried. The message says how the step can be made safe to try again: by an idempotency key that the
    service honours, or by looking before it creates.
    """


class TransientError(ConnectorError):
    """The service was not reached, or failed; another try may succeed.

    :ivar outcome_unknown: the request may have been carried out all the same: who tries again must look first.
    """

    def __init__(
        self, message: str, status: int | None = None, code: str | None = None, outcome_unknown: bool = False
    ) -> None:
        super().__init__(message, status, code)
        self.args = (message, status, code, outcome_unknown)
        self.outcome_unknown = outcome_unknown


class InvalidEvent(ConnectorError, ValueError):
    """What came in is not a delivery of that source: not JSON, or without the fields that name it."""


class InvalidSignature(ConnectorError):
    """What came in is not proven to be that source's; its text does not tell a wrong secret from one not set."""


class NotFound(DataflowsError, LookupError):
    """No such execution, published key or schedule; or an execution that has ended and takes no more messages."""


class IdInUse(DataflowsError):
    """The id belongs to an execution of another workflow, or one that another has started.

    An id names one execution until that is purged.
    """


class ExecutionCancelled(DataflowsError):
    """The result was asked of an execution that ended cancelled; a parent asks its child's."""


class ExecutionTerminated(ExecutionCancelled):
    """The result was asked of an execution that was terminated: it ended where it stood, without any cleanup."""


class WrongStatus(DataflowsError):
    """What was asked cannot be done to an execution, or a schedule, of this status; the message says what can."""


class ExecutionBlocked(DataflowsError):
    """The result was asked of an execution that is blocked; the message carries the reason."""


class HistoryTooLong(DataflowsError):
    """The execution was ended where it stood: its journal had more entries than ``Scheduler(history=)`` allows."""


class ResultTimeout(DataflowsError, TimeoutError):
    """The execution did not end within ``result(timeout=…)``; it goes on, ask again."""


class UnknownWorkflow(DataflowsError, LookupError):
    """No workflow of that name, or not in that version, is registered in this process."""


class WorkflowRefused(DataflowsError, TypeError):
    """What ``@workflow`` decorates is no generator function, takes no event with a trigger, or fails a strict check."""


class DuplicateWorkflow(DataflowsError):
    """Two different functions were registered under one name and version."""


class SchedulerStopped(DataflowsError):
    """A verb was used on a scheduler or client that is closed, or was never opened."""


class DatabaseUnavailable(DataflowsError):
    """The database cannot be reached, or the embedded one cannot be started."""


class DatabaseUnsuitable(DataflowsError):
    """The database was reached and cannot hold a journal: read-only, not UTF-8, or of a newer schema."""


class CannotRestore(DataflowsError):
    """A stored value cannot be rebuilt in this process: a class is missing or has changed; nothing is lost."""


class Mismatch(DataflowsError):
    """The journal holds what the code no longer yields; the execution is blocked and loses nothing.

    :ivar journal: what the journal has, in words; "" where the journal itself cannot be read.
    :ivar code: what the code has there, in words.
    :ivar places: ``file:line: text`` of each yield at which the code then stands.
    """

    def __init__(self, *message: str, journal: str = "", code: str = "", places: Sequence[str] = ()) -> None:
        super().__init__(*message)
        self.journal = journal
        self.code = code
        self.places = tuple(places)


class PatchPassed(Mismatch):
    """The journal was written by code that has passed these changes; no error, if it is replayed knowing that.

    :ivar changes: those that ``patched(...)`` has to answer with False.
    """

    def __init__(self, changes: Iterable[str]) -> None:
        super().__init__(*sorted(changes))
        self.changes = frozenset(changes)

    def __str__(self) -> str:
        asked = ", ".join(f"patched({change!r})" for change in sorted(self.changes))
        return f"the journal was written by code that did not ask {asked}; replay it with False for an answer"


class WorkflowWarning(UserWarning):
    """A check has found something in a workflow's source; issued once, at the author's file and line."""
