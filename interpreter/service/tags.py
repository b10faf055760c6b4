"""Tags, as they are written in a request.

Owns the two spellings: an object in a body, ``name=value`` in a query.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dataflows.names import check_name
from interpreter.service.problems import Problem

__all__ = ["check_tags", "read_tags"]


def read_tags(texts: Iterable[str]) -> dict[str, str]:
    """Each ``name=value``. :raises Problem: one is not written so."""
    pairs = [text.partition("=") for text in texts]
    if not all(equals for _, equals, _ in pairs):
        raise Problem("invalid", "A tag is written name=value.")
    return check_tags({name: value for name, _, value in pairs})


def check_tags(tags: Mapping[str, Any] | None) -> dict[str, str]:
    """The tags themselves. :raises Problem: one cannot be."""
    try:
        return {check_name(name, "a tag's name"): check_name(tag, "a tag") for name, tag in (tags or {}).items()}
    except (TypeError, ValueError) as error:
        raise Problem("invalid", f"The tags cannot be: {error}.") from None
