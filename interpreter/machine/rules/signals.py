"""Which signal is whose: those that came early are kept, and each is given to the wait that was opened first."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dataflows.commands import Wait
from dataflows.errors import InvalidSignal
from dataflows.outcome import Error, Outcome, Value
from dataflows.payload import read_as
from interpreter.machine.actions import AwaitSignal, Renew
from interpreter.machine.entries import SignalReceived

if TYPE_CHECKING:
    from interpreter.machine.machine import Machine

__all__ = ["deliver", "received"]


def deliver(machine: Machine, signal: SignalReceived) -> None:
    """Give it to the wait that was opened first and whose deadline it met; else keep it for the next."""
    name = (signal.name, signal.key)
    for position in machine.waits.get(name, ()):
        action = machine.open[position]
        assert isinstance(action, AwaitSignal)
        if action.due is None or signal.sent_at <= action.due:
            machine.overtake(action, received(action.command, signal.payload))
            return
    machine.signals.setdefault(name, deque()).append((machine.seq, signal))
    if isinstance(renew := machine.open.get(()), Renew):
        machine.set_open((), replace(renew, signals=(*renew.signals, signal)))


def received(command: Wait[Any], payload: Any) -> Outcome[Any]:
    """What the wait makes of the payload."""
    try:
        return Value(read_as(command.type, payload))
    except Exception as error:
        invalid = InvalidSignal(f"signal {command.name!r}: {error}")
        invalid.__cause__ = error
        return Error(invalid)
