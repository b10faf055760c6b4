"""Absurd in the workloads that all contestants run, set up as its documentation advises.

Schema and queue by ``absurdctl init`` and ``absurdctl create-queue`` (its "Quickstart"). Tasks by
``@app.register_task`` and ``ctx.step``; one worker, ``app.start_worker(concurrency=20)``, in this process, and a client
on a connection of its own that calls ``app.spawn``. More workers, in threads or in processes of their own, were no
faster here: the work is in its SQL functions. The poll interval is 10 ms and not the default of 250 ms, which would
be all that W4 measures. Steps in a gather need coroutines, so W3 uses ``AsyncAbsurd``.
"""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from queue import SimpleQueue
from typing import Any

from absurd_sdk import Absurd, AsyncAbsurd

from tests.benchmarks.programs.common import Values, percentile, resident_megabytes, run, wait_for_count

COMPLETED = "SELECT count(*) FROM absurd.t_default WHERE state = 'completed'"
SLEEPING = "SELECT count(*) FROM absurd.t_default WHERE state = 'sleeping'"
CONCURRENCY = 20
POLL_INTERVAL = 0.01

ran: SimpleQueue[float] = SimpleQueue()
spans: SimpleQueue[float] = SimpleQueue()


def noop() -> None:
    """What every step does."""


async def noop_async() -> None:
    """The same, for coroutines."""


def one_step(params: Any, ctx: Any) -> None:
    ctx.step("noop", noop)


def many_steps(params: Any, ctx: Any) -> None:
    began = time.perf_counter()
    for _ in range(params["steps"]):
        ctx.step("noop", noop)
    spans.put(time.perf_counter() - began)


async def gathered(params: Any, ctx: Any) -> None:
    began = time.perf_counter()
    await asyncio.gather(*(ctx.step(f"noop-{index}", noop_async) for index in range(params["steps"])))
    spans.put(time.perf_counter() - began)


def approval(params: Any, ctx: Any) -> None:
    ctx.await_event(f"approved-{params['number']}")
    ctx.step("tell", lambda: ran.put(time.perf_counter()))


def nap(params: Any, ctx: Any) -> None:
    ctx.sleep_for("nap", 86_400)


def open_client(url: str) -> Absurd:
    """Starts a worker, and gives a client that has a connection of its own; both are warm."""
    worker, client = _application(url), _application(url)
    options = {"concurrency": CONCURRENCY, "poll_interval": POLL_INTERVAL}
    threading.Thread(target=worker.start_worker, kwargs=options, daemon=True).start()
    client.spawn("many-steps", {"steps": 20})
    spans.get(timeout=30)
    wait_for_count(url, COMPLETED, 1)
    return client


def _application(url: str) -> Absurd:
    app = Absurd(url)
    for function in (one_step, many_steps, approval, nap):
        app.register_task(function.__name__.replace("_", "-"))(function)
    return app


def executions(url: str, number: int) -> Values:
    """W1: tasks of one step."""
    client = open_client(url)
    began = time.perf_counter()
    for _ in range(number):
        client.spawn("one-step", {})
    wait_for_count(url, COMPLETED, number + 1)
    return {"executions_per_second": number / (time.perf_counter() - began)}


def side_by_side(url: str, executions: int, steps: int) -> Values:
    """W2a: several tasks of many steps."""
    client = open_client(url)
    began = time.perf_counter()
    for _ in range(executions):
        client.spawn("many-steps", {"steps": steps})
    wait_for_count(url, COMPLETED, executions + 1)
    return {"steps_per_second": executions * steps / (time.perf_counter() - began)}


def one_after_another(url: str, executions: int, steps: int) -> Values:
    """W2b: one task of many steps, several times; the clock is read in the task."""
    client = open_client(url)
    times = []
    for _ in range(executions):
        client.spawn("many-steps", {"steps": steps})
        times.append(spans.get(timeout=120) / steps * 1000)
    return {"ms_per_step": statistics.median(times)}


def in_a_gather(url: str, steps: int) -> Values:
    """W3: one task, its steps in a gather; the clock is read in the task."""
    app = AsyncAbsurd(url)
    app.register_task("gathered")(gathered)
    threading.Thread(target=asyncio.run, args=[_work(app)], daemon=True).start()
    client = _application(url)
    client.spawn("gathered", {"steps": 20}, queue="default")
    spans.get(timeout=30)
    client.spawn("gathered", {"steps": steps}, queue="default")
    return {"steps_per_second": steps / spans.get(timeout=120)}


async def _work(app: AsyncAbsurd) -> None:
    await app.start_worker(concurrency=CONCURRENCY, poll_interval=POLL_INTERVAL)


def signals(url: str, number: int, pause: float) -> Values:
    """W4: from before the event is emitted until the step after the wait runs; sleeping tasks, one at a time."""
    client = open_client(url)
    for index in range(number):
        client.spawn("approval", {"number": index})
    wait_for_count(url, SLEEPING, number)
    times = []
    for index in range(number):
        began = time.perf_counter()
        client.emit_event(f"approved-{index}")
        times.append((ran.get(timeout=30) - began) * 1000)
        time.sleep(pause)
    return {"p50_ms": percentile(times, 50), "p99_ms": percentile(times, 99)}


def sleepers(url: str, number: int) -> Values:
    """W5: tasks put to sleep, and what the process holds in memory for them."""
    client = open_client(url)
    idle = resident_megabytes()
    began = time.perf_counter()
    for _ in range(number):
        client.spawn("nap", {})
    wait_for_count(url, SLEEPING, number)
    elapsed = time.perf_counter() - began
    return {"executions_per_second": number / elapsed, "megabytes": resident_megabytes() - idle}


if __name__ == "__main__":
    run(
        {
            "W1": executions,
            "W2a": side_by_side,
            "W2b": one_after_another,
            "W3": in_a_gather,
            "W4": signals,
            "W5": sleepers,
        }
    )
