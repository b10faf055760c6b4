"""``saga``: what was done is undone, last first, if what follows fails or is cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, TypeVarTuple

from dataflows.commands import Flow, Step
from dataflows.errors import Cancelled, UndoFailed
from dataflows.verbs.branches import check_branches

__all__ = ["Undo", "saga"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Undo: TypeAlias = Callable[[Step[Any]], None]
"""Notes a step that undoes something, should it come to that."""


def saga(body: Callable[[Undo, *Ts], Flow[T]], /, *args: *Ts) -> Flow[T]:
    """Run ``body(undo, *args)``; if it fails or is cancelled, run the steps it has handed to ``undo``, last first.

    ::

        def booking(undo: Undo, trip: str) -> Flow[str]:
            undo(step("cancel-hotel", cancel_hotel, trip))
            yield from step("book-hotel", book_hotel, trip)
            ...

        yield from saga(booking, "Rome")

    ``undo`` builds nothing and runs nothing: it only notes. Note it *before* the step that it undoes, as here, and let
    it find out for itself whether there is anything to undo: where a step is cancelled, or its time runs out, nobody
    knows what it had done by then. Note it after, with what the step has answered, where that does not matter.

    What stopped the body is raised when all is undone, so that the workflow can go on as it likes. ``defer``
    instead undoes at the end of the whole execution, whatever the workflow makes of the error.

    :raises UndoFailed: a step that undoes has failed for good; the others still ran.
    :raises TypeError: the body is no generator function.
    """
    undos: list[Step[Any]] = []
    flow = body(undos.append, *args)
    check_branches("saga", flow)
    return _or_undone(flow, undos)


def _or_undone(flow: Flow[T], undos: list[Step[Any]]) -> Flow[T]:
    try:
        return (yield from flow)
    except GeneratorExit:
        raise
    except BaseException as stopped:
        failures = yield from _undo(undos)
        if failures:
            problem = f"{len(failures)} of {len(undos)} steps that undo have failed: {', '.join(failures)}"
            raise UndoFailed(problem) from stopped
        raise


def _undo(undos: list[Step[Any]]) -> Flow[list[str]]:
    """Run them all, last first; answer which have failed, in words. A cancellation that comes meanwhile is raised."""
    failures: list[str] = []
    cancelled: Cancelled | None = None
    left = list(undos)
    while left:
        try:
            yield from left[-1]
        except GeneratorExit:
            raise
        except BaseException as error:
            if isinstance(error, Cancelled) and cancelled is None:
                cancelled = error  # it comes once, and has stopped this step, which is to be run all the same
                continue
            failures.append(f"{left[-1].name!r} ({type(error).__name__}: {error})")
        left.pop()
    if cancelled is not None and not failures:
        raise cancelled
    return failures
