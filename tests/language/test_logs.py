"""A workflow's logger says each line once."""

import logging

import pytest

from dataflows.logs import get_logger, replaying


def test_a_line_of_new_history_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    logger = get_logger("dataflows.tests.new")
    with caplog.at_level(logging.INFO, logger.name):
        logger.info("charged")
    assert caplog.messages == ["charged"]


def test_a_line_of_old_history_is_not_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    logger = get_logger("dataflows.tests.old")
    token = replaying.set(True)
    try:
        with caplog.at_level(logging.INFO, logger.name):
            logger.info("charged")
    finally:
        replaying.reset(token)
    assert caplog.messages == []


def test_asking_for_a_logger_twice_gives_one_logger_with_one_filter() -> None:
    first, second = get_logger("dataflows.tests.twice"), get_logger("dataflows.tests.twice")
    assert first is second
    assert len(first.filters) == 1
