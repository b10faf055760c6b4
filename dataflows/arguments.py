"""Whether a function can be called with the arguments that it is given, told where they are given.

Owns the words for one that cannot, and what is run in its place. A function that takes other arguments fails at every
attempt alike, so nothing is gained by trying it again. What does not show its parameters (a builtin, an object with
``__call__``) is left to the attempt.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType, FunctionType, MethodType
from typing import Any

from dataflows.errors import WrongArguments

__all__ = ["WrongCall", "check_call", "wrong_call"]

_NOT_AN_AUTHORS = ("dataflows", "interpreter")


@dataclass(frozen=True, slots=True)
class WrongCall:
    """Stands in for a function that cannot be called so: whoever runs the step is told, and a replay of it is not.

    A step whose outcome is journaled runs no more, and may go on with a function that takes other arguments by now.
    """

    problem: str

    def __call__(self, *_: object, **__: object) -> None:
        raise WrongArguments(self.problem)


def wrong_call(
    verb: str, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], before: int = 0
) -> str | None:
    """Why the function does not take these: where it is called, what is wrong, and where it is defined.

    Every command is built through here: what fits is seen by counting.

    :param verb, name: what was called to build the command, and with which name, for the message.
    :param before: how many arguments the function is given before these, by others.
    :returns: None: it takes them.
    """
    plain: Any = function
    number = len(args) + before
    if type(plain) is MethodType:
        plain, number = plain.__func__, number + 1
    if type(plain) is FunctionType and not (_fits_by_name(plain, number, kwargs) if kwargs else _fits(plain, number)):
        return _explain(f"{verb}({name!r})", function, plain, ((None,) * before + args, kwargs))
    return None


def check_call(
    verb: str, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Nothing, if the function takes these.

    :param verb, name: as of ``wrong_call``.
    :raises WrongArguments: it takes others.
    """
    if (problem := wrong_call(verb, name, function, args, kwargs)) is not None:
        raise WrongArguments(problem)


def _fits(function: FunctionType, number: int) -> bool:
    """Whether so many positional arguments are neither too few nor too many, and no other is needed."""
    code = function.__code__
    most = code.co_argcount
    if code.co_kwonlyargcount and code.co_kwonlyargcount > len(function.__kwdefaults__ or ()):
        return False
    if number > most:
        return bool(code.co_flags & inspect.CO_VARARGS)
    return number == most or number >= most - len(function.__defaults__ or ())


def _fits_by_name(function: FunctionType, number: int, kwargs: dict[str, Any]) -> bool:
    """The same where some of them are given by name."""
    code = function.__code__
    names, most = code.co_varnames, code.co_argcount
    free = names[max(number, code.co_posonlyargcount) : most + code.co_kwonlyargcount]
    required = names[number : most - len(function.__defaults__ or ())] + names[most : most + code.co_kwonlyargcount]
    have = kwargs.keys() | (function.__kwdefaults__ or {}).keys()
    return number <= most and kwargs.keys() <= set(free) and have >= set(required)


def _explain(
    what: str, function: Callable[..., Any], plain: FunctionType, given: tuple[tuple[Any, ...], dict[str, Any]]
) -> str | None:
    signature = inspect.signature(function, follow_wrapped=False)
    args, kwargs = given
    try:
        signature.bind(*args, **kwargs)
    except TypeError as wrong:
        code, called = plain.__code__, f"{plain.__qualname__}{_names_of(signature)}"
        place = f"{code.co_filename}:{code.co_firstlineno}"
        return f"{_author()}: {what}: {wrong}, for {called}, which is defined at {place}"
    return None


def _names_of(signature: inspect.Signature) -> str:
    """Without the types, which are texts as often as not."""
    bare = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
    return str(inspect.Signature(bare))


def _author() -> str:
    """File and line of the code that calls this package, or its interpreter."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _NOT_AN_AUTHORS:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"
