"""Signals: none is lost, none comes twice, the first sent is the first taken."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from dataflows import Flow, InvalidSignal, WaitTimeout, gather, sleep, step, wait, workflow
from interpreter import Client, Scheduler, Status
from tests.databases import opened
from tests.scheduler.conftest import PROJECT
from tests.store.desk import sent
from tests.waiting import eventually


@dataclass
class Decision:
    by: str
    ok: bool = True


@workflow("signals/take")
def take(number: int) -> Flow[list[Any]]:
    taken = []
    for _ in range(number):
        taken.append((yield from wait("message")))
    return taken


@workflow("signals/late")
def take_late(pause: float) -> Flow[Any]:
    yield from sleep("pause", pause)
    return (yield from wait("message"))


@workflow("signals/in time")
def in_time(timeout: float, has_default: bool) -> Flow[Any]:
    default = {"default": "nobody came"} if has_default else {}
    first = yield from wait("message", timeout=timeout, **default)
    second = yield from wait("message", timeout=0, default="nothing is left")
    return first, second


@workflow("signals/in time or not")
def in_time_or_not(timeout: float) -> Flow[Any]:
    first = yield from wait("message", timeout=timeout, default="nobody came")
    patience = 20 if first == "nobody came" else 0
    return first, (yield from wait("message", timeout=patience, default="nothing is left"))


@workflow("signals/decision")
def decision() -> Flow[Any]:
    try:
        return (yield from wait("decision", Decision))
    except InvalidSignal as error:
        return str(error)


@workflow("signals/two names")
def two_names() -> Flow[Any]:
    return (yield from gather(wait("a"), wait("b"), wait("a")))


BUSY = {"running": threading.Event(), "released": threading.Event()}


def be_busy() -> str:
    BUSY["running"].set()
    BUSY["released"].wait(20)
    return "done"


@workflow("signals/beside a step")
def beside_a_step() -> Flow[Any]:
    return (yield from gather(step("busy", be_busy), wait("message")))


def kinds(verbs: Any, id: str) -> list[str]:
    return [entry.kind for entry in verbs.history(id)]


# Order ------------------------------------------------------------------------------------------


def test_a_signal_that_came_before_its_wait_is_not_lost(scheduler: Scheduler, client: Client, id: str) -> None:
    handle = scheduler.start(take_late, 0.1, id=id)
    client.signal(id, "message", "early")
    assert handle.result() == "early"


def test_signals_are_taken_in_the_order_in_which_they_were_sent(scheduler: Scheduler, client: Client) -> None:
    handle = scheduler.start(take, 20)
    for number in range(20):
        (client if number % 2 else scheduler).signal(handle.id, "message", number)
    assert handle.result() == list(range(20))


def test_of_many_who_send_at_once_every_signal_is_taken_once(scheduler: Scheduler, client: Client) -> None:
    handle = scheduler.start(take, 40)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: client.signal(handle.id, "message", number), range(40)))
    assert sorted(handle.result()) == list(range(40))


def test_one_message_id_arrives_once_whatever_it_carries(scheduler: Scheduler, client: Client) -> None:
    handle = scheduler.start(take, 2)
    answers = [client.signal(handle.id, "message", number, id="same") for number in range(3)]
    assert answers == [True, False, False]
    client.signal(handle.id, "message", "last", id="other")
    assert handle.result() == [0, "last"]


def test_names_are_kept_apart(scheduler: Scheduler) -> None:
    handle = scheduler.start(two_names)
    for name, payload in (("b", 1), ("a", 2), ("a", 3)):
        handle.signal(name, payload)
    assert handle.result() == (2, 1, 3)


# Payloads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [None, False, 0, "", [], {"a": [1]}, (1, 2), Decision("Ann")])
def test_a_payload_arrives_as_it_was_sent(scheduler: Scheduler, payload: Any) -> None:
    handle = scheduler.start(take, 1)
    handle.signal("message", payload)
    (taken,) = handle.result()
    assert (type(taken), taken) == (type(payload), payload)


def test_no_payload_is_none_and_no_timeout(scheduler: Scheduler) -> None:
    handle = scheduler.start(in_time, 20, True)
    handle.signal("message")
    assert handle.result() == (None, "nothing is left")


@pytest.mark.parametrize(
    ("payload", "result"),
    [
        ({"by": "Ann", "ok": False}, Decision("Ann", False)),
        ({"bye": "Ann"}, "signal 'decision'.*bye"),
        (3, "signal 'decision'.*int"),
    ],
)
def test_a_wait_with_a_type_builds_or_refuses(scheduler: Scheduler, payload: Any, result: Any) -> None:
    handle = scheduler.start(decision)
    handle.signal("decision", payload)
    if isinstance(result, Decision):
        assert handle.result() == result
    else:
        assert re.search(result, handle.result())


# Deadlines --------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [0, 0.05, 1.05])
def test_without_a_signal_in_time_the_default_is_answered_or_it_is_an_error(
    scheduler: Scheduler, timeout: float
) -> None:
    with_default, without = (scheduler.start(in_time, timeout, has) for has in (True, False))
    assert with_default.result() == ("nobody came", "nothing is left")
    with pytest.raises(WaitTimeout, match="no signal 'message' came within"):
        without.result()
    begun, timed_out = (with_default.history()[n].at for n in (1, 2))
    assert timed_out - begun >= timedelta(seconds=timeout)


def test_a_signal_that_was_sent_in_time_counts_even_if_nobody_ran_until_the_deadline_had_passed(
    new_scheduler: Callable[..., Scheduler],
) -> None:
    with new_scheduler() as first:
        handle = first.start(in_time, 1.1, True)
        eventually(lambda: handle.status() == Status.SUSPENDED)
    with Client(first._named) as client:
        client.signal(handle.id, "message", "in time")
    with opened(str(first._named)) as connection:
        connection.execute("SELECT pg_sleep(1.15)")
    with new_scheduler() as second:
        assert second.result(handle.id) == ("in time", "nothing is left")


def test_of_a_signal_and_a_timeout_at_one_moment_one_counts_and_no_signal_is_lost(
    scheduler: Scheduler, client: Client
) -> None:
    handles = [scheduler.start(in_time_or_not, 0.05) for _ in range(30)]
    for number, handle in enumerate(handles):
        client.signal(handle.id, "message", number)
    for number, handle in enumerate(handles):
        first, second = handle.result()
        assert (first, second) in ((number, "nothing is left"), ("nobody came", number))


# Waking -----------------------------------------------------------------------------------------


def test_a_suspended_execution_is_woken_from_another_process(scheduler: Scheduler, database: str, id: str) -> None:
    handle = scheduler.start(take, 1, id=id)
    eventually(lambda: handle.status() == Status.SUSPENDED)
    code = """
