"""The names of sources that are not one service's: chosen by whoever receives.

Owns what such a name may be: it stands in addresses and in triggers.
"""

from __future__ import annotations

import re

from dataflows.events import EMITTED

__all__ = ["check_source_name"]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?")


def check_source_name(name: str) -> str:
    """The name.

    :raises ValueError: it is not made of a-z, 0-9 and hyphens, or is that of the events that programs emit.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"the name of a source is made of a-z, 0-9 and hyphens, at most 62 of them; got {name!r}")
    if name == EMITTED:
        raise ValueError(f"{name!r} is the source of the events that programs emit; choose another name")
    return name
