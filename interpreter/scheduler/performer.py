"""Carries out steps: on threads, on an event loop, or on an executor that was handed in.

Owns the threads, and the bound on how many steps run at once. What an attempt came to is
reported through one callback; what that means is not known here.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from contextvars import copy_context
from typing import Any

from dataflows.attempt import running_attempt
from dataflows.commands import Step
from dataflows.outcome import Error, Outcome, Value
from interpreter.codec import Encoded, decode_error, dump_call, run_call
from interpreter.scheduler.event_loop import EventLoop
from interpreter.scheduler.held import LiveAttempt, Stage
from interpreter.scheduler.lease import Lease
from interpreter.scheduler.step_threads import StepThreads
from interpreter.scheduler.transactions import Call

__all__ = ["Performer", "Report"]

Report = Callable[[LiveAttempt, "Outcome[Any] | Encoded"], bool]
"""Called, on any thread, with what an attempt came to; ``Encoded`` is a value that another process encoded.

Answers False if the thread was left behind meanwhile.
"""

_LOOK = 0.05
_THE_PROCESS_IS_ASKED_TO_END = (KeyboardInterrupt, SystemExit)


class Performer:
    """Runs at most ``concurrency`` attempts at once; the others wait their turn, first come, first served.

    :param transact: performs an attempt whose writing commits with its entry; answers what is still to be reported.
    :param transacted: called, on any thread, when an attempt has ended of which nothing is to be reported; answers as
        ``report`` does.
    :param begun: called, on any thread, when an attempt with a time limit begins to run.
    :param lease: while it is in doubt, nothing is started.
    :param on_exit: called when a step raises ``SystemExit`` or ``KeyboardInterrupt``.
    """

    def __init__(
        self,
        concurrency: int,
        executors: Mapping[str, Executor],
        report: Report,
        transact: Callable[[LiveAttempt, Call], Error | None],
        transacted: Callable[[LiveAttempt], bool],
        begun: Callable[[LiveAttempt], None],
        lease: Lease,
        on_exit: Callable[[LiveAttempt, BaseException], None],
    ) -> None:
        self._concurrency = concurrency
        self._executors = executors
        self._report = report
        self._transact = transact
        self._transacted = transacted
        self._begun = begun
        self._lease = lease
        self._on_exit = on_exit
        self._lock = threading.Lock()
        self._waiting: deque[LiveAttempt] = deque()
        self._running = 0
        self._threads = StepThreads(concurrency, self._perform)
        self._loop = EventLoop()
        self._process = os.getpid()
        self._closed = self._left_alone = False

    @property
    def running(self) -> int:
        """How many attempts run now."""
        return self._running

    @property
    def has_only_one(self) -> bool:
        """Whether one attempt runs, and none waits for its room."""
        return self._running == 1 and not self._waiting

    def cannot_run(self, command: Step[Any]) -> str | None:
        """Why this scheduler cannot run the step, or None."""
        if command.on is None or command.on in self._executors:
            return None
        known = ", ".join(map(repr, self._executors)) or "none"
        return f"on={command.on!r} names an executor that this scheduler was not given; it has: {known}"

    def submit(self, attempt: LiveAttempt) -> None:
        """Run the attempt as soon as there is room; or announce it then, and wait for ``proceed``."""
        with self._lock:
            if self._closed:
                return
            if self._running >= self._concurrency:
                self._waiting.append(attempt)
                return
            self._running += 1
        self._dispatch(attempt)

    def proceed(self, attempt: LiveAttempt) -> None:
        """It has been announced, and runs in the room that it has."""
        if not self._left_alone and attempt.proceed():
            self._dispatch(attempt)

    def stop(self, attempt: LiveAttempt) -> bool:
        """Ask an attempt to stop; True if it does not run and never will, so that nothing more comes of it."""
        attempt.stopping = True
        if attempt.discard_if_queued():
            return True
        if attempt.discard_if_announced():
            self._leave_room()
            return True
        if attempt.cancel is not None:
            attempt.cancel()
        return False

    def give_up(self, attempt: LiveAttempt) -> bool:
        """Wait no longer for an attempt; False if it has just reported.

        A thread cannot be stopped. It is left behind, and its room is given to the next.
        """
        before = attempt.discard()
        if before is Stage.REPORTED:
            return False
        if before is Stage.RUNNING:
            if attempt.cancel is not None:
                attempt.cancel()
            if attempt.in_thread:
                self._threads.leave_behind()
        if before in (Stage.RUNNING, Stage.ANNOUNCED):
            self._leave_room()
        return True

    def leave_behind(self, thread: int) -> None:
        """A thread does not come back from a report: its room, and what it was to perform next, are for others."""
        following = self._threads.leave_behind(thread)
        self._leave_room()
        if following is not None:
            self._dispatch(following)

    def hold_back(self) -> None:
        """Start nothing more; what runs goes on."""
        with self._lock:
            self._closed = True
            self._waiting.clear()

    def close(self) -> None:
        """What still runs is left to itself: nothing more is reported, least of all that it was cancelled here."""
        self._left_alone = True
        self._threads.close()
        self._loop.stop()

    # Room ---------------------------------------------------------------------------------------

    def _dispatch(self, attempt: LiveAttempt) -> None:
        command = attempt.action.command
        if attempt.announce is not None:
            self._announce(attempt, attempt.announce)
        elif command.on is None and _is_async(command.fn):
            self._run_on_loop(attempt)
        else:
            self._threads.submit(attempt)

    def _announce(self, attempt: LiveAttempt, announce: Callable[[], None]) -> None:
        if attempt.be_announced():
            announce()
        else:
            self._leave_room()

    def _leave_room(self) -> None:
        with self._lock:
            following = self._waiting.popleft() if self._waiting else None
            if following is None:
                self._running -= 1
        if following is not None:
            self._dispatch(following)

    def _ended(self, attempt: LiveAttempt, outcome: Outcome[Any] | Encoded) -> bool:
        """Report and make room; False if its room was given away meanwhile, since it was given up or left behind."""
        if isinstance(outcome, Error) and isinstance(outcome.exception, _THE_PROCESS_IS_ASKED_TO_END):
            self._on_exit(attempt, outcome.exception)  # not the step's failure: it runs again elsewhere
            was_wanted = attempt.discard() is Stage.RUNNING
        elif (was_wanted := attempt.report()) and not self._left_alone:
            was_wanted = self._report(attempt, outcome)
        if was_wanted:
            self._leave_room()
        return was_wanted

    def _begin(self, attempt: LiveAttempt) -> bool:
        is_ours = attempt.held.scheduler == self._lease.scheduler  # or another has taken over, and has done it since
        is_too_late = self._left_alone if attempt.action.command.once else self._closed  # once announced, it is to run
        if is_ours and not is_too_late and attempt.begin():
            if attempt.action.command.timeout is not None:
                self._begun(attempt)
            return True
        self._leave_room()
        return False

    # Threads ------------------------------------------------------------------------------------

    def _perform(self, attempt: LiveAttempt) -> bool:
        """Perform it; False if it was given up meanwhile, and another thread has this one's room."""
        self._lease.wait_valid()
        attempt.in_thread = attempt.action.command.on is None
        if not self._begin(attempt):
            return True
        if not attempt.in_thread:
            self._run_on_executor(attempt)
            return True
        if attempt.action.command.transaction:
            return self._run_transaction(attempt)
        outcome = self._call(attempt)
        with self._threads.free:
            return self._ended(attempt, outcome)

    def _run_transaction(self, attempt: LiveAttempt) -> bool:
        outcome = self._transact(attempt, self._call)
        with self._threads.free:
            if outcome is not None:
                return self._ended(attempt, outcome)
            if was_here := self._transacted(attempt):
                self._leave_room()
            return was_here

    def _call(self, attempt: LiveAttempt, *given: object) -> Outcome[Any]:
        try:
            outcome: Outcome[Any] = Value(copy_context().run(self._value_of, attempt, *given))
        except BaseException as exception:
            outcome = Error(exception)
        if os.getpid() != self._process:
            os._exit(0)  # the step forked and the child came back: it has no business here
        return outcome

    def _value_of(self, attempt: LiveAttempt, *given: object) -> Any:
        """Call it, in a context of its own: what a step sets there must not be found by what this thread drives."""
        command = attempt.action.command
        running_attempt.set(attempt.as_seen_by_step)
        value = command.fn(*given, *command.args, **command.kwargs)
        return value if value is None or not inspect.isawaitable(value) else self._loop.await_here(value)

    # The event loop -----------------------------------------------------------------------------

    def _run_on_loop(self, attempt: LiveAttempt) -> None:
        self._loop.submit(self._perform_async(attempt))

    async def _perform_async(self, attempt: LiveAttempt) -> None:
        while not (self._lease.is_valid() or self._closed):  # noqa: ASYNC110 - it is renewed by a thread
            await asyncio.sleep(_LOOK)
        if not self._begin(attempt):
            return
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        attempt.cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        self._ended(attempt, await self._call_async(attempt))

    async def _call_async(self, attempt: LiveAttempt) -> Outcome[Any]:
        command = attempt.action.command
        running_attempt.set(attempt.as_seen_by_step)
        if attempt.stopping:
            return Error(asyncio.CancelledError())
        try:
            return Value(await command.fn(*command.args, **command.kwargs))
        except BaseException as exception:
            return Error(exception)

    # Executors ----------------------------------------------------------------------------------

    def _run_on_executor(self, attempt: LiveAttempt) -> None:
        command = attempt.action.command
        assert command.on is not None
        try:
            call = dump_call(command.fn, command.args, command.kwargs, what=f"the result of step {command.name!r}")
            future = self._executors[command.on].submit(run_call, call)
        except BaseException as exception:
            self._ended(attempt, Error(exception))
            return
        attempt.cancel = future.cancel
        future.add_done_callback(lambda done: self._ended(attempt, _executor_outcome(done)))


def _executor_outcome(done: Future[tuple[bool, Encoded]]) -> Outcome[Any] | Encoded:
    try:
        ok, encoded = done.result()
    except BaseException as exception:  # the executor broke, or gave the call up
        return Error(exception)
    return encoded if ok else Error(decode_error(encoded))


def _is_async(fn: Callable[..., Any]) -> bool:
    code = getattr(fn, "__code__", None)
    if code is not None:
        return bool(code.co_flags & inspect.CO_COROUTINE)
    return inspect.iscoroutinefunction(type(fn).__call__)
