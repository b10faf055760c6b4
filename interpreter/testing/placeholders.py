"""Objects that stand for answers nobody has: whatever code does with one gives another, which says where it came from.

Owns what may be done with them. Only a question that needs yes or no is put to somebody else:
whoever drives the code may answer it, both ways in turn.
"""

from __future__ import annotations

import dis
import sys
import typing
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import datetime, timedelta
from types import FrameType
from typing import Any

__all__ = ["Placeholder", "deciding", "kind_of_answer", "stand_in"]

BOUND = 2
"""How many items one that is iterated has, and how long it is."""

_CHECKS: dict[tuple[str, str], tuple[type, tuple[type | None, ...]]] = {
    ("dataflows.names", "check_name"): (str, (None,)),
    ("dataflows.limits", "check_limit_name"): (str, (None,)),
    ("dataflows.verbs.callbacks", "callback"): (str, (None,)),
    ("dataflows.verbs.timers", "sleep_until"): (datetime, (None,)),
    ("dataflows.duration", "to_timedelta"): (timedelta, (None, str, int, float)),
    ("dataflows.duration", "_from_number"): (timedelta, (None, str, int, float)),
    ("dataflows.duration", "to_text"): (timedelta, ()),
}
"""Where the language checks or spells what it is given: what one passes for there, if it is of one of these kinds.

None is a kind that is not known.
"""

Decide = Callable[["Placeholder"], bool]

deciding: ContextVar[Decide] = ContextVar("deciding", default=lambda asked: True)
"""Who answers when code asks whether a placeholder is true."""


class Placeholder:
    """Tolerates attributes, indices, calls, operators, comparison and bounded iteration.

    :param origin: where it came from, like ``fetch-item.title``: what ``str`` and ``repr`` give.
    :param kind: the class that ``isinstance`` is to take it for; the language's own checks take it for what they want.
    :param root: tells two of one origin apart; equal in all that is made of one.
    """

    __slots__ = ("_kind", "_origin", "_root")

    def __init__(self, origin: str, kind: Any = None, root: object = None) -> None:
        for name, value in (("_origin", origin), ("_kind", _plain(kind)), ("_root", root)):
            object.__setattr__(self, name, value)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        wanted, kinds = _CHECKS.get(_function_of(sys._getframe(1)), (None, ()))
        return wanted if wanted is not None and self._kind in kinds else self._kind or Placeholder

    def __repr__(self) -> str:
        return str(self._origin)

    def __format__(self, specification: str) -> str:
        return str(self._origin)

    def __hash__(self) -> int:
        return id(self)

    def __copy__(self) -> Placeholder:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Placeholder:
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._made(f"{self._origin}.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        """Nothing is kept: what it holds is not known anyway."""

    def __getitem__(self, key: object) -> Any:
        return self._made(f"{self._origin}[{key!r}]")

    def __setitem__(self, key: object, value: object) -> None: ...

    def __call__(self, *args: object, **kwargs: object) -> Any:
        given = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
        return self._made(f"{self._origin}({', '.join(given)})")

    def __iter__(self) -> Iterator[Any]:
        for number in range(_unpacked_into(sys._getframe(1)) or BOUND):
            yield self[number]

    def __len__(self) -> int:
        return BOUND

    def __index__(self) -> int:
        return BOUND

    def __float__(self) -> float:
        return float(BOUND)

    def __bool__(self) -> bool:
        module, function = _function_of(sys._getframe(1))
        if (module, function) in _CHECKS:
            return False  # it is not known to be out of bounds
        if module.startswith("interpreter.machine."):
            return True  # a signal comes in time: that it does not is a way of its own
        return deciding.get()(self)

    def __divmod__(self, other: object) -> tuple[Any, Any]:
        if _function_of(sys._getframe(1)) in _CHECKS:
            return 0, Placeholder(f"{str(self).rstrip()} ", self._kind, self._root)  # it is spelled as so many seconds
        return self._made(f"{self._origin} // {other!r}"), self._made(f"{self._origin} % {other!r}")

    def __contains__(self, item: object) -> bool:
        return bool(self._made(f"{item!r} in {self._origin}"))

    def _made(self, origin: str) -> Placeholder:
        return Placeholder(origin, None, self._root)


def stand_in(origin: str, kind: Any = None, root: object = None) -> Any:
    """A placeholder of that kind; ``None`` where nothing else is possible."""
    return None if kind is type(None) else Placeholder(origin, kind, root)


def kind_of_answer(function: Callable[..., Any]) -> Any:
    """What a function says it returns; None if it does not say, or what it says cannot be found out."""
    try:
        return typing.get_type_hints(function).get("return")
    except Exception:
        return None


def _plain(kind: Any) -> type | None:
    plain = typing.get_origin(kind) or kind
    return plain if isinstance(plain, type) and plain is not object else None


def _function_of(frame: FrameType) -> tuple[str, str]:
    return frame.f_globals.get("__name__", ""), frame.f_code.co_name


def _unpacked_into(frame: FrameType) -> int | None:
    """How many names ``a, b = placeholder`` has on its left, where the frame does that now."""
    code = frame.f_code.co_code
    return code[frame.f_lasti + 1] if dis.opname[code[frame.f_lasti]] == "UNPACK_SEQUENCE" else None


def _binary(symbol: str) -> Callable[[Placeholder, object], Placeholder]:
    def made(self: Placeholder, other: object) -> Placeholder:
        is_checked = _function_of(sys._getframe(1)) in _CHECKS  # nobody wrote that
        return self if is_checked else self._made(f"{self._origin} {symbol} {other!r}")

    return made


def _reflected(symbol: str) -> Callable[[Placeholder, object], Placeholder]:
    return lambda self, other: self._made(f"{other!r} {symbol} {self._origin}")


def _compared(symbol: str, if_same: bool) -> Callable[[Placeholder, object], Placeholder | bool]:
    """One is equal to itself, whatever it stands for: so the machine finds again what is named by it."""
    return lambda self, other: if_same if other is self else self._made(f"{self._origin} {symbol} {other!r}")


_COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "and": "&",
    "or": "|",
    "xor": "^",
}
Placeholder.__eq__ = _compared("==", True)  # type: ignore[assignment]
Placeholder.__ne__ = _compared("!=", False)  # type: ignore[assignment]
for _name, _symbol in (_COMPARISONS | _OPERATORS).items():
    setattr(Placeholder, f"__{_name}__", _binary(_symbol))
for _name, _symbol in _OPERATORS.items():
    setattr(Placeholder, f"__r{_name}__", _reflected(_symbol))
for _name, _symbol in {"neg": "-", "pos": "+", "invert": "~"}.items():
    setattr(Placeholder, f"__{_name}__", lambda self, symbol=_symbol: self._made(f"{symbol}{self._origin}"))
