"""``Scheduler``: what a script opens to have workflows run.

Owns the settings as people write them, and the two ways to enter. The work is the engine's.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from typing import Any, Self, TypeVar

from dataflows.duration import Duration, to_timedelta
from dataflows.errors import SchedulerStopped
from dataflows.limits import Limit, check_limit_name
from dataflows.workflow import Workflow, registry
from interpreter.client import AsyncVerbs, Verbs
from interpreter.database import Database
from interpreter.operations import public_url_or_default
from interpreter.scheduler.engine import Engine
from interpreter.scheduler.monitor import Listener, Monitor, log_event
from interpreter.scheduler.settings import Settings
from interpreter.verbs import AwaitingPool, BlockingPool

__all__ = ["AsyncScheduler", "Scheduler"]

T = TypeVar("T")


class Scheduler(Verbs):
    """Claims executions, drives them, and performs their steps, in threads of this process.

    ``with Scheduler() as scheduler: scheduler.run(workflow, …)`` in plain code, ``async with
    Scheduler() as scheduler: await scheduler.run(…)`` in asyncio's. Leaving it waits for the
    steps that run, and hands everything else back; another scheduler goes on with it at once.

    :param database: a libpq URL or conninfo; default: ``DATAFLOWS_DATABASE_URL``, else the embedded server.
    :param concurrency: how many steps run at once.
    :param holding: how many executions are held at once; a suspended one is not held.
    :param executors: name → any ``concurrent.futures.Executor``, for ``step(..., on=name)``.
    :param limits: name → what all schedulers of the database together keep to, for ``step(..., limit=name)``. Where
        they are given different ones, the one that started last has the last word.
    :param workflows: which are served; default: all that are registered.
    :param lease: within this time after its last heartbeat nobody takes over from it.
    :param grace: how long running steps may go on when it stops, or when they are cancelled.
    :param deaths: an execution whose scheduler died so often, without progress, is blocked.
    :param drive_limit: how long a workflow may compute between two yields.
    :param cached: how many suspended workflows are kept in memory, so that waking them needs no replay.
    :param retention: delete executions so long after their end, now and then; default: keep them for ever.
    :param history: how many journal entries an execution may have; with more it fails with ``HistoryTooLong``. One
        that goes on for ever begins again with ``continue_as_new`` before that. A warning is logged at half of it.
    :param public_url: under which whoever is to answer a ``callback`` reaches the HTTP service of this database, like
        ``https://flows.example``. Default: ``DATAFLOWS_PUBLIC_URL``; without either, what asks for one is blocked.
    :param on_event: called with each event's name and details; it must be quick.
    :raises ValueError: a setting out of range.
    """

    def __init__(
        self,
        database: str | None = None,
        *,
        concurrency: int = 32,
        holding: int = 1_000,
        executors: Mapping[str, Executor] | None = None,
        limits: Mapping[str, Limit] | None = None,
        workflows: Iterable[Workflow[..., Any]] | None = None,
        lease: Duration = "10s",
        grace: Duration = "10s",
        deaths: int = 5,
        drive_limit: Duration = "10s",
        cached: int = 1_000,
        retention: Duration | None = None,
        history: int = 200_000,
        public_url: str | None = None,
        on_event: Listener | None = None,
    ) -> None:
        for name, number in (
            ("concurrency", concurrency),
            ("holding", holding),
            ("deaths", deaths),
            ("history", history),
        ):
            if number < 1:
                raise ValueError(f"Scheduler({name}=) is 1 or more; got {number!r}")
        times = {"lease": to_timedelta(lease), "grace": to_timedelta(grace), "drive_limit": to_timedelta(drive_limit)}
        if times["lease"].total_seconds() < 0.5:
            raise ValueError(f"Scheduler(lease=) is half a second or more; got {lease!r}")
        self._settings = Settings(
            concurrency,
            holding,
            cached,
            deadly=deaths,
            history=history,
            executors=executors or {},
            limits={check_limit_name(name, "the name of a limit"): limit for name, limit in (limits or {}).items()},
            retention=None if retention is None else to_timedelta(retention),
            public_url=public_url_or_default(public_url),
            **times,
        )
        self._served = None if workflows is None else {(w.name, w.version): w for w in workflows}
        self._monitor = Monitor(log_event, *([on_event] if on_event is not None else []))
        self._named = database
        self._database: Database | None = None
        self._engine: Engine | None = None
        self._async: AsyncScheduler | None = None
        self._is_entered, self._entering = False, threading.Lock()

    def __getattr__(self, name: str) -> Any:
        if name == "_pool":
            raise SchedulerStopped("the scheduler is not open: use it inside `with Scheduler(...) as scheduler:`")
        raise AttributeError(name)

    def __enter__(self) -> Self:
        """:raises RuntimeError: it is open already, and stays so."""
        self._enter_once()
        try:
            database = self._open()
            self._pool = BlockingPool(database.url)
        except BaseException:
            self._close()
            self._leave()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        with ExitStack() as closing:
            closing.callback(self._leave)
            closing.callback(self._close_pool)
            closing.callback(self._close)

    async def __aenter__(self) -> AsyncScheduler:
        """:raises RuntimeError: it is open already, and stays so."""
        self._enter_once()
        try:
            database = await _to_its_end(self._open)
            assert self._engine is not None
            self._async = AsyncScheduler(await AwaitingPool(database.url).open(), self._engine)
        except BaseException:
            await _to_its_end(self._close)
            await _to_its_end(self._leave)
            raise
        return self._async

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._async is not None
        try:
            await _to_its_end(self._close)
        finally:
            await self._async._pool.close()
            await _to_its_end(self._leave)

    def wait(self, stop: threading.Event) -> None:
        """Serve until ``stop`` is set, or a step asks the process to exit."""
        assert self._engine is not None, "the scheduler is not open"
        while not stop.wait(0.2) and not self._engine.asked_to_exit.is_set():
            pass

    def _enter_once(self) -> None:
        with self._entering:
            if self._is_entered:
                raise RuntimeError("the scheduler is open already: use what entering it has given, or make another")
            self._is_entered = True

    def _open(self) -> Database:
        self._database = Database(self._named)
        try:
            self._engine = self._host = Engine(
                self._database, self._settings, self._workflows, self._serves, self._monitor
            )
        except BaseException:
            self._database.close()
            raise
        return self._database

    def _close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def _close_pool(self) -> None:
        self._pool.close()
        del self._pool

    def _leave(self) -> None:
        try:
            if self._database is not None:
                self._database.close()
        finally:
            self._is_entered = False

    def _serves(self, workflow: Workflow[..., Any]) -> bool:
        known = registry if self._served is None else self._served.values()
        return workflow in known

    def _workflows(self) -> dict[tuple[str, int], Workflow[..., Any]]:
        return {(w.name, w.version): w for w in registry} if self._served is None else self._served


class AsyncScheduler(AsyncVerbs):
    """What ``async with Scheduler(...)`` gives."""

    def __init__(self, pool: AwaitingPool, engine: Engine) -> None:
        self._pool = pool
        self._host = engine


async def _to_its_end(function: Callable[[], T]) -> T:
    """Run it in a thread. Who is cancelled meanwhile waits for it all the same: nobody else ends what it starts."""
    running = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(running)
    finally:
        await asyncio.wait([running])
