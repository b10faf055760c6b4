"""Feeds committed entries to machines, which is where the code of workflows runs.

Owns that it is watched, and that journals which older code has written are read as it would have.
What becomes of an execution whose code cannot go on is for others to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dataflows.errors import Mismatch, PatchPassed
from dataflows.logs import replaying
from interpreter.machine import Machine
from interpreter.scheduler.held import Held
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.watchdog import Replaced, Stuck, Watchdog
from interpreter.store.records import Written
from interpreter.store.rows import to_entry

__all__ = ["Applier", "WholeJournalNeeded"]

_PROBLEMS = (Mismatch, Stuck, KeyboardInterrupt)
"""What the code of a workflow may raise here. The real KeyboardInterrupt goes to the main thread."""


class WholeJournalNeeded(Exception):
    """The machine cannot go on from where it stood, and its journal is not here from the first entry on."""


class Applier:
    """Runs machines under a watchdog."""

    def __init__(self, watchdog: Watchdog, monitor: Monitor) -> None:
        self._watchdog = watchdog
        self._monitor = monitor

    def apply(self, held: Held, entries: Iterable[Written]) -> str | None:
        """Feed what is new to the machine; answers why the execution has to be blocked, or None."""
        try:
            self._feed(held, entries)
        except _PROBLEMS as problem:
            return _described(problem)
        return None

    def replay(self, held: Held, entries: Sequence[Written]) -> str | None:
        """The same for what was applied before, here or elsewhere; the workflow's logger keeps silent.

        :raises WholeJournalNeeded: older code has gone on with it since, and has passed a ``patched(...)``.
        """
        token = replaying.set(True)
        try:
            self._fold(held, entries)
        except _PROBLEMS as problem:
            return _described(problem)
        finally:
            replaying.reset(token)
        return None

    def limit_of(self, held: Held) -> tuple[str, str | None]:
        """The name of the limit that the execution is counted in as a whole; or why that cannot be told."""
        workflow, started = held.workflow, held.machine.started
        assert started is not None
        try:
            with self._watchdog.watching(held.id):
                return workflow.limit_for(started.args, started.kwargs), None
        except BaseException as problem:
            if isinstance(problem, Replaced):
                raise
            reason = f"{type(problem).__name__}: {problem}"
            return "", f"at_once_by= of workflow {workflow.name!r} ({workflow.source}) raised {reason}"

    def abandon(self, execution_id: str, machine: Machine) -> None:
        """Let a workflow go. Its ``finally`` may compute for ever as well as any other part of it."""
        try:
            with self._watchdog.watching(execution_id):
                machine.abandon()
        except Stuck as stuck:
            self._monitor.emit("drive-stuck", execution=execution_id, problem=stuck)

    def _feed(self, held: Held, entries: Iterable[Written]) -> None:
        with self._watchdog.watching(held.id) as drive:
            for seq, at, row in entries:
                drive.goes_on()
                held.machine.apply(to_entry(seq, at, row))

    def _fold(self, held: Held, entries: Sequence[Written]) -> None:
        """As ``machine.fold``, but that the machine may have had the first entries already."""
        passed: frozenset[str] = frozenset()
        while True:
            try:
                self._feed(held, entries)
            except PatchPassed as found:
                passed |= found.changes
            else:
                return
            self.abandon(held.id, held.machine)
            if entries[0].seq != 1:
                raise WholeJournalNeeded
            held.machine = Machine(held.workflow, passed)


def _described(problem: BaseException) -> str:
    if isinstance(problem, KeyboardInterrupt):
        return "the workflow raised KeyboardInterrupt, which is not its to raise"
    return str(problem)
