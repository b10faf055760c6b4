"""Reading what executions have published."""

from __future__ import annotations

from typing import Any

from dataflows.errors import NotFound
from interpreter.codec import Encoded, decode
from interpreter.codec import describe as describe_encoded
from interpreter.operations.looking import status
from interpreter.requests import Operation, Query

__all__ = ["describe_published", "published"]

_SHOWN = 200
"""Characters of a value that are shown."""


def published(execution_id: str, key: str) -> Operation[Any]:
    """The value that the execution has published last under this key; also when it has ended since.

    :raises NotFound: there is no such execution, or it has published nothing under this key.
    """
    for encoding, data in (yield Query("read_published", {"id": execution_id, "key": key})):
        return decode(Encoded(encoding, data))
    keys = ", ".join(map(repr, (yield from describe_published(execution_id)))) or "nothing"
    raise NotFound(f"execution {execution_id!r} has published nothing under {key!r}; it has published: {keys}")


def describe_published(execution_id: str) -> Operation[dict[str, str]]:
    """All that the execution has published, by key: each last value as text, shortened.

    :raises NotFound: there is no such execution.
    """
    rows = yield Query("list_published", {"id": execution_id, "most": _SHOWN + 1})
    if not rows:
        yield from status(execution_id)
    return {key: describe_encoded(Encoded(encoding, data), _SHOWN, size) for key, encoding, data, size in rows}
