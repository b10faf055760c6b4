"""Messages in and out: ``wait``, ``signal``, ``publish``."""

from __future__ import annotations

from typing import Any, Final, TypeVar, overload

from dataflows.commands import Publish, Signal, Wait
from dataflows.duration import Duration, to_optional_timedelta
from dataflows.names import check_name

__all__ = ["publish", "signal", "wait"]

D = TypeVar("D")
T = TypeVar("T")

_NOTHING: Final[Any] = object()
_TYPE = type  # `wait` has a parameter of that name


@overload
def wait(name: str, /, *, key: str | None = None, timeout: Duration | None = None) -> Wait[Any]: ...
@overload
def wait(name: str, type: type[T], /, *, key: str | None = None, timeout: Duration | None = None) -> Wait[T]: ...
@overload
def wait(name: str, /, *, key: str | None = None, timeout: Duration | None = None, default: D) -> Wait[Any | D]: ...
@overload
def wait(
    name: str, type: type[T], /, *, key: str | None = None, timeout: Duration | None = None, default: D
) -> Wait[T | D]: ...
def wait(
    name: str,
    type: type[Any] | None = None,
    /,
    *,
    key: str | None = None,
    timeout: Duration | None = None,
    default: Any = _NOTHING,
) -> Wait[Any]:
    """Go on with the payload of the next signal of that name; one that came early is not lost.

    Signals of one name, and key, are taken first in, first out, one by each wait.

    :param type: what the payload must be: a dataclass is built from a dict, a class with
        ``model_validate`` (pydantic) validates it, any other must be its type. Otherwise
        ``InvalidSignal`` is raised at the ``yield``.
    :param key: with it, the next event emitted for that key, like an order's number; signals have none.
    :param timeout: after this, ``default`` is answered, or ``WaitTimeout`` is raised at the ``yield``.
    :param default: what a timeout answers; ``None`` is a default like any other.
    """
    check_name(name, "a signal's name")
    if key is not None:
        check_name(key, "a key")
    if type is not None and not isinstance(type, _TYPE):
        raise TypeError(f"wait({name!r}, type) takes a class, not {type!r}; a timeout goes by timeout=")
    if default is not _NOTHING and timeout is None:
        raise ValueError(f"wait({name!r}, default=…) without timeout= would never use the default")
    limit = to_optional_timedelta(timeout)
    return Wait(name, type, key, limit) if default is _NOTHING else Wait(name, type, key, limit, True, default)


def signal(execution_id: str, name: str, /, payload: Any = None) -> Signal:
    """Send a signal to another execution: exactly once, however often this one is replayed.

    ``NotFound`` is raised at the ``yield`` if there is no such execution, or it has ended.
    """
    check_name(execution_id, "an execution's id")
    return Signal(execution_id, check_name(name, "a signal's name"), payload)


def publish(key: str, value: Any, /) -> Publish:
    """Set a value that can be read from outside, by ``handle.published(key)``, until it is set anew.

    ``CannotStore`` is raised at the ``yield`` if the journal cannot hold the value.
    """
    return Publish(check_name(key, "a published key"), value)
