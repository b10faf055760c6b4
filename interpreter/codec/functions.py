"""Calls that travel to another process, and are carried out there.

Owns what is sent: the function, its arguments, and how its result is to be named and encoded.
Knows no executor.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dataflows.errors import CannotRestore, CannotStore
from interpreter.codec import pickling
from interpreter.codec.copies import dump_with_code
from interpreter.codec.encoded import Encoded
from interpreter.codec.exceptions import encode_error
from interpreter.codec.names import dotted
from interpreter.codec.values import encode

__all__ = ["dump_call", "run_call"]


class _Call(NamedTuple):
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    what: str
    codec: str


def dump_call(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    what: str = "the result of a call",
    codec: str = "auto",
) -> bytes:
    """The call as ``run_call`` takes it, in this process or another.

    A function that a module holds under its name goes by that name; a lambda, or a function defined
    inside another, goes as a copy with its closure and the globals that it uses.

    :param what: names the result in messages; with ``codec``, as in ``encode``.
    :raises CannotStore: the function or an argument cannot leave this process (it holds a lock, a file ...).
    """
    call = _Call(fn, tuple(args), dict(kwargs or {}), what, codec)
    try:
        return dump_with_code(tuple(call))
    except pickling.Unstorable as refused:
        error = refused
    kind = type(error.culprit)
    holds = f"it holds a {dotted(kind.__module__, kind.__qualname__)}: {error.reason}"
    raise CannotStore(f"cannot send the call that gives {what} to another process: {holds}") from error.__cause__


def run_call(data: bytes) -> tuple[bool, Encoded]:
    """Carry the call out: whether it succeeded, and its result or exception, encoded.

    An async function, or one that returns an awaitable, is awaited on an event loop of its own.
    ``KeyboardInterrupt`` and ``SystemExit`` come through: they are meant for the process.
    """
    try:
        call = _load(data)
        result = call.function(*call.arguments, **call.keywords)
        if inspect.isawaitable(result):
            result = asyncio.run(_awaited(result))
        return True, encode(result, call.what, codec=call.codec)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        return False, encode_error(error)


def _load(data: bytes) -> _Call:
    try:
        return _Call(*pickling.load(data))
    except Exception as error:
        advice = "the executor's processes must be able to import what defines it"
        raise CannotRestore(f"a call cannot be rebuilt here ({type(error).__name__}: {error}); {advice}") from error


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
