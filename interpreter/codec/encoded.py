"""The shape of what is stored, and how large it may be.

Owns two facts that every module here shares; knows none of them.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DILL", "ERROR", "JSON", "LARGEST", "Encoded", "is_error", "is_json"]

JSON, DILL, ERROR = "json", "dill", "error"

LARGEST = 128 * 1024 * 1024
"""In bytes. PostgreSQL's own limit is 1 GB a field, which a driver's copies would multiply."""


class Encoded(NamedTuple):
    """A value or an exception as it is stored.

    :ivar encoding: ``"json"``, ``"dill"`` or ``"error"``.
    :ivar data: the bytes; for ``json`` and ``error`` they are JSON in ASCII.
    """

    encoding: str
    data: bytes


def is_json(encoded: Encoded) -> bool:
    """Whether it is a value that is stored as JSON: exact, and readable by anybody."""
    return encoded.encoding == JSON


def is_error(encoded: Encoded) -> bool:
    """Whether it is an exception."""
    return encoded.encoding == ERROR
