"""Exceptions of every awkward kind, at the top of a module so that they can be found by name."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, NoReturn, Self


class SeveralArguments(Exception):
    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class KeywordOnly(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__()
        self.code = code

    def __str__(self) -> str:
        return f"code {self.code}"


class Rewords(Exception):
    """Calling it with its own ``args`` would word the text twice."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no such name: {name}")


class OwnNew(Exception):
    def __new__(cls, first: int, second: int) -> Self:
        return super().__new__(cls, first)

    def __init__(self, first: int, second: int) -> None:
        self.second = second


class Textless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Stubborn(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)

    def __reduce__(self) -> Any:
        raise SystemExit(4)


class HoldsLock(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text, threading.Lock())
        self.lock = threading.Lock()
        self.code = 7

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Frozen(Exception):
    code: int
    tags: tuple[str, ...] = ()


class OwnReduce(Exception):
    def __init__(self, left: int, right: int) -> None:
        super().__init__()
        self.total = left + right

    def __reduce__(self) -> Any:
        return OwnReduce, (self.total, 0)


class OwnState(Exception):
    def __setstate__(self, state: Any) -> None:
        self.restored = dict(state)


class HoldsPlainObject(Exception):
    """Its text has the address of its argument in it."""


class Anything:
    pass


class Quits(BaseException):
    """What is no Exception."""


class Guarded(Exception):
    def __getattribute__(self, name: str) -> Any:
        raise PermissionError(name)


class Group(ExceptionGroup[Exception]):
    def __new__(cls, errors: list[Exception], code: int) -> Self:
        self = super().__new__(cls, f"code {code}", errors)
        self.code = code
        return self


def raised(exception: BaseException) -> BaseException:
    """The exception, raised and caught."""
    try:
        _raise(exception)
    except BaseException as error:
        return error


def _raise(exception: BaseException) -> NoReturn:
    raise exception
