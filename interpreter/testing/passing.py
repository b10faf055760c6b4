"""Which changes older code has passed, in a journal that is to be applied entry by entry.

Owns the finding out; ``interpreter.machine.folding`` says why it takes a look at the whole journal.
"""

from __future__ import annotations

from typing import Any

from dataflows.errors import Mismatch, PatchPassed
from dataflows.workflow import Workflow
from interpreter.machine import Machine, Recording

__all__ = ["changes_passed"]


def changes_passed(workflow: Workflow[..., Any], recording: Recording) -> frozenset[str]:
    """The changes that ``patched(...)`` is to answer with False: give them to ``Machine``."""
    passed: frozenset[str] = frozenset()
    while True:
        machine = Machine(workflow, passed)
        try:
            for entry in recording.readable()[0]:
                machine.apply(entry)
        except PatchPassed as found:
            passed |= found.changes
        except Mismatch:
            return passed
        else:
            return passed
        finally:
            machine.abandon()
