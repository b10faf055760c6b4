"""``dataflows replay``: a real journal, fed to the code that is here, up to where a debugger is to stop.

Owns what is printed on the way.
"""

from __future__ import annotations

from typing import Annotated

import typer

from dataflows.outcome import Error
from interpreter.cli.exits import Exit
from interpreter.cli.modules import import_modules
from interpreter.cli.options import DatabaseOption, ExecutionId, Modules
from interpreter.cli.output import complain, say
from interpreter.cli.text import relative_to_here
from interpreter.machine import Recording
from interpreter.operations import find_workflow
from interpreter.reader import Reader
from interpreter.testing.replaying import Replay, stop_in_debugger, tell

__all__ = ["replay"]

At = Annotated[
    int | None,
    typer.Option(
        "--at", min=1, metavar="N", help="Stop when the code has seen entry N; default: the last.", show_default=False
    ),
]


def replay(id: ExecutionId, *, at: At = None, modules: Modules = None, database: DatabaseOption = None) -> None:
    """Feed an execution's journal to the code, and stop in the debugger at the yield where it then stands.

    The workflow's own frame and names are current there: pdb, or what PYTHONBREAKPOINT names. No step is
    run, and nothing is changed. Of a workflow that failed, it stops where that was raised.
    """
    import_modules(modules)
    with Reader(database) as reader:
        recording = reader.recording(id)
    with Replay(find_workflow(recording.workflow, recording.version), recording) as replayed:
        _feed(replayed, at)
        _tell_where(replayed, recording)
        stop_in_debugger(replayed.stop())
        if replayed.mismatch is not None:
            raise typer.Exit(Exit.BLOCKED)


def _feed(replayed: Replay, at: int | None) -> None:
    for entry in replayed.feed(at):
        say(tell(entry))


def _tell_where(replayed: Replay, recording: Recording) -> None:
    if replayed.mismatch is not None:
        complain(replayed.mismatch, str(replayed.mismatch))
    for place in replayed.where():
        say(f"at {relative_to_here(place)}")
    outcome = replayed.outcome
    if outcome is not None:
        came_to = f"raised {outcome.exception!r}" if isinstance(outcome, Error) else f"returned {outcome.value!r}"
        say(f"workflow {recording.workflow!r} has {came_to}")
