"""What a test says the world answers: to a step, and to a wait.

Owns the spelling of an answer and what it stands for. Knows no machine: whoever asks says which
turn it is, and calls what has to be called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from enum import Enum
from typing import Any, Final, TypeAlias

from dataflows.duration import Duration, to_timedelta
from dataflows.outcome import Error, Outcome, Value

__all__ = ["NEVER", "REAL", "REFUSED", "Answer", "Answers", "InTurn", "Taking", "Throw", "in_turn", "takes", "unpack"]

__tracebackhide__ = True  # by pytest: a failure shows the test and the workflow, not what lies between

Answer: TypeAlias = Any
"""A value; an exception (class or instance), which is raised; a function, which is called with the step's arguments;
``Value`` or ``Error``, which stand for themselves; ``takes(…)``, ``in_turn(…)``, ``REAL``, ``REFUSED`` or ``NEVER``."""

Throw = Error
"""``Throw(TimeoutError())``: an exception that arrives at the ``yield``."""


class _Special(Enum):
    REAL = "REAL"
    REFUSED = "REFUSED"
    NEVER = "NEVER"

    def __repr__(self) -> str:
        return self.name


REAL: Final = _Special.REAL
"""The step's own function runs."""
REFUSED: Final = _Special.REFUSED
"""The step must not be reached: the test fails, and the message names it."""
NEVER: Final = _Special.NEVER
"""No answer comes: the attempt hangs until its timeout, the wait until its deadline, or for ever."""


@dataclass(frozen=True, slots=True)
class Taking:
    """An answer, and how long it takes to come."""

    duration: timedelta
    answer: Answer


@dataclass(frozen=True, slots=True)
class InTurn:
    """One answer for each time that is asked."""

    answers: tuple[Answer, ...]


def takes(duration: Duration, answer: Answer = None) -> Taking:
    """The answer comes so much virtual time after it was asked for: ``takes("45s", {"id": 1})``.

    :raises ValueError: no duration.
    """
    return Taking(to_timedelta(duration), answer)


def in_turn(*answers: Answer) -> InTurn:
    """The first attempt at a step of this name, or the first wait, gets the first answer; the next the second.

    Each attempt counts, also one that is a retry. Asked once more than there are answers, the test fails.

    :raises TypeError: no answer at all.
    """
    if not answers:
        raise TypeError("in_turn(...) needs at least one answer: in_turn(TimeoutError, {'id': 1})")
    return InTurn(answers)


class Answers:
    """Answers by name, and whose turn it is.

    :param kind: ``"step"`` or ``"wait"``, for messages.
    :param otherwise: the answer for every name that is not there.
    """

    def __init__(self, kind: str, by_name: Mapping[str, Answer], otherwise: Answer) -> None:
        self.kind = kind
        self._by_name = by_name
        self._otherwise = otherwise
        self._asked: dict[str, int] = {}

    def next_for(self, name: str) -> Taking:
        """The answer to this one, with the time that it takes.

        :raises AssertionError: ``in_turn`` has no answer left.
        """
        answer = self._by_name.get(name, self._otherwise)
        turn = self._asked[name] = self._asked.get(name, 0) + 1
        if isinstance(answer, InTurn):
            if turn > len(answer.answers):
                raise AssertionError(f"{self.kind} {name!r} asks for answer {turn}; in_turn(...) has {turn - 1}")
            answer = answer.answers[turn - 1]
        return answer if isinstance(answer, Taking) else Taking(timedelta(0), answer)

    def all_for(self, name: str) -> list[Answer]:
        """All answers that there may be.

        :raises TypeError: one says when it comes, or in which turn.
        """
        given = self._by_name.get(name, self._otherwise)
        answers = given if isinstance(given, list) else [given]
        if any(isinstance(answer, InTurn | Taking) or answer is NEVER for answer in answers):
            raise TypeError(f"{self.kind} {name!r}: explore takes a list of what may happen, [result, Error, …]")
        return answers

    def has(self, name: str) -> bool:
        """Whether the name has an answer, or all names have one."""
        return self._by_name.get(name, self._otherwise) is not REFUSED

    def hint(self, name: str) -> str:
        """A name that is there and looks much like this one, as a question."""
        close = get_close_matches(name, self._by_name, 1)
        return f" (did you mean {close[0]!r}?)" if close else ""


def unpack(answer: Answer, call: Callable[[Callable[..., Any]], Any]) -> Outcome[Any]:
    """The outcome that a plain answer stands for.

    :param call: calls the answer, if it is a function; what it raises is the outcome's error, but for an
        ``AssertionError``, which is the test's own.
    """
    if isinstance(answer, Value | Error):
        return answer
    if isinstance(answer, BaseException):
        return Error(answer)
    if isinstance(answer, type) and issubclass(answer, BaseException):
        return Error(_instance_of(answer))
    if not callable(answer):
        return Value(answer)
    try:
        return Value(call(answer))
    except AssertionError:
        raise
    except Exception as error:
        return Error(error)


def _instance_of(kind: type[BaseException]) -> BaseException:
    """Many an exception asks for a message."""
    for args in ((), ("as the test says",)):
        try:
            return kind(*args)
        except TypeError:
            continue
    raise TypeError(f"{kind.__qualname__} cannot be raised as it is; give an instance: {kind.__qualname__}(…)")
