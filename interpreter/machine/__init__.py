"""The machine: sans-IO, a fold of a journal. See ``machine.machine``."""

from interpreter.machine.actions import Action, AwaitSignal, Close, End, Open, RunStep, SetTimer, StopStep
from interpreter.machine.entries import (
    AttemptFailed,
    Begun,
    CancelRequested,
    Ended,
    Entry,
    Fact,
    SignalReceived,
    Slept,
    Started,
    StepEnded,
    StepStopped,
    WaitTimedOut,
)
from interpreter.machine.machine import Machine
from interpreter.machine.position import Position, format_position, parse_position
from interpreter.machine.retries import after_failure
from interpreter.machine.status import ENDED, MOVES, Status

__all__ = [
    "ENDED",
    "MOVES",
    "Action",
    "AttemptFailed",
    "AwaitSignal",
    "Begun",
    "CancelRequested",
    "Close",
    "End",
    "Ended",
    "Entry",
    "Fact",
    "Machine",
    "Open",
    "Position",
    "RunStep",
    "SetTimer",
    "SignalReceived",
    "Slept",
    "Started",
    "Status",
    "StepEnded",
    "StepStopped",
    "StopStep",
    "WaitTimedOut",
    "after_failure",
    "format_position",
    "parse_position",
]
