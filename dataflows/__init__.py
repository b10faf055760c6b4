"""dataflows: durable workflows as plain Python generators.

A workflow yields commands and is sent their outcomes; an interpreter journals every outcome
before the workflow may see it. This package is the language: what authors import. It runs
nothing, opens no connection, and never imports ``interpreter``.
"""

from dataflows.attempt import Attempt, cancelled, current_attempt
from dataflows.commands import Branch, Command, Flow, Step, Task, Winner
from dataflows.duration import Duration
from dataflows.errors import (
    Cancelled,
    CannotStore,
    DataflowsError,
    ExecutionBlocked,
    ExecutionCancelled,
    InvalidSignal,
    RetryAfter,
    StepFailed,
    StepTimeout,
    TaskCancelled,
    WaitTimeout,
)
from dataflows.events import Event, Trigger
from dataflows.logs import get_logger
from dataflows.outcome import Error, Outcome, Value
from dataflows.retry import Retry
from dataflows.verbs import cancel, fork, gather, now, race, random, sleep, sleep_until, step, uuid, wait
from dataflows.workflow import Workflow, workflow

__all__ = [
    "Attempt",
    "Branch",
    "Cancelled",
    "CannotStore",
    "Command",
    "DataflowsError",
    "Duration",
    "Error",
    "Event",
    "ExecutionBlocked",
    "ExecutionCancelled",
    "Flow",
    "InvalidSignal",
    "Outcome",
    "Retry",
    "RetryAfter",
    "Step",
    "StepFailed",
    "StepTimeout",
    "Task",
    "TaskCancelled",
    "Trigger",
    "Value",
    "WaitTimeout",
    "Winner",
    "Workflow",
    "cancel",
    "cancelled",
    "current_attempt",
    "fork",
    "gather",
    "get_logger",
    "now",
    "race",
    "random",
    "sleep",
    "sleep_until",
    "step",
    "uuid",
    "wait",
    "workflow",
]
