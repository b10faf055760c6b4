"""Programs: small trees that stand for workflows. What plays them is ``player``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from dataflows import Cancelled


@dataclass(frozen=True)
class Do:
    """A step that fails so many times before it succeeds, and is tried so often."""

    failures: int = 0
    attempts: int = 1
    rate_limited: bool = False
    value: Any = None
    transaction: bool = False


@dataclass(frozen=True)
class DoOnce:
    """A step that runs at most once, and may fail."""

    fails: bool = False
    value: Any = None


@dataclass(frozen=True)
class Nap:
    seconds: int


@dataclass(frozen=True)
class NapUntil:
    """Sleep until so many seconds after the start, which may have passed."""

    seconds: int


@dataclass(frozen=True)
class Await:
    signal: str
    type: type | None = None
    timeout: int | None = None
    has_default: bool = False
    key: str | None = None


@dataclass(frozen=True)
class Look:
    """``now``, ``uuid`` or ``random``."""

    at: str


@dataclass(frozen=True)
class Mistake:
    """Yields what is no command."""


@dataclass(frozen=True)
class Ask:
    """Yields a task that was forked before, or by another fiber."""

    number: int


@dataclass(frozen=True)
class Stop:
    """Cancels one."""

    number: int


@dataclass(frozen=True)
class Start:
    """Forks."""

    branch: Branch


@dataclass(frozen=True)
class Together:
    branches: tuple[Branch, ...]
    limit: int | None = None


@dataclass(frozen=True)
class First:
    branches: tuple[Branch, ...]


@dataclass(frozen=True)
class Tell:
    """Sends a signal, to one that is there or is not."""

    arrives: bool


@dataclass(frozen=True)
class Show:
    """Publishes a value, which the journal can hold or cannot."""

    value: Any
    fits: bool = True


@dataclass(frozen=True)
class Inquire:
    """Opens a callback."""


@dataclass(frozen=True)
class Child:
    """Another execution, waited for or not, and what becomes of it."""

    fate: str
    is_waited_for: bool = True


@dataclass(frozen=True)
class Later:
    """Defers a step that fails so many times, and is tried so often."""

    failures: int = 0
    attempts: int = 1


@dataclass(frozen=True)
class Change:
    """Asks ``patched``, and goes the new way or the old."""

    name: str
    new: Block
    old: Block


@dataclass(frozen=True)
class Anew:
    """Continues as new."""


@dataclass(frozen=True)
class Guard:
    """try, except and finally."""

    body: Block
    catches: str
    cleanup: Block = ()


@dataclass(frozen=True)
class Helper:
    body: Block


@dataclass(frozen=True)
class Again:
    times: int
    body: Block


@dataclass(frozen=True)
class Fail:
    """Raises."""


@dataclass(frozen=True)
class Leave:
    """Returns."""


FATES = ("returns", "fails", "is cancelled", "is another's", "ends early")
"""What becomes of a child; early is before its start is journaled."""

Single: TypeAlias = (
    Do | DoOnce | Nap | NapUntil | Await | Look | Tell | Show | Inquire | Child | Later | Together | First
)
"""What can be a branch without a generator around it."""

Node: TypeAlias = Single | Mistake | Ask | Stop | Start | Guard | Helper | Again | Fail | Leave | Change | Anew
Block: TypeAlias = tuple[Node, ...]
Branch: TypeAlias = Block | Single | Ask
"""A generator, a single command, or a task."""

CATCHES: dict[str, tuple[type[BaseException], ...]] = {
    "nothing": (),
    "errors": (Exception,),
    "cancellations": (Cancelled,),
    "everything": (BaseException,),
}
