"""``rehearse``: a bare generator, held against an ordered plan of what it yields and what it is answered.

Owns the plan and the message when a workflow does not follow it. No machine takes part: a plan
says what each command comes to, and ``gather`` is one command like any other.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import fields, is_dataclass
from types import EllipsisType
from typing import Any, Final, NoReturn, TypeAlias, TypeVar

from dataflows.arguments import WrongCall
from dataflows.commands import Command, Flow
from dataflows.outcome import Error, Value
from interpreter.machine.fiber import Fiber
from interpreter.testing.answers import unpack
from interpreter.testing.comparing import Difference, differences, matches, same_value
from interpreter.testing.describing import describe_command, describe_error, describe_outcome, describe_value
from interpreter.testing.watching import as_yielded, place_of

__all__ = ["Line", "rehearse"]

__tracebackhide__ = True  # by pytest: a failure shows the test and the workflow, not what lies between

T = TypeVar("T")

Line: TypeAlias = tuple[Any, Any] | Command[Any] | EllipsisType
"""What is expected, and the answer; a command alone, which is answered None; or ``...`` at the end of a plan: what
follows is not looked at."""

_WHATEVER: Final[Any] = object()


def rehearse(flow: Flow[T], plan: Sequence[Line], *, returns: Any = _WHATEVER) -> T:
    """Drive a bare generator through a plan, and give what it returns.

    ::

        rehearse(
            copy_to_clickup(event),
            [
                (step("fetch-item", azure.get_work_item, 42), {"id": 42}),
                (wait("approval", Approval, timeout="7d"), Throw(WaitTimeout("nobody"))),
            ],
            returns=None,
        )

    Each line of a plan is what the workflow has to yield, and what it is answered. Expected is a command
    (compared by kind, name and arguments, in which ``ANY`` stands for whatever it is), a name (``"fetch-item"``),
    a kind (``Step``), or ``ANY``. The answer is a value; an exception, or ``Throw(exception)``, which arrives at the
    ``yield``; a function, called with the command that was yielded. A command alone is answered None. ``...`` ends
    a plan before its workflow does.

    An error of the workflow's own goes through: ``with pytest.raises(WaitTimeout): rehearse(...)``.

    :param returns: what the workflow has to return.
    :raises AssertionError: it yielded or returned something else, or a step whose function takes other arguments; the
        message shows all that it yielded, where, and the fields that differ.
    """
    if not isinstance(flow, Generator):
        raise TypeError(f"rehearse(flow, plan) takes a generator, not {describe_value(flow)}; call it: workflow(...)")
    rehearsal = _Rehearsal(flow)
    try:
        returned: T = rehearsal.play(plan, returns)
        return returned
    finally:
        rehearsal.fiber.abandon()


class _Rehearsal:
    def __init__(self, flow: Flow[Any]) -> None:
        self.fiber = Fiber((), "", flow)
        self.log: list[str] = []

    def play(self, plan: Sequence[Line], returns: Any) -> Any:
        for number, line in enumerate(plan, 1):
            yielded = self.fiber.resume()
            if isinstance(line, EllipsisType):
                _check_is_last(number, plan)
                return self._returned() if self.fiber.returned is not None else None
            self._meet(number, *_parts(number, line), yielded)
        yielded = self.fiber.resume()
        if self.fiber.returned is None:
            self._note(yielded, "← the plan has nothing more")
            self._fail("the plan is over, but the workflow goes on", [f"yielded   {describe_command(yielded)}"])
        self._check_return(returns)
        return self._returned()

    def _meet(self, number: int, expected: object, answer: object, yielded: object) -> None:
        if self.fiber.returned is not None:
            self._ended_early(number, expected)
        if (problem := _problem_in(yielded)) is not None:
            self._note(yielded, "← here")
            self._fail(f"line {number} of the plan answers a step that can only fail", [problem])
        if not matches(expected, yielded):
            self._note(yielded, "← here")
            self._unexpected(number, expected, yielded)
        self.fiber.answer = unpack(answer, lambda function: function(yielded))
        self._note(yielded, describe_outcome(self.fiber.answer))

    def _returned(self) -> Any:
        if isinstance(self.fiber.returned, Error):
            raise self.fiber.returned.exception
        return self.fiber.returned.value  # type: ignore[union-attr]

    def _check_return(self, returns: Any) -> None:
        returned = self.fiber.returned
        if returns is _WHATEVER or not isinstance(returned, Value) or same_value(returns, returned.value):
            return
        lines = [f"expected  {describe_value(returns)}", f"returned  {describe_value(returned.value)}"]
        self._fail("the workflow returned something else", lines)

    def _note(self, yielded: object, came_of_it: str) -> None:
        number = len(self.log) // 2 + 1
        text = f"{number:>3}  {describe_command(as_yielded(yielded))}  {came_of_it}"
        self.log += [text, f"       at {place_of(self.fiber.generator)}"]

    # What is wrong ------------------------------------------------------------------------------

    def _ended_early(self, number: int, expected: object) -> NoReturn:
        wanted = f"expected  {_describe_expected(expected)}"
        if isinstance(self.fiber.returned, Error):
            error = self.fiber.returned.exception
            how = f"the workflow raised {describe_error(error)}, where line {number} of the plan expects a command"
            self._fail(how, [wanted], error)
        self._fail(f"the workflow returned, where line {number} of the plan expects a command", [wanted])

    def _unexpected(self, number: int, expected: object, yielded: object) -> NoReturn:
        lines = [f"expected  {_describe_expected(expected)}", f"yielded   {describe_command(yielded)}"]
        if (problem := _problem_in(expected)) is not None:
            lines.append(problem)
        elif type(expected) is type(yielded):
            lines += map(_describe_difference, differences(expected, yielded))
        lines.append(f"at        {place_of(self.fiber.generator)}")
        self._fail(f"line {number} of the plan expects something else", lines)

    def _fail(self, problem: str, lines: list[str], cause: BaseException | None = None) -> NoReturn:
        body = [f"  {line}" for line in lines]
        yielded = ["", "  yielded so far", *(self.log or ["    nothing"])]
        raise AssertionError("\n".join([problem, "", *body, *yielded])) from cause


def _problem_in(command: object) -> str | None:
    """Why the step, or one among the branches, cannot be run with the arguments that it is given."""
    if isinstance(command, WrongCall):
        return command.problem
    parts: Iterable[object] = command if isinstance(command, tuple) else ()
    if isinstance(command, Command) and is_dataclass(command):
        parts = [getattr(command, field.name) for field in fields(command)]
    return next(filter(None, map(_problem_in, parts)), None)


def _describe_expected(expected: object) -> str:
    if isinstance(expected, str):
        return f"any command named {expected!r}"
    if isinstance(expected, type):
        return f"any {expected.__name__}"
    return describe_command(expected)


def _describe_difference(difference: Difference) -> str:
    return f"            {difference.field}: expected {difference.expected}, yielded {difference.actual}"


def _parts(number: int, line: tuple[Any, Any] | Command[Any]) -> tuple[Any, Any]:
    if isinstance(line, Command):
        return line, None
    if not isinstance(line, tuple) or len(line) != 2:
        raise TypeError(f"line {number} of the plan is not (expected, answer): {describe_value(line)}")
    return line


def _check_is_last(number: int, plan: Sequence[Line]) -> None:
    if number != len(plan):
        raise TypeError("... stands at the end of a plan; for a command that does not matter, write ANY")
