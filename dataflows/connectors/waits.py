"""How long a service asks to wait, in every spelling that services use.

Owns the reading of ``Retry-After`` and of rate limit headers. Pure; the time is the service's
own where its answer tells it, so that a clock that is wrong on this side does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from dataflows.connectors.answers import Answer

__all__ = ["rest_after", "wait_asked"]

_NUMBER = re.compile(r"\d{1,15}(\.\d{1,15})?")
_QUOTA = re.compile(r";\s*r\s*=\s*(\d{1,15})")
_UNTIL_RESET = re.compile(r";\s*t\s*=\s*(\d{1,15})")


def wait_asked(answer: Answer) -> float | None:
    """Seconds (0 or more) to wait before the next request, or None if the answer does not say.

    A header that cannot be read counts as absent.
    """
    now = _time_of(answer)
    for header, read in SPELLINGS:
        seconds = read(answer.headers.get(header, "").strip(), now)
        if seconds is not None:
            return max(0.0, seconds)
    return None


def rest_after(answer: Answer) -> float:
    """Seconds to leave the service in peace after an answer that was a success.

    More than 0 where it asks for that by ``Retry-After``, or says that nothing is left of the limit.
    """
    is_asked = "retry-after" in answer.headers or _is_used_up(answer)
    return (wait_asked(answer) or 0.0) if is_asked else 0.0


def _is_used_up(answer: Answer) -> bool:
    quota = _QUOTA.search(answer.headers.get("ratelimit", ""))
    remaining = quota[1] if quota else answer.headers.get("x-ratelimit-remaining", "").strip()
    return bool(_NUMBER.fullmatch(remaining)) and float(remaining) == 0


def _time_of(answer: Answer) -> float:
    told = _moment(answer.headers.get("date", ""))
    return datetime.now(UTC).timestamp() if told is None else told


def _moment(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _seconds(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _seconds_or_date(text: str, now: float) -> float | None:
    seconds = _seconds(text)
    if seconds is not None:
        return seconds
    moment = _moment(text)
    return None if moment is None else moment - now


def _until_reset(text: str, now: float) -> float | None:
    found = _UNTIL_RESET.search(text)
    return float(found[1]) if found else None


def _epoch(text: str, now: float) -> float | None:
    moment = _seconds(text)
    return None if moment is None else moment - now


SPELLINGS: tuple[tuple[str, Callable[[str, float], float | None]], ...] = (
    ("retry-after", _seconds_or_date),  # 120, 2.0, or an HTTP date
    ("ratelimit", _until_reset),  # "default";r=0;t=30
    ("x-ratelimit-reset", _epoch),  # Unix seconds
)
"""The headers that tell a wait, the one to be believed first; each with its reader."""
