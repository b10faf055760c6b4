"""GitHub's webhooks: their deliveries as events, and the triggers on them.

Owns the delivery's headers and its two encodings. The signature covers the body alone: the headers, the delivery's
id among them, prove nothing, and whoever has seen a delivery could send it again under another id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataflows.connectors.answers import Answer
from dataflows.connectors.sources.checks import SignedBody
from dataflows.connectors.sources.delivery import Delivery
from dataflows.connectors.sources.one_event import OneEventSource
from dataflows.connectors.sources.predicates import holds, trigger_on
from dataflows.connectors.sources.reading import (
    FORM,
    body_hash,
    check_word,
    identifier,
    number_or_word,
    part,
    read_form,
    read_object,
    uri,
    word,
)
from dataflows.events import Event, Predicate, Trigger

__all__ = [
    "SOURCE",
    "GitHubSource",
    "happened",
    "issue_commented",
    "issue_opened",
    "pull_request_opened",
    "pushed",
    "release_published",
]

SOURCE = "github"

TYPE_PREFIX = "com.github."
WHAT = "a GitHub delivery"

NUMBERED = {"issue": "issues", "pull_request": "pull"}
"""Fields of a body that say what it is about, and how GitHub's own addresses name these."""


class GitHubSource(OneEventSource):
    """The deliveries of all webhooks that share one secret.

    GitHub waits 10 s for an answer, and delivers again only when somebody asks it to.

    :param secrets: as in the webhook's settings; with none, everything is refused.
    :raises ValueError: as ``SignedBody``.
    """

    name = SOURCE
    largest_body = 25_000_000

    def __init__(self, *secrets: str | bytes | None) -> None:
        super().__init__(SignedBody("X-Hub-Signature-256", *secrets, prefix="sha256=", what="the GitHub secret"))

    def handshake(self, delivery: Delivery) -> Answer | None:
        """A new webhook sends a ``ping``, which reports nothing."""
        if delivery.headers.only("X-GitHub-Event") != "ping":
            return None
        self.verify(delivery)
        return Answer(200, {}, b"")

    def read(self, delivery: Delivery) -> Event:
        """The event. Its id is the delivery's; a hash of the body where that is missing."""
        kind = check_word(delivery.headers.only("X-GitHub-Event"), "X-GitHub-Event", WHAT)
        content = _content(delivery)
        action = [word(content, "action", WHAT)] if content.get("action") is not None else []
        return Event(
            id=identifier(SOURCE, delivery.headers.only("X-GitHub-Delivery") or body_hash(delivery)),
            source=_place(content),
            type=TYPE_PREFIX + ".".join([kind, *action]),
            data=content,
            subject=_subject(content),
        )


def happened(event: str, action: str | None = None, *, repository: str | None = None) -> Trigger:
    """Anything that GitHub tells of, by its name and its action: ``happened("issues", "labeled")``.

    :param action: needed for the events that have actions.
    :param repository: only in this one: ``"acme/web"``.
    """
    return _trigger(f"{event}.{action}" if action else event, repository)


def issue_opened(repository: str | None = None) -> Trigger:
    """A new issue; ``event.data["issue"]`` is the issue. ``repository`` as for ``happened``."""
    return _trigger("issues.opened", repository)


def issue_commented(repository: str | None = None) -> Trigger:
    """A new comment on an issue or a pull request; ``repository`` as for ``happened``."""
    return _trigger("issue_comment.created", repository)


def pull_request_opened(repository: str | None = None) -> Trigger:
    """A new pull request; ``repository`` as for ``happened``."""
    return _trigger("pull_request.opened", repository)


def release_published(repository: str | None = None) -> Trigger:
    """A release that was made public; ``repository`` as for ``happened``."""
    return _trigger("release.published", repository)


def pushed(repository: str | None = None, *, branch: str | None = None) -> Trigger:
    """A push to a branch or a tag; ``repository`` as for ``happened``.

    :param branch: only to this branch: ``"main"``.
    """
    return _trigger("push", repository, holds(f"refs/heads/{branch}" if branch else None, "ref", ignores_case=False))


def _trigger(event_type: str, repository: str | None, *predicates: Predicate | None) -> Trigger:
    in_repository = holds(repository, "repository/full_name")
    return trigger_on(SOURCE, TYPE_PREFIX + event_type, in_repository, *predicates)


def _content(delivery: Delivery) -> dict[str, Any]:
    if delivery.media_type != FORM:
        return read_object(delivery.body, WHAT)
    return read_object(read_form(delivery.body, WHAT).get("payload", "").encode(), WHAT)


def _place(content: Mapping[str, Any]) -> str:
    addresses = (uri(part(content, name).get("html_url"), "") for name in ("repository", "organization"))
    return next(filter(None, addresses), f"/{SOURCE}")


def _subject(content: Mapping[str, Any]) -> str | None:
    numbers = ((kind, number_or_word(part(content, name).get("number"))) for name, kind in NUMBERED.items())
    return next((f"{kind}/{number}" for kind, number in numbers if number), None)
