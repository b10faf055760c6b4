"""One journal and the machine that it was fed to: what continues as new has several of them.

Owns the entries, and how many commands had been yielded after each.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from dataflows.logs import replaying
from dataflows.workflow import Workflow
from interpreter.machine import Entry, Fact
from interpreter.testing.stored import Restore, stored
from interpreter.testing.watching import WatchedMachine

__all__ = ["Generation"]


class Generation:
    """A journal from its first entry on.

    :ivar machine: the one that runs, or ran last.
    :ivar marks: how many commands had been yielded after each entry.
    """

    def __init__(self, workflow: Workflow[..., Any], passed: Iterable[str]) -> None:
        self.workflow = workflow
        self.passed = tuple(passed)
        self.machine = self.new_machine()
        self.marks: list[int] = []
        self._journal: list[tuple[datetime, Restore]] = []

    def __len__(self) -> int:
        return len(self._journal)

    def new_machine(self) -> WatchedMachine:
        """One that has been fed nothing."""
        return WatchedMachine(self.workflow, self.passed)

    def entries(self, number: int | None = None) -> list[Entry]:
        """The journal, or its first entries, decoded afresh."""
        return [Entry(seq, at, restore()) for seq, (at, restore) in enumerate(self._journal[:number], 1)]

    def journal(self, at: datetime, fact: Fact) -> Fact:
        """Journal the fact, then let the machine see it; as the codec gives it back, which is what is answered.

        :raises CannotStore: an argument of the workflow, or the payload of a signal, cannot be stored.
        """
        restore = stored(fact)
        self._journal.append((at, restore))
        entry = Entry(len(self._journal), at, restore())
        self.machine.apply(entry)
        self.marks.append(len(self.machine.sightings))
        return entry.fact

    def rebuild(self) -> None:
        """Feed the journal to a fresh machine, as after a crash."""
        self.machine = self.new_machine()
        token = replaying.set(True)
        try:
            for entry in self.entries():
                self.machine.apply(entry)
        finally:
            replaying.reset(token)
