"""GitHub's ping, headers and two encodings."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from dataflows.connectors.answers import Answer
from dataflows.connectors.sources import receive
from dataflows.errors import InvalidSignature
from tests.connectors.sources.examples import BY_NAME, ISSUE_OPENED, event_of, received, with_header

FORM = "application/x-www-form-urlencoded"


def test_a_genuine_ping_is_answered_and_reports_nothing() -> None:
    genuine = with_header(BY_NAME["github"].delivered(), "X-GitHub-Event", "ping")
    assert receive(BY_NAME["github"].source, genuine) == Answer(200, {}, b"")
    with pytest.raises(InvalidSignature):
        receive(BY_NAME["github"].source, with_header(genuine, "X-Hub-Signature-256"))


def test_the_old_signature_of_github_proves_nothing() -> None:
    genuine = BY_NAME["github"].delivered()
    signature = str(genuine.headers.only("X-Hub-Signature-256"))
    moved = with_header(with_header(genuine, "X-Hub-Signature-256"), "X-Hub-Signature", signature)
    with pytest.raises(InvalidSignature):
        receive(BY_NAME["github"].source, moved)


def test_a_github_delivery_may_be_a_form() -> None:
    body = urlencode({"payload": json.dumps(ISSUE_OPENED)}).encode()
    given = with_header(BY_NAME["github"].delivered(body), "Content-Type", FORM)
    assert event_of("github", given) == event_of("github")


def test_a_github_delivery_without_an_id_is_known_by_its_body() -> None:
    assert received("github", with_header(BY_NAME["github"].delivered(), "X-GitHub-Delivery")).id.startswith(
        "github:sha256-"
    )


def test_a_github_event_without_an_action_has_its_plain_name() -> None:
    content = {"ref": "refs/heads/main", "repository": ISSUE_OPENED["repository"]}
    given = with_header(BY_NAME["github"].delivered(content), "X-GitHub-Event", "push")
    assert event_of("github", given).type == "com.github.push"
