"""How much of something all executions of a database together may use: so many in a time, so many at once.

Owns the value and its bounds. It is given to schedulers, by the name that steps say in ``limit=``; counting is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dataflows.duration import Duration, to_timedelta
from dataflows.names import check_name

__all__ = ["Limit", "check_at_once", "check_limit_name"]

MOST = 2**31 - 1
OWN_NAMES = "workflow/"
"""How the names of limits begin that belong to workflows with ``at_once=``."""


@dataclass(frozen=True, slots=True)
class Limit:
    """``Limit(100, per="1m", at_once=5)``: no more than 100 begin in any minute, and no more than 5 run at any time.

    An attempt counts when it is let go to run. A service counts its request when that arrives, some moment later; so no
    more than ``rate + at_once`` arrive in any time of that length: let that be what the service allows.

    How much of a rate others have used, nobody here knows. So after a pause as long as ``per``, and after the service
    has said to wait, one attempt goes ahead; the others follow when it has come back, or three seconds after it has
    begun. A service that is used up says so once, and not to all that were let go together. One that is let go ahead
    and that no scheduler takes up is passed over after a minute.

    :param rate: how many may begin within ``per``, in whatever time of that length; None: any number.
    :param per: that length of time; it goes with ``rate``.
    :param at_once: how many may run at the same time; None: any number.
    :raises ValueError: neither a rate nor ``at_once``, one of ``rate`` and ``per`` without the other, or a number
        out of range.
    """

    rate: int | None = None
    per: Duration | None = None
    at_once: int | None = None

    def __post_init__(self) -> None:
        if self.rate is None and self.at_once is None:
            raise ValueError('a limit has a rate, or at_once=, or both: Limit(100, per="1m", at_once=5)')
        if (self.rate is None) is not (self.per is None):
            raise ValueError(f'a rate goes with per=, as in Limit(100, per="1m"); got {self!r}')
        _check_count(self.rate, "Limit(rate=)")
        _check_count(self.at_once, "Limit(at_once=)")
        if self.period is not None and self.period < timedelta(milliseconds=1):
            raise ValueError(f"Limit(per=) is a millisecond or more; got {self.per!r}")

    @property
    def period(self) -> timedelta | None:
        """``per`` as a ``timedelta``."""
        return None if self.per is None else to_timedelta(self.per)


def check_at_once(at_once: int | None, what: str) -> int | None:
    """The number itself.

    :raises ValueError: it is no whole number from 1.
    """
    _check_count(at_once, what)
    return at_once


def check_limit_name(name: object, what: str) -> str:
    """The name itself.

    :raises TypeError: it is no ``str``.
    :raises ValueError: no name can be like that, or it is one of a workflow's own limit.
    """
    checked = check_name(name, what)
    if checked.startswith(OWN_NAMES):
        raise ValueError(f"{what} must not begin with {OWN_NAMES!r}: so do those of workflows with at_once=")
    return checked


def _check_count(number: object, what: str) -> None:
    is_count = isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= MOST
    if number is not None and not is_count:
        raise ValueError(f"{what} is a whole number from 1, or None for any; got {number!r}")
