"""A whole journal, folded into a machine.

Owns the one thing that a machine alone cannot know: that its journal was written by code which
passed a ``patched(...)`` without asking shows only in later entries. Then it is folded again,
from the first entry on, with that answer known. So what such code has done is replayed as it was,
at the times at which it was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dataflows.errors import PatchPassed
from dataflows.workflow import Workflow
from interpreter.machine.entries import Entry
from interpreter.machine.machine import Machine

__all__ = ["fold"]


def fold(workflow: Workflow[..., Any], read: Callable[[], Iterable[Entry]]) -> Machine:
    """The machine at the end of the journal.

    :param read: gives the journal, with fresh values at each call.
    :raises Mismatch: journal and code disagree. The machine has been let go.
    """
    passed: frozenset[str] = frozenset()
    while True:
        machine = Machine(workflow, passed)
        try:
            for entry in read():
                machine.apply(entry)
        except PatchPassed as found:
            passed |= found.changes
            machine.abandon()
        except BaseException:
            machine.abandon()
            raise
        else:
            return machine
