"""One execution's journal, as somebody read it to look at.

Owns the shape alone. It lies between those who read journals and those who apply them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dataflows.errors import Mismatch
from interpreter.machine.entries import Entry
from interpreter.machine.status import Status

__all__ = ["Recording"]


@dataclass(frozen=True, slots=True)
class Recording:
    """A journal that was read, with the workflow that it is of.

    :ivar entries: gives the entries of the newest generation, in order, with fresh values at each call, since code that
        they are applied to may change them. Raises ``Mismatch`` at one that this code cannot read.
    """

    id: str
    workflow: str
    version: int
    status: Status
    entries: Callable[[], Iterable[Entry]] = field(compare=False, repr=False)

    def readable(self) -> tuple[list[Entry], Mismatch | None]:
        """The entries, up to one that this code cannot read; with the reason, if there is one."""
        entries: list[Entry] = []
        try:
            entries.extend(self.entries())
        except Mismatch as flaw:
            return entries, flaw
        return entries, None
