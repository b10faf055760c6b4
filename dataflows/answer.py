"""``Answer``: what somebody has answered at the address of a ``callback``.

Owns the shape of what comes in there where there are choices; the wait of that name may read it as any other type.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LONGEST_COMMENT", "Answer"]

LONGEST_COMMENT = 10_000
"""Characters of a comment that are taken."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The payload of the signal that an answered callback sends: ``wait("approval", Answer)``.

    :ivar choice: one of the callback's choices.
    :ivar comment: what was written beside it; "" if nothing was.
    """

    choice: str
    comment: str = ""