import sys
from interpreter import Client
with Client(sys.argv[1]) as client:
    client.signal(sys.argv[2], "message", 7)
"""
    subprocess.run([sys.executable, "-c", code, database, id], check=True, cwd=PROJECT)
    assert handle.result(20) == [7]


def test_a_signal_reaches_an_execution_while_a_step_of_it_runs_and_does_not_start_the_step_again(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    BUSY["running"].clear()
    BUSY["released"].clear()
    handle = scheduler.start(beside_a_step, id=id)
    assert BUSY["running"].wait(20)
    client.signal(id, "message", "hello")
    eventually(lambda: "signal" in kinds(client, id))
    BUSY["released"].set()
    assert handle.result() == ("done", "hello")
    assert kinds(client, id) == ["started", "begun", "signal", "step", "completed"]


def test_a_message_of_which_no_hint_came_is_found_all_the_same(scheduler: Scheduler, database: str, id: str) -> None:
    BUSY["running"].clear()
    BUSY["released"].clear()
    busy, idle = scheduler.start(beside_a_step, id=id), scheduler.start(take, 1, id=f"{id}-idle")
    assert BUSY["running"].wait(20)
    eventually(lambda: idle.status() == Status.SUSPENDED)
    with opened(database) as connection:  # as a client sends, but without its NOTIFY
        for execution_id in (id, idle.id):
            assert sent(connection, execution_id, "signal:silent", name="message")[0]
    eventually(lambda: "signal" in kinds(scheduler, id))
    assert idle.result(20) == [1]
    BUSY["released"].set()
    assert busy.result() == ("done", 1)
