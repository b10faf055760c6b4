"""Deliveries of services over HTTP: verified, stored, and only then accepted.

Owns which status a service is answered, so that none gives up what it has to deliver: whatever goes wrong here is
answered 503, since some drop events at a 429 or a 500. What a delivery starts is decided later, by routers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias, cast

from starlette.responses import Response

from dataflows.connectors.answers import Answer
from dataflows.connectors.sources import Delivery, Headers, Source, receive
from dataflows.errors import CannotStore, DatabaseUnavailable, InvalidEvent, InvalidSignature
from interpreter.operations import NewDelivery, Stored, new_delivery
from interpreter.service.answers import answer
from interpreter.service.call import Call
from interpreter.service.problems import Problem

__all__ = ["METHODS", "Sources", "receive_delivery", "sources_of"]

logger = logging.getLogger("dataflows.service")

Sources: TypeAlias = Iterable[Source] | Mapping[str, Source]
"""Sources, each at ``/hooks/<its name>``; or by where they are, below ``/hooks/``: ``"github"``, ``"github/ours"``."""

METHODS = ("POST", "GET", "OPTIONS")
"""Deliveries come by POST; some services ask something by another method first."""

_LONG = 64 * 1024
"""Bytes of a body that are read without stopping for other requests."""


def sources_of(given: Sources) -> dict[str, Source]:
    """Place → source.

    :raises ValueError: two are in one place, or a place is not one or two names.
    """
    pairs = _placed(given)
    found = dict(pairs)
    for place in found:
        if not all(place.split("/")) or place.count("/") > 1:
            raise ValueError(f"a source is at one or two names below /hooks/, like 'github/ours'; not {place!r}")
    if len(found) < len(pairs):
        raise ValueError("two sources have one name: give them as a mapping, {'github/ours': …, 'github/theirs': …}")
    for place, source in found.items():
        if not source.has_secret:
            logger.warning("the source at /hooks/%s has no secret, and refuses every delivery", place)
    return found


def _placed(given: Sources) -> list[tuple[str, Source]]:
    if isinstance(given, Mapping):
        return list(cast("Mapping[str, Source]", given).items())
    return [(source.name, source) for source in given]


async def receive_delivery(call: Call) -> Response:
    """Take one in, or answer what a service asks before it delivers."""
    source = _find(call)
    try:
        body = await call.raw_body(source.largest_body)
        delivery = Delivery(call.method, Headers(call.raw_headers), body, datetime.now(UTC))
        taken = (
            await asyncio.to_thread(_take, source, delivery) if len(delivery.body) > _LONG else _take(source, delivery)
        )
        if isinstance(taken, Answer):
            return Response(taken.body, taken.status, dict(taken.headers))
        return _accepted(source, delivery, taken, await call.desk.take_in(taken))
    except InvalidSignature as error:
        logger.info("source %s: %s", source.name, error)
        raise Problem(
            "not-genuine", "It is not shown to be genuine: see that both sides have the same secret."
        ) from None
    except (InvalidEvent, CannotStore) as error:
        raise Problem("malformed", f"{error}.") from None
    except (Problem, DatabaseUnavailable):
        raise
    except Exception:
        logger.exception("a delivery of %s could not be taken in", source.name)
        raise Problem("unavailable", "It could not be taken in: deliver it again.") from None


def _find(call: Call) -> Source:
    place = call.name("source")
    if "name" in call.parameters:
        place = f"{place}/{call.name('name')}"
    source = call.service.sources.get(place)
    if source is None:
        raise Problem("not-found", "No source is there.")
    return source


def _take(source: Source, delivery: Delivery) -> NewDelivery | Answer:
    """What is to be stored; or the answer to a question, which is all that may come by another method than POST."""
    if delivery.method != "POST":
        asked = source.handshake(delivery)
        if asked is None:
            raise Problem("method-not-allowed", "Deliveries come by POST.", {"Allow": "POST"})
        return asked
    received = receive(source, delivery)
    return received if isinstance(received, Answer) else new_delivery(source.name, received, delivery.body)


def _accepted(source: Source, delivery: Delivery, new: NewDelivery, stored: Stored) -> Response:
    if stored is Stored.CONFLICT:
        headers = dict(delivery.headers.loggable())
        logger.warning(
            "source %s: another body came under the id %s, and starts nothing; %s", source.name, new.id, headers
        )
    return answer({"delivery": new.id, "status": stored.value}, source.accepted)
