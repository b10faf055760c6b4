"""Slack's requests: events, slash commands and interactions as events, and the triggers on them.

Owns the signature, the challenge at the first contact, and the three forms of a body.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from dataflows.connectors.answers import Answer
from dataflows.connectors.sources.checks import refusal
from dataflows.connectors.sources.delivery import Delivery
from dataflows.connectors.sources.one_event import OneEventSource
from dataflows.connectors.sources.predicates import Lacks, holds, trigger_on
from dataflows.connectors.sources.reading import (
    FORM,
    body_hash,
    identifier,
    number_or_word,
    part,
    read_form,
    read_object,
    text_or_none,
    word,
)
from dataflows.connectors.sources.secrets import KeepsSecrets, Secrets
from dataflows.connectors.sources.times import is_recent, moment_of_number
from dataflows.errors import InvalidEvent
from dataflows.events import Event, Trigger

__all__ = ["SOURCE", "SlackSource", "app_mentioned", "command_used", "happened", "interacted", "message_posted"]

SOURCE = "slack"

TYPE_PREFIX = "com.slack."
COMMAND = f"{TYPE_PREFIX}command"
WHAT = "a Slack delivery"

SIGNATURE = "X-Slack-Signature"
STAMP = "X-Slack-Request-Timestamp"


class SlackSource(OneEventSource):
    """The requests of one app. Slack waits 3 s for its 200, and asks three times more.

    :param secrets: the app's signing secret; with none, everything is refused.
    :raises ValueError: one is empty or has white space at an end, or there are more than two.
    """

    name = SOURCE
    accepted = 200

    def __init__(self, *secrets: str | bytes | None) -> None:
        super().__init__(_StampedSignature(Secrets(secrets, "the Slack signing secret")))

    def handshake(self, delivery: Delivery) -> Answer | None:
        """The first request to a new address asks for its ``challenge`` back."""
        if b"url_verification" not in delivery.body or delivery.media_type == FORM:
            return None
        self.verify(delivery)
        content = read_object(delivery.body, WHAT)
        if content.get("type") != "url_verification":
            return None
        challenge = text_or_none(content.get("challenge"))
        if challenge is None:
            raise InvalidEvent("a url_verification of Slack has a challenge; this one has none that can be answered")
        return Answer(200, {"content-type": "text/plain; charset=utf-8"}, challenge.encode())

    def read(self, delivery: Delivery) -> Event:
        """The event. Its id is Slack's ``event_id``; for what has none, as a command, it is a hash of the body."""
        kind, content = _kind_and_content(delivery)
        team = number_or_word(content.get("team_id")) or number_or_word(part(content, "team").get("id"))
        number = number_or_word(content.get("event_id"))
        return Event(
            id=identifier(SOURCE, number or body_hash(delivery)),
            source=f"/{SOURCE}/{team}" if team else f"/{SOURCE}",
            type=kind,
            data=content,
            time=moment_of_number(content.get("event_time"), timedelta(seconds=1)),
        )


class _StampedSignature(KeepsSecrets):
    """``v0=`` and the hex HMAC of ``v0:<Unix seconds>:<body>``."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def verify(self, delivery: Delivery) -> None:
        stamp, given = delivery.headers.only(STAMP) or "", delivery.headers.only(SIGNATURE) or ""
        if not is_recent(stamp, delivery) or not given.startswith("v0="):
            raise refusal(SIGNATURE)
        signed = b"v0:" + stamp.encode() + b":" + delivery.body
        if not self._secrets.signed(signed, [given.removeprefix("v0=")], "hex"):
            raise refusal(SIGNATURE)


def happened(event: str, *, channel: str | None = None) -> Trigger:
    """Anything of Slack's Events API, by its name: ``"reaction_added"``; ``event.data["event"]`` tells it.

    :param channel: only in the channel of this id.
    """
    return trigger_on(SOURCE, f"{TYPE_PREFIX}event.{event}", _in(channel))


def message_posted(channel: str | None = None) -> Trigger:
    """A new message of a person; changes of messages and most of what bots say have a subtype, and are left out.

    :param channel: only in the channel of this id.
    """
    return trigger_on(SOURCE, f"{TYPE_PREFIX}event.message", Lacks("event/subtype"), _in(channel))


def app_mentioned(channel: str | None = None) -> Trigger:
    """A message that addresses the app; ``channel`` as for ``happened``."""
    return happened("app_mention", channel=channel)


def command_used(command: str) -> Trigger:
    """A slash command: ``"/deploy"``; ``event.data["text"]`` is what was written behind it."""
    return trigger_on(SOURCE, COMMAND, holds(command, "command"))


def interacted(type: str) -> Trigger:
    """A button, a menu or a form was used: ``"block_actions"``, ``"view_submission"``."""
    return trigger_on(SOURCE, f"{TYPE_PREFIX}interaction.{type}")


def _in(channel: str | None) -> Any:
    return holds(channel, "event/channel", "event/item/channel", ignores_case=False)


def _kind_and_content(delivery: Delivery) -> tuple[str, Mapping[str, Any]]:
    if delivery.media_type != FORM:
        content = read_object(delivery.body, WHAT)
        return f"{TYPE_PREFIX}event.{word(part(content, 'event'), 'type', WHAT)}", content
    fields = read_form(delivery.body, WHAT)
    if "payload" not in fields:
        return COMMAND, {"command": word(fields, "command", WHAT), **fields}
    content = read_object(fields["payload"].encode(), WHAT)
    return f"{TYPE_PREFIX}interaction.{word(content, 'type', WHAT)}", content
