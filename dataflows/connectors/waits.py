"""How long a service asks to wait, in every spelling that services use.

Owns the reading of ``Retry-After`` and of rate limit headers. Pure; the time is the service's
own where its answer tells it, so that a clock that is wrong on this side does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from dataflows.connectors.answers import Answer

__all__ = ["is_used_up", "rest_after", "wait_asked"]

YEARS = 1e8
"""A reset below this counts seconds from now: as a moment it would lie in the seventies."""

MILLISECONDS = 1e11
"""A reset from this on counts milliseconds: as seconds it would lie in the year 5138."""

LEAK = 0.5
"""Seconds after which Shopify's bucket takes one more call, where it is full."""

_NUMBER = re.compile(r"\d{1,15}(\.\d{1,15})?")
_NAMES = re.compile(r'"[^"]*"')
_LEFT = re.compile(r"\b(?:r|remaining)\s*=\s*(\d{1,15})\b")
_UNTIL = re.compile(r"\b(?:t|reset)\s*=\s*(\d{1,15})\b")
_CALLS = re.compile(r"(\d{1,9})/(\d{1,9})")


def wait_asked(answer: Answer) -> float | None:
    """Seconds (0 or more) to wait before the next request, or None if the headers do not say.

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
    is_asked = "retry-after" in answer.headers or is_used_up(answer)
    return (wait_asked(answer) or 0.0) if is_asked else 0.0


def is_used_up(answer: Answer) -> bool:
    """Whether it says that nothing is left of a limit."""
    left = (_seconds(answer.headers.get(header, "").strip()) for header in REMAINING)
    policies = _policies(answer.headers.get("ratelimit", ""))
    full = _until_leaked(answer.headers.get("x-shopify-shop-api-call-limit", "").strip(), 0.0)
    return 0 in left or any(remaining == 0 for remaining, _ in policies) or full is not None


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


def _from_now(text: str, now: float) -> float | None:
    return _seconds(text)


def _milliseconds(text: str, now: float) -> float | None:
    number = _seconds(text)
    return None if number is None else number / 1000


def _seconds_or_date(text: str, now: float) -> float | None:
    seconds = _seconds(text)
    if seconds is not None:
        return seconds
    moment = _moment(text)
    return None if moment is None else moment - now


def _policies(text: str) -> Iterator[tuple[int | None, int | None]]:
    """What each policy of a ``RateLimit`` header says: how much is left, and the seconds until there is more."""
    unnamed = _NAMES.sub("", text)
    # An older draft has one policy, whose own parts are told apart by commas.
    for policy in [unnamed] if "reset" in unnamed else unnamed.split(","):
        left, until = _LEFT.search(policy), _UNTIL.search(policy)
        yield (int(left[1]) if left else None), (int(until[1]) if until else None)


def _until_quota(text: str, now: float) -> float | None:
    told = [(left, until) for left, until in _policies(text) if until is not None]
    used_up = [until for left, until in told if left == 0]
    return max(used_up) if used_up else min((until for _, until in told), default=None)


def _until_reset(text: str, now: float) -> float | None:
    number = _seconds(text)
    if number is None or number < YEARS:
        return number
    return (number / 1000 if number >= MILLISECONDS else number) - now


def _until_leaked(text: str, now: float) -> float | None:
    calls = _CALLS.fullmatch(text)
    return LEAK if calls and int(calls[1]) >= int(calls[2]) else None


SPELLINGS: tuple[tuple[str, Callable[[str, float], float | None]], ...] = (
    ("retry-after-ms", _milliseconds),
    ("retry-after", _seconds_or_date),  # 120, 2.0, or an HTTP date
    ("ratelimit", _until_quota),  # "default";r=0;t=30, or limit=100, remaining=0, reset=30
    ("x-ratelimit-reset-after", _from_now),
    ("x-ratelimit-reset", _until_reset),  # Unix seconds or milliseconds, or seconds from now
    ("x-rate-limit-reset", _until_reset),
    ("ratelimit-reset", _until_reset),
    ("x-shopify-shop-api-call-limit", _until_leaked),  # 40/40
)
"""The headers that tell a wait, the one to be believed first; each with its reader."""

REMAINING = ("x-ratelimit-remaining", "x-rate-limit-remaining", "ratelimit-remaining")
"""The headers that tell how much is left of a limit, as a number."""
