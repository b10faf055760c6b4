"""A schedule as text, and back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows import cron, every
from dataflows.duration import to_text as duration_to_text
from dataflows.duration import to_timedelta
from dataflows.schedule_text import from_text, to_text


@given(st.timedeltas(timedelta(0), timedelta(days=365_250)))
def test_a_length_of_time_as_text_is_read_as_that_length(length: timedelta) -> None:
    assert to_timedelta(duration_to_text(length)) == length


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=365_250)))
def test_an_interval_comes_back_from_its_text(length: timedelta) -> None:
    assert from_text(to_text(every(length))) == every(length)


def test_people_can_read_it() -> None:
    assert to_text(every("90m")) == "every 1h30m"
    assert to_text(every("1w")) == "every 7d"
    assert to_text(every("1500ms")) == "every 1.5s"
    assert to_text(cron(" 0  9 * * 1-5 ", tz="Europe/Berlin")) == "0 9 * * 1-5 Europe/Berlin"


@pytest.mark.parametrize("schedule", [cron("*/5 * * * *"), cron("0 9 * * 1-5", tz="America/Santiago"), every("1s")])
def test_a_schedule_comes_back_from_its_text_and_its_catching_up_is_said_beside_it(schedule: object) -> None:
    assert from_text(to_text(schedule)) == schedule  # type: ignore[arg-type]
    assert from_text(to_text(schedule), "all").catch_up == "all"  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "every", "every day", "0 9 * * 1-5", "0 9 * * Europe/Berlin", "0 9 * * * Berlin"])
def test_a_text_that_stands_for_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"zone|minute|duration|cron"):
        from_text(text)
