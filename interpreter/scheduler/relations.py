"""An execution's dealings with others: its children, the signals that it sends, the events that it waits for.

Owns what each such action asks of the database, and which fact answers it. All of it may be done
again at any time, here or by another scheduler: what is sent or started has an id that is derived
from the command's place. What comes back from others comes by the inbox.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import psycopg

from dataflows.commands import Start
from dataflows.errors import CannotStore, DataflowsError, IdInUse, NotFound, SchedulerStopped
from dataflows.outcome import Error, Outcome, Value
from interpreter import operations
from interpreter.machine import (
    AwaitSignal,
    ChildEnded,
    ChildStarted,
    Fact,
    Position,
    SendSignal,
    SignalSent,
    StartChild,
    StopChild,
    format_position,
)
from interpreter.operations import NewExecution
from interpreter.promise import Promise
from interpreter.requests import Operation, Query
from interpreter.scheduler.errands import Errand, Errands, UnderWay
from interpreter.scheduler.held import Held
from interpreter.store.arrays import TextArray
from interpreter.store.identifiers import derived_id
from interpreter.store.records import Parent

__all__ = ["Relations"]


class Relations:
    """Carries out what concerns other executions. All is called on the driver's thread.

    :param start_here: starts an execution and holds it; None if there is no room for it.
    :param post: has a method called on the driver's thread.
    :param place: proposes a fact.
    :param set_due: sets the timer of a wait.
    :param on_inbox: told what a look at the inbox has shown, as the rows of ``read_inbox``.
    """

    def __init__(
        self,
        errands: Errands,
        start_here: Callable[[NewExecution], Promise[bool] | None],
        post: Callable[..., None],
        place: Callable[[Held, Fact], None],
        set_due: Callable[[Held, AwaitSignal], None],
        on_inbox: Callable[[Sequence[tuple[Any, ...]]], None],
    ) -> None:
        self._errands = errands
        self._start_here = start_here
        self._post = post
        self._place = place
        self._set_due = set_due
        self._on_inbox = on_inbox

    # Children -----------------------------------------------------------------------------------

    def start_child(self, held: Held, action: StartChild) -> None:
        """Start an execution, unless it is there; it is held here from the first moment, if there is room."""
        if action.position in held.errands:
            return  # it has only been cancelled since: it is started all the same, and then stopped
        try:
            new = _new_execution(held, action)
        except BaseException as error:  # code of authors is run where a value is encoded, and may raise anything
            self._place(held, _not_started(action, error))
            return
        errand = Errand(
            held, action.position, partial(self._started, held, action, new), partial(operations.start, new)
        )
        held.errands[action.position] = errand
        with suppress(SchedulerStopped):
            promise = self._start_here(new)
            if promise is None:
                self._errands.submit(errand)
            else:
                promise.add_done_callback(lambda done: self._post(self._started_here, held, errand, new, done))

    def _started_here(self, held: Held, errand: Errand, new: NewExecution, done: Promise[bool]) -> None:
        if held.errands.get(errand.position) is not errand or isinstance(done.exception(), SchedulerStopped):
            return
        if done.result():
            self.finish(errand, Value(True))
        else:
            errand.begin = partial(operations.is_there, new)
            self._errands.submit(errand)

    def _started(self, held: Held, action: StartChild, new: NewExecution, outcome: Outcome[bool]) -> None:
        if isinstance(outcome, Error):
            if not isinstance(outcome.exception, IdInUse):
                raise outcome.exception
            self._place(held, _not_started(action, outcome.exception))
        elif outcome.value:
            self._place(held, ChildStarted(action.position, action.name, action.branch, id=new.id))

    def stop_child(self, held: Held, action: StopChild) -> None:
        """Ask a child to cancel. If it has ended, its end is on its way."""
        self._submit(held, action.position, partial(operations.cancel, action.child_id), _expect_done)

    # Messages -----------------------------------------------------------------------------------

    def send_signal(self, held: Held, action: SendSignal) -> None:
        """Send it, once."""
        command = action.command
        message_id = derived_id(held.id, held.generation, format_position(action.position))
        send = partial(operations.signal, command.execution_id, command.name, command.payload, id=message_id)
        if action.position not in held.errands:  # else it has only been cancelled since
            self._submit(held, action.position, send, partial(self._sent, held, action))

    def _sent(self, held: Held, action: SendSignal, outcome: Outcome[bool]) -> None:
        if isinstance(outcome, Error):
            what = f"the payload of signal {action.name!r}"
            answer: Outcome[None] = Error(_expected(outcome.exception, what, NotFound, CannotStore))
        else:
            answer = Value(None)
        self._place(held, SignalSent(action.position, action.name, action.branch, outcome=answer))

    def await_event(self, held: Held, action: AwaitSignal) -> None:
        """Subscribe to it. The deadline counts from when that is done, since an event that came in time may be kept."""
        held.subscribed.add(action.position)
        self._submit(
            held, action.position, partial(_subscribe, held, action), partial(self._subscribed, held, action.position)
        )

    def _subscribed(self, held: Held, position: Position, outcome: Outcome[Sequence[tuple[Any, ...]]]) -> None:
        if isinstance(outcome, Error):
            raise outcome.exception
        self._on_inbox(outcome.value)
        action = held.machine.open.get(position)
        if isinstance(action, AwaitSignal):
            self._set_due(held, action)
        else:
            self.forget_event(held, position)

    def forget_event(self, held: Held, position: Position) -> None:
        """The wait is over, however that came.

        Should nobody get round to this, what is delivered to it all the same is buffered for its next wait of that key.
        """
        if position not in held.errands:  # else when that is done
            held.subscribed.discard(position)
            self._submit(held, position, partial(_unsubscribe, held, position), _expect_done, outlives=True)

    # What comes of an errand --------------------------------------------------------------------

    def finish(self, errand: UnderWay, outcome: Outcome[Any]) -> None:
        """An errand is done. Once its execution is leaving, nothing more is proposed for it."""
        held = errand.held
        if held.errands.get(errand.position) is errand:
            del held.errands[errand.position]
            if not held.leaving:
                errand.finish(outcome)

    def _submit(
        self,
        held: Held,
        position: Position,
        begin: Callable[[], Operation[Any]],
        finish: Callable[[Outcome[Any]], None],
        *,
        outlives: bool = False,
    ) -> None:
        errand = held.errands[position] = Errand(held, position, finish, begin, outlives)
        self._errands.submit(errand)


def _new_execution(held: Held, action: StartChild) -> NewExecution:
    command, position = action.command, format_position(action.position)
    is_awaited = not isinstance(command, Start)
    parent = Parent(held.id, held.generation, *((position, action.branch or None) if is_awaited else ()))
    id = command.id or derived_id(held.id, held.generation, position)
    return operations.prepare(command.workflow, command.args, {}, id, 0, None, parent)


def _not_started(action: StartChild, error: BaseException) -> ChildEnded:
    exception = _expected(error, f"an argument of workflow {action.name!r}", IdInUse, CannotStore)
    return ChildEnded(action.position, action.name, action.branch, outcome=Error(exception))


def _expected(error: BaseException, what: str, *expected: type[DataflowsError]) -> BaseException:
    """The error as it arrives at the ``yield``.

    :raises psycopg.Error: the database does not take it, and that is not the workflow's to handle.
    """
    if isinstance(error, expected):
        return error
    if isinstance(error, psycopg.Error):
        raise error
    return CannotStore(f"{what} cannot be stored: to encode it raises {type(error).__name__}")


def _expect_done(outcome: Outcome[Any]) -> None:
    if isinstance(outcome, Error) and not isinstance(outcome.exception, NotFound):
        raise outcome.exception


def _unsubscribe(held: Held, position: Position) -> Operation[None]:
    return operations.unsubscribe(held.id, held.generation, format_position(position), has_ended=held.has_ended)


def _subscribe(held: Held, action: AwaitSignal) -> Operation[Sequence[tuple[Any, ...]]]:
    """Subscribe; where there is an event at once, answer all that is in the inbox."""
    command, position = action.command, format_position(action.position)
    assert command.key is not None
    place = (held.id, held.generation, position)
    if not (yield from operations.subscribe(*place, command.name, command.key, action.due)):
        return []
    rows: Sequence[tuple[Any, ...]] = yield Query("read_inbox", {"ids": TextArray([held.id])})
    return rows
