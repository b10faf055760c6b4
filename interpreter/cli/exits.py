"""How a command ends: the exit codes, and which error means which.

Owns the table. A code says what happened, so that a script needs to read nothing.
"""

from __future__ import annotations

from enum import IntEnum

from dataflows.errors import (
    DatabaseUnavailable,
    DatabaseUnsuitable,
    DataflowsError,
    ExecutionBlocked,
    ExecutionCancelled,
    IdInUse,
    NotFound,
    ResultTimeout,
    UnknownWorkflow,
)
from interpreter.machine import Status

__all__ = ["EXIT_OF_STATUS", "MEANINGS", "Exit", "exit_of"]


class Exit(IntEnum):
    """What a command's exit code says."""

    DONE = 0
    FAILED = 1
    MISUSED = 2
    NOT_FOUND = 3
    TIMED_OUT = 4
    BLOCKED = 5
    CANCELLED = 6
    NO_DATABASE = 7
    ID_IN_USE = 8
    INTERRUPTED = 130


MEANINGS = {
    Exit.DONE: "done",
    Exit.FAILED: "the execution failed; of a worker: a step made it exit; of a check or lint: something was found",
    Exit.MISUSED: "wrong usage: an option, an input or a module that cannot be",
    Exit.NOT_FOUND: "no such execution, workflow, schedule or delivery, or it has ended and takes no more messages",
    Exit.TIMED_OUT: "it has not ended in time, and goes on",
    Exit.BLOCKED: "the execution is blocked: `show` says why, `resume` or `retry` tries again",
    Exit.CANCELLED: "the execution was cancelled",
    Exit.NO_DATABASE: "the database cannot be reached, or is none for this",
    Exit.ID_IN_USE: "the id belongs to an execution of another workflow, or to another's child",
    Exit.INTERRUPTED: "interrupted by Ctrl-C",
}

EXIT_OF_STATUS = {
    Status.COMPLETED: Exit.DONE,
    Status.FAILED: Exit.FAILED,
    Status.BLOCKED: Exit.BLOCKED,
    Status.CANCELLED: Exit.CANCELLED,
}
"""For the statuses in which an execution rests."""

_EXIT_OF_ERROR: dict[type[DataflowsError], Exit] = {
    NotFound: Exit.NOT_FOUND,
    UnknownWorkflow: Exit.NOT_FOUND,
    ResultTimeout: Exit.TIMED_OUT,
    ExecutionBlocked: Exit.BLOCKED,
    ExecutionCancelled: Exit.CANCELLED,
    DatabaseUnavailable: Exit.NO_DATABASE,
    DatabaseUnsuitable: Exit.NO_DATABASE,
    IdInUse: Exit.ID_IN_USE,
}


def exit_of(error: DataflowsError) -> Exit:
    """What an error means to the shell; one that is not in the table was provoked by how the command was used."""
    return next((code for kind, code in _EXIT_OF_ERROR.items() if isinstance(error, kind)), Exit.MISUSED)
