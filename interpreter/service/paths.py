"""Paths, segment by segment: an id may hold a slash, if it is written as ``%2F``.

Owns how the raw path becomes the one that is routed. Within a segment a slash becomes NUL, which can stand in no
name, until the route has been found.
"""

from __future__ import annotations

from urllib.parse import unquote, unquote_to_bytes

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import Scope

from interpreter.service.problems import Problem

__all__ = ["routed_path"]

_LONGEST = 200


def routed_path(scope: Scope) -> str:
    """The path to route by.

    :raises Problem: it is no UTF-8, or holds NUL.
    """
    raw: bytes | None = scope.get("raw_path")
    path: str = scope["path"]
    if "\0" in path:
        raise Problem("not-found", "No name holds NUL.")
    if raw is None or b"%" not in raw or unquote(raw.decode("latin-1")) != path:
        return path  # nothing is escaped, or whoever mounted this has moved it
    try:
        return "/".join(map(_segment, raw.split(b"/")))
    except UnicodeDecodeError:
        raise Problem("not-found", "The path is no UTF-8.") from None


def _segment(raw: bytes) -> str:
    return unquote_to_bytes(raw).decode("utf-8").replace("/", "\0")


class NameConvertor(Convertor[str]):
    """``{id:name}``: an id or a name, one segment of the path."""

    regex = f"[^/]{{1,{_LONGEST}}}"

    def convert(self, value: str) -> str:
        return value.replace("\0", "/")

    def to_string(self, value: str) -> str:
        return value.replace("/", "%2F")


register_url_convertor("name", NameConvertor())
