"""Schedules: the moments at which a workflow is to start, as values.

Owns what the moments are, summer time included. Has no clock and starts nothing: whoever does asks for the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from dataflows.duration import Duration, to_timedelta

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from cronsim import CronSim

__all__ = ["CatchUp", "Cron", "Every", "NoMoment", "Schedule", "aware", "cron", "every"]

CatchUp: TypeAlias = Literal["latest", "all", "none"]
"""What becomes of moments that passed while nobody asked for them: no scheduler ran, or the schedule was paused.

``latest``: one execution, for the last of them. ``all``: one for each, in their order. ``none``: no execution.
``slots.due`` says it exactly.
"""

MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
"""What the moments of ``every`` are counted from, so that days begin at midnight and weeks on Monday, UTC."""


class NoMoment(ValueError):
    """A schedule has no further moment."""


@dataclass(frozen=True, slots=True)
class Cron:
    """The moments of a cron expression in a time zone; made by ``cron``."""

    expression: str
    tz: str
    catch_up: CatchUp = "latest"

    def next_after(self, moment: datetime) -> datetime:
        """The first moment later than the one given, in UTC.

        :raises NoMoment: nothing follows within fifty years.
        :raises ValueError: ``moment`` has no time zone.
        """
        local = aware(moment).astimezone(_zone(self.tz))
        try:
            # An hour that comes twice is counted once: seen from its second round, its moments are over.
            later = (slot.astimezone(UTC) for slot in _simulate(self.expression, local))
            return next(slot for slot in later if slot > moment)
        except (StopIteration, OverflowError):
            raise NoMoment(f"cron({self.expression!r}) has no moment within fifty years of {moment}") from None


@dataclass(frozen=True, slots=True)
class Every:
    """The whole multiples of an interval; made by ``every``."""

    interval: timedelta
    catch_up: CatchUp = "latest"

    def next_after(self, moment: datetime) -> datetime:
        """The first moment later than the one given, in UTC.

        :raises NoMoment: what follows is beyond the year 9999.
        :raises ValueError: ``moment`` has no time zone.
        """
        try:
            return MONDAY + ((aware(moment) - MONDAY) // self.interval + 1) * self.interval
        except OverflowError:
            raise NoMoment(f"no moment every {self.interval} is left after {moment}") from None


Schedule: TypeAlias = Cron | Every
"""Says when a workflow is to start. Equal schedules have equal moments, whoever asks and whenever."""


def cron(expression: str, *, tz: str = "UTC", catch_up: CatchUp = "latest") -> Cron:
    """At the moments of a cron expression, by the clock on the wall of a time zone.

    Where clocks change, it goes as in Debian's cron. With a fixed minute and hour (``30 2 * * *``), a moment that the
    change skips comes right after it, and one that comes twice counts the first time. With a ``*`` in the minute or
    the hour (``*/15 * * * *``) time goes on evenly: what is skipped is skipped, and an hour that comes twice has its
    moments twice.

    :param expression: minute, hour, day of the month, month, day of the week: ``"0 9 * * 1-5"``.
    :param tz: the zone's name: ``"Europe/Berlin"``.
    :param catch_up: what becomes of the moments that were missed; see ``CatchUp``.
    :raises ValueError: it is no such expression, has no moment within fifty years, or there is no such zone.
    :raises ImportError: ``cronsim`` is not installed.
    """
    made = Cron(expression, tz, _catch_up(catch_up))
    if not isinstance(expression, str) or len(expression.split()) != 5:
        raise ValueError(f'cron("0 9 * * 1-5") has minute, hour, day, month and day of the week; got {expression!r}')
    made.next_after(MONDAY)
    return made


def every(interval: Duration, *, catch_up: CatchUp = "latest") -> Every:
    """At all whole multiples of an interval: ``every("15m")`` is at 0, 15, 30 and 45 minutes past each hour.

    They are counted in UTC from Monday, 5 January 1970, and know no summer time.

    :param interval: at least a second.
    :param catch_up: what becomes of the moments that were missed; see ``CatchUp``.
    :raises ValueError: it is no such duration.
    """
    length = to_timedelta(interval)
    if length < timedelta(seconds=1):
        raise ValueError(f"every({interval!r}): the interval is at least a second")
    return Every(length, _catch_up(catch_up))


def _simulate(expression: str, local: datetime) -> Iterator[datetime]:
    simulator, error = _cronsim()
    try:
        return simulator(expression, local)
    except error as problem:
        raise ValueError(f"cron({expression!r}): {problem}") from None


def _cronsim() -> tuple[type[CronSim], type[Exception]]:
    try:
        from cronsim import CronSim, CronSimError
    except ImportError:
        raise ImportError("cron(...) needs cronsim: pip install 'dataflows-engine[cron]'") from None
    return CronSim, CronSimError


def aware(moment: datetime) -> datetime:
    """The moment, if it has a time zone.

    :raises ValueError: it has none.
    """
    if moment.tzinfo is None:
        raise ValueError(f"a schedule is asked with an aware datetime; {moment!r} has no time zone")
    return moment


def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo  # it takes a while, and `import dataflows` need not

    try:
        return ZoneInfo(name)
    except (OSError, TypeError, ValueError, LookupError):
        raise ValueError(
            f'there is no time zone {name!r} here; write it like "Europe/Berlin", and pip install tzdata where the '
            "system has none at all"
        ) from None


def _catch_up(policy: CatchUp) -> CatchUp:
    if policy not in get_args(CatchUp):
        raise ValueError(f"catch_up is one of {', '.join(get_args(CatchUp))}; got {policy!r}")
    return policy
