"""What the API answers, as JSON.

Owns how values look: in ASCII, so that nothing in them can be taken for anything else, with moments in
ISO 8601. Values that were stored are passed on as they stand, never decoded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from starlette.responses import Response

__all__ = ["accepted", "answer", "to_dict", "to_json"]


def to_json(document: Any) -> bytes:
    """The document as JSON; a dataclass is an object, a moment a text."""
    return _to_text(document).encode()


def to_dict(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, by their names."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The document is the answer."""
    return Response(to_json(document), status, headers, media_type="application/json")


def accepted(document: Any, location: str | None = None) -> Response:
    """It is committed, and will be done; where it can be looked at."""
    return answer(document, 202, None if location is None else {"Location": location})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return to_dict(value)
    raise TypeError(f"{type(value).__name__} is no part of an answer")


_to_text = json.JSONEncoder(default=_plain, allow_nan=False).encode
