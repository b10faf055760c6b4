"""Whatever a service spells, a wait is read from it or it counts as absent: generated headers."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.connectors.answers import Answer
from dataflows.connectors.waits import REMAINING, SPELLINGS, is_used_up, rest_after, wait_asked

NOW = 1_795_338_951
SECONDS = st.integers(0, 10**7)

WRITTEN: dict[str, Callable[[int], dict[str, str]]] = {
    "whole seconds": lambda wait: {"retry-after": str(wait)},
    "decimal seconds": lambda wait: {"retry-after": f"{wait}.0"},
    "an HTTP date": lambda wait: {"retry-after": formatdate(NOW + wait, usegmt=True)},
    "a date of RFC 850": lambda wait: {"retry-after": f"{at(wait):%A, %d-%b-%y %H:%M:%S} GMT"},
    "a date of asctime": lambda wait: {"retry-after": f"{at(wait):%a %b %e %H:%M:%S %Y}"},
    "a date with an offset": lambda wait: {"retry-after": format_datetime(at(wait))},
    "milliseconds": lambda wait: {"retry-after-ms": str(wait * 1000)},
    "Unix seconds": lambda wait: {"x-ratelimit-reset": str(NOW + wait)},
    "Unix milliseconds": lambda wait: {"x-ratelimit-reset": str((NOW + wait) * 1000)},
    "Unix seconds with a fraction": lambda wait: {"x-ratelimit-reset": f"{NOW + wait}.000"},
    "a reset from now": lambda wait: {"ratelimit-reset": str(wait)},
    "a reset after": lambda wait: {"x-ratelimit-reset-after": f"{wait}.000"},
    "a RateLimit": lambda wait: {"ratelimit": f'"default";r=0;t={wait}'},
    "a RateLimit with spaces": lambda wait: {"ratelimit": f'"a" ; r = 3 ; t = 1 ,  "b"; t = {wait} ; r = 0'},
    "an older RateLimit": lambda wait: {"ratelimit": f"limit=10, remaining=0, reset={wait}"},
}


def at(wait: int) -> datetime:
    return datetime.fromtimestamp(NOW + wait, UTC)


def answer(status: int, headers: dict[str, str]) -> Answer:
    return Answer(status, {"date": formatdate(NOW, usegmt=True), **headers}, b"")


@pytest.mark.parametrize("spelling", WRITTEN)
@given(wait=SECONDS)
def test_a_wait_is_read_as_it_was_meant(spelling: str, wait: int) -> None:
    assert wait_asked(answer(429, WRITTEN[spelling](wait))) == wait


@given(wait=SECONDS, ahead=st.integers(-(10**6), 10**6))
def test_a_moment_is_read_by_the_services_clock_whatever_ours_says(wait: int, ahead: int) -> None:
    date = formatdate(NOW + ahead, usegmt=True)
    assert wait_asked(answer(429, {"date": date, "x-ratelimit-reset": str(NOW + ahead + wait)})) == wait


HEADERS = st.sampled_from([name for name, _ in SPELLINGS] + ["date", *REMAINING])
VALUES = st.one_of(
    st.text(max_size=40),
    st.text('0123456789-+.,;=/: "rtesminag', max_size=40),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["0", "00", "1e400", "١٢", "9" * 5000, "Sun, 06 Nov 99999 08:49:37 GMT", '"";r=0;t=', "40/40"]),
)


@given(headers=st.dictionaries(HEADERS, VALUES))
def test_whatever_is_spelled_the_wait_is_a_finite_number_or_absent(headers: dict[str, str]) -> None:
    found = answer(429, headers)
    wait, rest = wait_asked(found), rest_after(found)
    assert wait is None or (wait >= 0 and math.isfinite(wait))
    assert 0 <= (rest or 0) <= (wait or 0)  # time has passed between the two
    assert rest == 0 or is_used_up(found) or "retry-after" in headers
