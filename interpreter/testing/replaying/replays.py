"""A journal that is fed to a machine one entry at a time, and where the workflow then stands.

Owns which of several fibers is meant: the one that the last entry set going, or the nearest above it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from dataflows.errors import Mismatch
from dataflows.outcome import Error, Outcome
from dataflows.workflow import Workflow
from interpreter.machine import Entry, Fact, Machine, Position, Recording, SignalReceived
from interpreter.testing.passing import changes_passed
from interpreter.testing.replaying.frames import Stop, frames_of_generator, frames_of_traceback

__all__ = ["Replay"]


class Replay:
    """An execution's journal and the code that is to follow it. Leave it, and the workflow is let go.

    :ivar mismatch: why the feeding stopped before it was to: code and journal disagree.
    """

    def __init__(self, workflow: Workflow[..., Any], recording: Recording) -> None:
        self.mismatch: Mismatch | None = None
        self._recording = recording
        self._machine = Machine(workflow, changes_passed(workflow, recording))
        self._position: Position = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._machine.abandon()

    def feed(self, last: int | None = None) -> Iterator[Entry]:
        """Apply the entries up to that number; each is answered before it is applied."""
        entries, flaw = self._recording.readable()
        for entry in entries[:last]:
            yield entry
            try:
                self._apply(entry)
            except Mismatch as mismatch:
                self.mismatch = mismatch
                return
        if last is None or last > len(entries):
            self.mismatch = flaw

    def where(self) -> list[str]:
        """``file:line: text`` of each yield at which the workflow now stands."""
        return self._machine.where()

    @property
    def outcome(self) -> Outcome[Any] | None:
        """What the workflow came to, or None while it runs."""
        return self._machine.outcome

    def stop(self) -> Stop:
        """The author's frames where it now stands, or where it raised what ended it."""
        prefix = self._position[:-1]
        while prefix:
            fiber = self._machine.fibers.get(prefix)
            if fiber is not None and (frames := frames_of_generator(fiber.generator)):
                return frames
            prefix = prefix[:-2]
        main = self._machine.main
        if isinstance(self.outcome, Error):
            return frames_of_traceback(self.outcome.exception)
        return [] if main is None else frames_of_generator(main.generator)

    def _apply(self, entry: Entry) -> None:
        self._position = _position(self._machine, entry.fact)
        self._machine.apply(entry)


def _position(machine: Machine, fact: Fact) -> Position:
    """Where the command stands that the fact is about; of a signal, the wait that takes it."""
    if isinstance(fact, SignalReceived):
        return next(iter(machine.waits.get((fact.name, fact.key), {})), ())
    position: Position = getattr(fact, "position", ())
    return position
