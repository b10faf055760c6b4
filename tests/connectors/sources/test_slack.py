"""Slack's challenge, and its three forms of a body."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from dataflows.connectors.answers import Answer
from dataflows.connectors.sources import Delivery, receive
from dataflows.errors import InvalidEvent, InvalidSignature
from tests.connectors.sources.examples import BY_NAME, MESSAGE, SECRET, delivery, event_of, slack, with_header

FORM = "application/x-www-form-urlencoded"


def test_the_challenge_of_slack_is_answered_if_it_is_signed() -> None:
    asked = BY_NAME["slack"].delivered({"type": "url_verification", "challenge": "3eZbrw1aB"})
    answer = receive(BY_NAME["slack"].source, asked)
    assert answer == Answer(200, {"content-type": "text/plain; charset=utf-8"}, b"3eZbrw1aB")
    with pytest.raises(InvalidSignature):
        receive(BY_NAME["slack"].source, with_header(asked, "X-Slack-Signature", "v0=" + "0" * 64))


@pytest.mark.parametrize("challenge", [None, "", 7, "\ud800", "a\r\nSet-Cookie: b", "x" * 501])
def test_a_challenge_that_cannot_be_answered_is_refused(challenge: object) -> None:
    with pytest.raises(InvalidEvent, match="challenge"):
        receive(
            BY_NAME["slack"].source, BY_NAME["slack"].delivered({"type": "url_verification", "challenge": challenge})
        )


def test_a_message_that_speaks_of_a_challenge_is_a_message() -> None:
    content = {**MESSAGE, "event": {"type": "message", "text": "url_verification"}}
    assert event_of("slack", BY_NAME["slack"].delivered(content)).type == "com.slack.event.message"


def slack_form(fields: dict[str, str]) -> Delivery:
    body = urlencode(fields).encode()
    return delivery(body, *slack(body, SECRET), ("Content-Type", FORM))


def test_a_slash_command_is_read_and_known_by_its_body() -> None:
    fields = {"team_id": "T1", "command": "/deploy", "text": "", "trigger_id": "1.2.3"}
    event = event_of("slack", slack_form(fields))
    assert (event.type, event.source, event.data) == ("com.slack.command", "/slack/T1", fields)
    assert event.id.startswith("slack:sha256-")
    assert event_of("slack", slack_form({**fields, "trigger_id": "1.2.4"})).id != event.id


def test_an_interaction_is_read() -> None:
    payload = {"type": "block_actions", "team": {"id": "T1"}, "actions": []}
    event = event_of("slack", slack_form({"payload": json.dumps(payload)}))
    assert (event.type, event.source, event.data) == ("com.slack.interaction.block_actions", "/slack/T1", payload)
