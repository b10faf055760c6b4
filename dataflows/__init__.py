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
    ExecutionTerminated,
    HistoryTooLong,
    IdInUse,
    InvalidSignal,
    NotFound,
    RetryAfter,
    StepFailed,
    StepInterrupted,
    StepTimeout,
    TaskCancelled,
    WaitTimeout,
    WorkflowWarning,
)
from dataflows.events import Event, Trigger
from dataflows.logs import get_logger
from dataflows.outcome import Error, Outcome, Value
from dataflows.retry import Retry
from dataflows.verbs import (
    cancel,
    child,
    continue_as_new,
    defer,
    fork,
    gather,
    now,
    patched,
    publish,
    race,
    random,
    signal,
    sleep,
    sleep_until,
    start,
    step,
    transaction,
    uuid,
    wait,
)
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
    "ExecutionTerminated",
    "Flow",
    "HistoryTooLong",
    "IdInUse",
    "InvalidSignal",
    "NotFound",
    "Outcome",
    "Retry",
    "RetryAfter",
    "Step",
    "StepFailed",
    "StepInterrupted",
    "StepTimeout",
    "Task",
    "TaskCancelled",
    "Trigger",
    "Value",
    "WaitTimeout",
    "Winner",
    "Workflow",
    "WorkflowWarning",
    "cancel",
    "cancelled",
    "child",
    "continue_as_new",
    "current_attempt",
    "defer",
    "fork",
    "gather",
    "get_logger",
    "now",
    "patched",
    "publish",
    "race",
    "random",
    "signal",
    "sleep",
    "sleep_until",
    "start",
    "step",
    "transaction",
    "uuid",
    "wait",
    "workflow",
]
