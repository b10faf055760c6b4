"""DBOS Transact in the workloads that all contestants run, set up as its documentation advises.

Workflows and steps by ``@DBOS.workflow()`` and ``@DBOS.step()``; executions are started in the background by
``DBOS.start_workflow`` (its tutorial "Workflows"; queues are for flow control, and slower), from 20 threads, since
one alone does not keep it busy. Plain functions or coroutines, whichever is faster: coroutines for signals, for steps
side by side ("Running Async Steps In Parallel"), and for those asleep, which would otherwise hold a thread each.
Settings are the defaults; its own schema is made by the program when it is called with ``prepare``.
"""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from dbos import DBOS

from tests.benchmarks.programs.common import Values, percentile, resident_megabytes, run, wait_for_count

COMPLETED = "SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'"
ASLEEP = "SELECT count(*) FROM dbos.operation_outputs WHERE function_name = 'DBOS.sleep'"
STARTERS = 20
AT_ONCE = 500
LONG = 86_400

ran: SimpleQueue[float] = SimpleQueue()


@DBOS.step()
def noop() -> None:
    """What every step does."""


@DBOS.step()
async def noop_async() -> None:
    """The same, for coroutines."""


@DBOS.step()
async def tell() -> None:
    ran.put(time.perf_counter())


@DBOS.workflow()
def one_step() -> None:
    noop()


@DBOS.workflow()
def many_steps(number: int) -> float:
    began = time.perf_counter()
    for _ in range(number):
        noop()
    return time.perf_counter() - began


@DBOS.workflow()
async def gathered(number: int) -> float:
    began = time.perf_counter()
    await asyncio.gather(*(noop_async() for _ in range(number)), return_exceptions=True)
    return time.perf_counter() - began


@DBOS.workflow()
async def approval() -> None:
    await DBOS.recv_async("approved", timeout_seconds=600)
    await tell()


@DBOS.workflow()
async def nap() -> None:
    await DBOS.sleep_async(LONG)


def launch(url: str) -> None:
    DBOS(config={"name": "benchmark", "system_database_url": url, "log_level": "ERROR"})
    DBOS.launch()


def prepare(url: str) -> Values:
    """Makes its tables, and nothing else."""
    launch(url)
    DBOS.destroy()
    return {}


def executions(url: str, number: int) -> Values:
    """W1: executions of one step."""
    launch(url)
    many_steps(20)
    began = time.perf_counter()
    with ThreadPoolExecutor(STARTERS) as starters:
        list(starters.map(lambda _: DBOS.start_workflow(one_step), range(number)))
    wait_for_count(url, COMPLETED, number + 1)
    return {"executions_per_second": number / (time.perf_counter() - began)}


def side_by_side(url: str, executions: int, steps: int) -> Values:
    """W2a: several executions of many steps."""
    launch(url)
    many_steps(20)
    began = time.perf_counter()
    for _ in range(executions):
        DBOS.start_workflow(many_steps, steps)
    wait_for_count(url, COMPLETED, executions + 1)
    return {"steps_per_second": executions * steps / (time.perf_counter() - began)}


def one_after_another(url: str, executions: int, steps: int) -> Values:
    """W2b: one execution of many steps, several times; the clock is read in the workflow."""
    launch(url)
    many_steps(20)
    return {"ms_per_step": statistics.median(many_steps(steps) / steps * 1000 for _ in range(executions))}


def in_a_gather(url: str, steps: int) -> Values:
    """W3: one execution, its steps in a gather; the clock is read in the workflow."""
    launch(url)
    return {"steps_per_second": asyncio.run(_gather(steps))}


async def _gather(steps: int) -> float:
    await gathered(20)
    return steps / await gathered(steps)


def signals(url: str, number: int, pause: float) -> Values:
    """W4: from before the message is sent until the step after the wait runs; one at a time."""
    launch(url)
    started: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=asyncio.run, args=[_start_waiting(number, started)], daemon=True).start()
    waiting = [started.get(timeout=30) for _ in range(number)]
    time.sleep(1)  # by now each has looked whether there is a message, and waits to be told of one
    times = []
    for workflow_id in waiting:
        began = time.perf_counter()
        DBOS.send(workflow_id, None, "approved")
        times.append((ran.get(timeout=30) - began) * 1000)
        time.sleep(pause)
    return {"p50_ms": percentile(times, 50), "p99_ms": percentile(times, 99)}


async def _start_waiting(number: int, started: SimpleQueue[str]) -> None:
    for _ in range(number):
        handle = await DBOS.start_workflow_async(approval)
        started.put(handle.workflow_id)
    await asyncio.sleep(LONG)


def sleepers(url: str, number: int) -> Values:
    """W5: executions put to sleep, and what the process holds in memory for them."""
    launch(url)
    many_steps(20)
    idle = resident_megabytes()
    began = time.perf_counter()
    threading.Thread(target=asyncio.run, args=[_put_to_sleep(number)], daemon=True).start()
    wait_for_count(url, ASLEEP, number)
    elapsed = time.perf_counter() - began
    return {"executions_per_second": number / elapsed, "megabytes": resident_megabytes() - idle}


async def _put_to_sleep(number: int) -> None:
    for _ in range(0, number, AT_ONCE):
        await asyncio.gather(*(DBOS.start_workflow_async(nap) for _ in range(min(AT_ONCE, number))))
    await asyncio.sleep(LONG)


if __name__ == "__main__":
    run(
        {
            "prepare": prepare,
            "W1": executions,
            "W2a": side_by_side,
            "W2b": one_after_another,
            "W3": in_a_gather,
            "W4": signals,
            "W5": sleepers,
        }
    )
