"""The ways in which an HTTP request holds CloudEvents, and reading each.

Owns the names of attributes and headers. Knows nothing of who sends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote

from dataflows.connectors.sources.delivery import Delivery
from dataflows.connectors.sources.reading import read_json, read_object, text_or_none
from dataflows.connectors.sources.times import moment
from dataflows.errors import InvalidEvent
from dataflows.events import Event

__all__ = ["Mode", "from_batch", "from_binary", "from_structured", "is_written_as"]

Mode: TypeAlias = Literal["structured", "batch"]

MEDIA_TYPES: Mapping[Mode, str] = {
    "structured": "application/cloudevents+json",
    "batch": "application/cloudevents-batch+json",
}

JSON = "application/json"
WHAT = "a CloudEvents delivery"


def is_written_as(delivery: Delivery, *modes: Mode) -> bool:
    """Whether the content type says that it is in one of these modes; one that names no mode is binary."""
    return delivery.media_type in {MEDIA_TYPES[mode] for mode in modes}


def from_structured(delivery: Delivery) -> Event:
    """The event that the whole body is.

    :raises InvalidEvent: it is none.
    """
    return _from_object(read_object(delivery.body, WHAT))


def from_batch(delivery: Delivery) -> list[Event]:
    """The events that the body lists; it may list none.

    :raises InvalidEvent: one of them is none.
    """
    content = read_json(delivery.body, WHAT)
    if not isinstance(content, list) or not all(isinstance(one, dict) for one in content):
        raise InvalidEvent("a batch of CloudEvents is a JSON list of objects; this body is not")
    return [_from_object(one) for one in content]


def from_binary(delivery: Delivery) -> Event:
    """The event whose attributes are headers, and whose data is the body.

    :raises InvalidEvent: a required attribute is missing or comes twice, or the body is not what the content type says.
    """
    if delivery.media_type.startswith("application/cloudevents"):
        raise InvalidEvent(f"CloudEvents are read as {' or '.join(MEDIA_TYPES.values())}, or with headers")
    media_type = delivery.media_type or JSON
    return _event(lambda name: _from_header(delivery, name), _data(delivery.body, media_type), media_type)


def _from_object(content: Mapping[str, Any]) -> Event:
    data = content.get("data", content.get("data_base64"))
    return _event(content.get, data, content.get("datacontenttype"))


def _event(attribute: Callable[[str], object], data: Any, media_type: object) -> Event:
    if attribute("specversion") != Event.specversion:
        raise InvalidEvent(f"{WHAT} has the specversion {Event.specversion}; this one has another, or none")
    id, source, type = (_required(attribute(name), name) for name in ("id", "source", "type"))
    return Event(
        id=id,
        source=source,
        type=type,
        data=data,
        subject=text_or_none(attribute("subject")),
        time=moment(attribute("time")),
        datacontenttype=text_or_none(media_type) or JSON,
        dataschema=text_or_none(attribute("dataschema")),
    )


def _required(value: object, name: str) -> str:
    text = text_or_none(value)
    if text is None:
        raise InvalidEvent(f"{WHAT} has a text as its {name!r}; this one has {value!a:.99}")
    return text


def _from_header(delivery: Delivery, name: str) -> str | None:
    """The binding percent-encodes what headers cannot hold."""
    value = delivery.headers.only(f"ce-{name}")
    try:
        return None if value is None else unquote(value, errors="strict")
    except UnicodeDecodeError:
        return None


def _data(body: bytes, media_type: str) -> Any:
    if not body:
        return None
    if media_type == JSON or media_type.endswith("+json"):
        return read_json(body, WHAT)
    if not media_type.startswith("text/"):
        raise InvalidEvent(f"the data of {WHAT} is JSON or a text; this one has {media_type!a:.99}")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise InvalidEvent(f"the text in {WHAT} is UTF-8; this one is not") from None
