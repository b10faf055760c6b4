"""The members of an object, or the parameters of a query, each read as what it has to be.

Owns the words in which one is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from math import inf
from typing import Any, TypeVar

from dataflows.duration import to_timedelta
from dataflows.names import check_name
from interpreter.service.problems import Problem

__all__ = ["LARGEST", "Members"]

T = TypeVar("T")

_POSITION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})*")

LARGEST = 2**31 - 1
"""The largest whole number that a column of the journal takes."""


class Members:
    """Some named values, of which nothing is known yet.

    :param what: what one of them is called.
    :param known: their names.
    :raises Problem: here, one is not among the known; in each method, a value is not what is asked for.
    """

    def __init__(self, values: Mapping[str, Any], what: str, known: Iterable[str]) -> None:
        self._values = values
        self._what = what
        names = list(known)
        for name in values:
            if name not in names:
                raise self._refusal(name, f"is not known here; there is: {', '.join(names) or 'none'}")

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def value(self, name: str) -> Any:
        """Whatever it is; None if it is not there."""
        return self._values.get(name)

    def of(self, name: str, kind: type[T], words: str) -> T | None:
        """A value of this type of JSON; None if it is not there.

        :param words: what it has to be.
        """
        value = self._values.get(name)
        if name in self._values and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            raise self._refusal(name, f"is {words}")
        return value

    def text(self, name: str) -> str | None:
        """A name or an id; None if it is not there."""
        value = self._values.get(name)
        return None if name not in self._values else self._checked(name, check_name, value, f"{self._what} {name!r}")

    def position(self, name: str) -> str | None:
        """Of a command, like ``"3.0.2"``; None if it is not there."""
        value = self.text(name)
        if value is not None and not _POSITION.fullmatch(value):
            raise self._refusal(name, "is a position like 3.0.2")
        return value

    def whole(self, name: str, least: int = 1, most: int = LARGEST) -> int | None:
        """A whole number in that range, also written as a text; None if it is not there."""
        value = self._values.get(name)
        if isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) < 20:
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # 7.0 is a whole number to JSON
        if name not in self._values:
            return None
        if type(value) is not int or not least <= value <= most:
            raise self._refusal(name, f"is a whole number from {least} to {most}")
        return value

    def seconds(self, name: str) -> float:
        """A number of seconds, 0 or more, written as a text; 0 if it is not there."""
        try:
            seconds = float(self._values.get(name, 0))
        except ValueError:
            seconds = -1
        if not 0 <= seconds < inf:
            raise self._refusal(name, "is a number of seconds, 0 or more")
        return seconds

    def duration(self, name: str) -> Any:
        """Seconds, or a text like ``"1h30m"``; 0 if it is not there."""
        value = self._values.get(name, 0)
        self._checked(name, to_timedelta, value)
        return value

    def moment(self, name: str) -> datetime | None:
        """A time of RFC 3339, with its zone; None if it is not there."""
        if name not in self._values:
            return None
        moment = self._checked(name, datetime.fromisoformat, self._values[name])
        if moment.tzinfo is None or len(self._values[name]) < len("2026-11-23T12:00Z"):
            raise self._refusal(name, "is a time like 2026-11-23T12:00:00Z, with its zone")
        return moment

    def _checked(self, name: str, check: Callable[..., T], *args: Any) -> T:
        try:
            return check(*args)
        except (ValueError, TypeError, OverflowError) as error:
            raise self._refusal(name, f"cannot be: {error}") from None

    def _refusal(self, name: str, words: str) -> Problem:
        return Problem("invalid", f"The {self._what} {name[:80]!a} {words}.")
