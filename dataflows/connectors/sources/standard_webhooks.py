"""Standard Webhooks 1.0: deliveries of whoever follows that specification, and of Svix, whose headers differ by name.

Owns the signed content and the two kinds of keys. It signs id and time stamp with the body, which makes it the scheme
to choose where both ends are one's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dataflows.connectors.sources.checks import refusal
from dataflows.connectors.sources.delivery import Delivery
from dataflows.connectors.sources.names import check_source_name
from dataflows.connectors.sources.one_event import OneEventSource
from dataflows.connectors.sources.public_keys import PREFIX, PublicKeys, decode_key
from dataflows.connectors.sources.reading import identifier, read_object, text_or_none
from dataflows.connectors.sources.secrets import Secrets
from dataflows.connectors.sources.times import is_recent, moment
from dataflows.events import Event, Trigger

__all__ = ["SOURCE", "StandardWebhooksSource", "received"]

SOURCE = "standard-webhooks"

WHAT = "a Standard Webhooks delivery"

_MESSAGE_ID = re.compile(r"[!-\-/-~]{1,150}")  # printable and without a dot, which separates what is signed


class StandardWebhooksSource(OneEventSource):
    """The deliveries of one sender.

    :param secrets: ``whsec_…``, with or without that prefix, or raw bytes; or ``whpk_…``, the public key of a sender
        that signs with ed25519, which needs ``pip install 'dataflows-engine[ed25519]'``. With none,
        everything is refused.
    :param name: which sender it is.
    :raises ValueError: a secret is empty or not base64, there are more than two, or ``name`` is not made of
        a-z, 0-9 and hyphens.
    :raises ImportError: a public key was given, and ``cryptography`` is not installed.
    """

    def __init__(self, *secrets: str | bytes | None, name: str = SOURCE) -> None:
        self.name = check_source_name(name)
        super().__init__(_StampedSignature(secrets))

    def read(self, delivery: Delivery) -> Event:
        """The event. Its id is the message's; its type is the body's ``type``, or else the source's name."""
        content = read_object(delivery.body, WHAT)
        return Event(
            id=identifier(self.name, _header(delivery, "id")),
            source=f"/{self.name}",
            type=text_or_none(content.get("type")) or self.name,
            data=content,
            time=moment(content.get("timestamp")),
        )


class _StampedSignature:
    """``v1,<base64 HMAC>`` or ``v1a,<base64 ed25519>`` of ``<id>.<Unix seconds>.<body>``; one of a list suffices."""

    def __init__(self, secrets: Sequence[str | bytes | None]) -> None:
        public = [key for key in secrets if isinstance(key, str) and key.startswith(PREFIX)]
        shared = [key for key in secrets if key not in public]
        self._public = PublicKeys(public)
        self._shared = Secrets(shared, "the Standard Webhooks secret", lambda text: decode_key(text, "whsec_"))

    @property
    def has_secret(self) -> bool:
        return len(self._shared) + len(self._public) > 0

    def verify(self, delivery: Delivery) -> None:
        id, stamp = _header(delivery, "id"), _header(delivery, "timestamp")
        if not _MESSAGE_ID.fullmatch(id) or not is_recent(stamp, delivery):
            raise refusal("webhook-signature")
        signed = f"{id}.{stamp}.".encode() + delivery.body
        given = [item.partition(",") for item in _header(delivery, "signature").split(" ")]
        if not self._shared.signed(signed, [value for version, _, value in given if version == "v1"], "base64"):
            self._public.verify(signed, [value for version, _, value in given if version == "v1a"])


def received(type: str, *, name: str = SOURCE) -> Trigger:
    """The deliveries of that type.

    :param name: from the source of this name.
    """
    return Trigger(name, type)


def _header(delivery: Delivery, name: str) -> str:
    prefix = "webhook-" if delivery.headers.all("webhook-id") else "svix-"
    return delivery.headers.only(prefix + name) or ""
