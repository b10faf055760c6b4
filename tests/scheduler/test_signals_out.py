"""Signals that workflows send: each arrives once, however often the sender is replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Cancelled, Flow, gather, signal, sleep, step, wait, workflow
from dataflows.errors import CannotStore, NotFound
from interpreter import Handle, Scheduler, Status
from tests.scheduler.family import LOCK, told
from tests.waiting import eventually


@workflow("signals out/takes")
def takes(number: int) -> Flow[list[Any]]:
    taken = []
    for _ in range(number):
        taken.append((yield from wait("message")))
    return taken


@workflow("signals out/sends")
def sends(to: str, number: int) -> Flow[str]:
    for index in range(number):
        yield from signal(to, "message", {"index": index})
    yield from sleep("rest", 0.05)
    return "sent"


@workflow("signals out/sends and waits")
def sends_and_waits(to: str) -> Flow[Any]:
    yield from signal(to, "message", "hello")
    return (yield from wait("answer"))


@workflow("signals out/to nobody")
def to_nobody(to: str) -> Flow[str]:
    try:
        yield from signal(to, "message")
    except NotFound as error:
        return str(error)
    return "it arrived"


@workflow("signals out/a lock")
def a_lock(to: str) -> Flow[None]:
    yield from signal(to, "message", LOCK)


@workflow("signals out/ping")
def ping(to: str, times: int) -> Flow[int]:
    for _ in range(times):
        yield from signal(to, "ping")
        yield from wait("pong")
    return times


@workflow("signals out/pong")
def pong(to: str, times: int) -> Flow[int]:
    for _ in range(times):
        yield from wait("ping")
        yield from signal(to, "pong")
    return times


@workflow("signals out/to itself")
def to_itself(id: str) -> Flow[Any]:
    yield from signal(id, "message", "mine")
    return (yield from wait("message"))


@workflow("signals out/many at once")
def many_at_once(to: str, number: int) -> Flow[int]:
    return len((yield from gather(*[signal(to, "message", index) for index in range(number)])))


@workflow("signals out/after cancel")
def after_cancel(to: str) -> Flow[None]:
    try:
        yield from wait("never")
    except Cancelled:
        yield from signal(to, "message", "I was cancelled")
        yield from step("log", str)
        raise


def suspended(handle: Handle[Any]) -> None:
    eventually(lambda: handle.status() is Status.SUSPENDED)


def test_signals_of_a_workflow_arrive_in_order_and_the_sender_goes_on(scheduler: Scheduler, id: str) -> None:
    taker = scheduler.start(takes, 3, id=id)
    sender = scheduler.start(sends, id, 3)
    assert taker.result("20s") == [{"index": index} for index in range(3)]
    assert sender.result("20s") == "sent"
    assert [entry.kind for entry in sender.history()] == [
        *("started", "begun", "sent", "sent", "sent", "sleep", "completed")
    ]


def test_a_replay_sends_nothing_again(new_scheduler: Callable[..., Scheduler], id: str) -> None:
    with new_scheduler(cached=0) as first:
        suspended(first.start(takes, 2, id=id))
        sender = first.start(sends_and_waits, id, id=f"{id}/sender")
        suspended(sender)
    with new_scheduler(cached=0) as second:
        second.signal(f"{id}/sender", "answer", "bye")
        assert second.result(f"{id}/sender", "20s") == "bye"
        second.signal(id, "message", "last")
        assert second.result(id, "20s") == ["hello", "last"]


def test_what_was_sent_and_not_journaled_is_sent_again_under_the_same_id(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    """Its scheduler has died between the two."""
    with new_scheduler(workflows=[takes]) as first:
        suspended(first.start(takes, 1, id=id))
        first.signal(id, "message", "hello", id=f"{id}/sender/1/0")
        assert first.result(id, "20s") == ["hello"]
    with new_scheduler() as second:
        sender = second.start(sends_and_waits, id, id=f"{id}/sender")
        suspended(sender)
        assert [entry.kind for entry in sender.history()] == ["started", "begun", "sent"]
        assert [entry.kind for entry in second.history(id)] == ["started", "begun", "signal", "completed"]


@pytest.mark.parametrize("ended", [False, True])
def test_a_signal_to_what_does_not_exist_or_has_ended_is_not_found_and_leaves_no_row(
    scheduler: Scheduler, database: str, id: str, ended: bool
) -> None:
    if ended:
        assert scheduler.run(takes, 0, id=id) == []
    says = scheduler.run(to_nobody, id)
    assert says == f"execution {id!r} " + ("has completed" if ended else "does not exist")
    assert told(database, "SELECT FROM dataflows.inbox WHERE execution_id = %s", id) == []


def test_a_payload_that_cannot_be_stored_arrives_at_the_yield(scheduler: Scheduler, id: str) -> None:
    scheduler.start(takes, 1, id=id)
    with pytest.raises(CannotStore, match="the payload of signal 'message'"):
        scheduler.run(a_lock, id)


def test_two_workflows_that_signal_each_other_in_turn_miss_nothing(scheduler: Scheduler, id: str) -> None:
    ponging = scheduler.start(pong, f"{id}/ping", 20, id=f"{id}/pong")
    assert scheduler.run(ping, ponging.id, 20, id=f"{id}/ping") == 20
    assert ponging.result("20s") == 20


def test_a_workflow_can_signal_itself(scheduler: Scheduler, id: str) -> None:
    assert scheduler.run(to_itself, id, id=id) == "mine"


def test_many_signals_at_once_arrive_once_each(scheduler: Scheduler, id: str) -> None:
    taker = scheduler.start(takes, 40, id=id)
    assert scheduler.run(many_at_once, id, 40) == 40
    assert sorted(taker.result("20s")) == list(range(40))


def test_a_signal_in_the_cleanup_of_a_cancelled_workflow_is_sent(scheduler: Scheduler, id: str) -> None:
    taker = scheduler.start(takes, 1, id=id)
    handle = scheduler.start(after_cancel, id)
    suspended(handle)
    handle.cancel()
    assert taker.result("20s") == ["I was cancelled"]
    assert eventually(lambda: handle.status() is Status.CANCELLED)


def test_the_id_of_a_message_is_never_too_long(scheduler: Scheduler, id: str) -> None:
    taker = scheduler.start(takes, 1, id=id)
    assert scheduler.run(sends, id, 1, id="s" * 200) == "sent"
    assert taker.result("20s") == [{"index": 0}]
