"""Tags, by which people find executions, as they are stored."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dataflows.names import check_name

__all__ = ["to_json"]


def to_json(tags: Mapping[str, str] | None) -> str | None:
    """The tags as JSON; None where there are none.

    :raises ValueError: a name or value that cannot be.
    """
    if not tags:
        return None
    for name, value in tags.items():
        check_name(name, "a tag's name")
        check_name(value, f"the value of tag {name!r}")
    return json.dumps(dict(tags))
