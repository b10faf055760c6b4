"""The verbs on executions: the same through a scheduler and a client, in plain code and in asyncio's."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from datetime import UTC
from typing import Any

import pytest

from dataflows import CannotStore, ExecutionBlocked, ExecutionCancelled, Flow, step, wait, workflow
from dataflows.errors import NotFound, ResultTimeout
from interpreter import Client, Execution, HistoryEntry, Scheduler, Status
from interpreter.client import AsyncHandle, AsyncVerbs, Handle, Verbs
from interpreter.machine import ENDED
from interpreter.operations import results
from tests.scheduler.doors import DOORS, Door, opened_door
from tests.waiting import eventually

VERBS = ["result", "status", "describe", "history", "signal", "cancel", "resume"]
VERBS += ["terminate", "pause", "retry", "fork"]


@workflow("verbs/ask")
def ask(question: str) -> Flow[Any]:
    answer = yield from wait("answer")
    return (yield from step("join", lambda: {question: answer}))


@workflow("verbs/fail")
def fail(what: str) -> Flow[None]:
    yield from wait("fail")
    raise KeyError(what)


@workflow("verbs/needs executor")
def needs_executor() -> Flow[int]:
    return (yield from step("far", len, "abc", on="nowhere"))


@pytest.fixture(scope="module", params=DOORS)
def door(request: pytest.FixtureRequest, database: str, scheduler: Scheduler) -> Iterator[Door]:
    """Beside it, a scheduler runs, so that something does."""
    with opened_door(request.param, database) as door:
        yield door


def test_an_execution_is_started_asked_and_answers(door: Door, id: str) -> None:
    handle = door.start(ask, "why", id=id)
    assert handle.id == id
    eventually(lambda: door.status(id) == Status.SUSPENDED)
    assert door.signal(id, "answer", "because") is True
    assert door.result(id) == {"why": "because"}
    assert door.status(id) == Status.COMPLETED


def test_run_is_start_and_result(door: Door, scheduler: Scheduler, id: str) -> None:
    scheduler.start(ask, "?", id=id)
    scheduler.signal(id, "answer", 42)
    assert door.run(ask, "?", id=id) == {"?": 42}


def test_a_handle_has_the_same_verbs_without_the_id(door: Door, id: str) -> None:
    handle = door.start(ask, "why", id=id)
    eventually(lambda: door.call(handle, "status")() == Status.SUSPENDED)
    assert door.call(handle, "describe")() == door.describe(id)
    assert door.call(handle, "signal")("answer", 1) is True
    assert door.call(handle, "result")(timeout=20) == {"why": 1}
    assert door.call(handle, "history")() == door.history(id)
    again = door.handle(id)
    assert door.call(again, "result")() == {"why": 1}
    assert repr(again) == f"<execution {id!r}>"


def test_what_is_said_of_an_execution(door: Door, id: str) -> None:
    door.start(ask, "why", id=id, tags={"a": "b"})
    eventually(lambda: door.status(id) == Status.SUSPENDED)
    said = door.describe(id)
    assert isinstance(said, Execution)
    assert (said.id, said.workflow, said.version, said.status) == (id, "verbs/ask", 1, Status.SUSPENDED)
    assert (said.ended_at, said.due_at, said.tags, said.problem) == (None, None, {"a": "b"}, None)
    door.signal(id, "answer", 1)
    door.result(id)
    said = door.describe(id)
    assert said.status == Status.COMPLETED
    assert said.ended_at > said.created_at


def test_the_history_is_the_journal_in_order(door: Door, id: str) -> None:
    door.start(ask, "why", id=id)
    eventually(lambda: door.status(id) == Status.SUSPENDED)
    door.signal(id, "answer", ["x"])
    door.result(id)
    history = door.history(id)
    assert all(isinstance(entry, HistoryEntry) for entry in history)
    assert [(entry.seq, entry.kind, entry.position, entry.name) for entry in history] == [
        (1, "started", None, None),
        (2, "begun", None, None),
        (3, "signal", None, "answer"),
        (4, "step", "1", "join"),
        (5, "completed", None, None),
    ]
    assert [entry.at for entry in history] == sorted(entry.at for entry in history)
    assert all(entry.at.utcoffset() == UTC.utcoffset(None) for entry in history)
    assert (history[2].text, history[3].ok, history[3].text) == ('["x"]', True, '{"why":["x"]}')


def test_executions_are_listed_newest_first_page_by_page(door: Door, id: str) -> None:
    ids = [f"{id}-{n}" for n in range(5)]
    for each in ids:
        door.start(fail, "x", id=each, tags={"page": id})
    everything = {"tags": {"page": id}}
    first = door.list(**everything, limit=2)
    second = door.list(**everything, limit=2, before=first[-1].id)
    third = door.list(**everything, limit=2, before=second[-1].id)
    assert [found.id for page in (first, second, third) for found in page] == ids[::-1]
    door.signal(ids[0], "fail")
    with pytest.raises(KeyError):
        door.result(ids[0])
    assert [found.id for found in door.list(**everything, status=Status.FAILED)] == [ids[0]]
    assert [found.id for found in door.list(**everything, status="failed", workflow="verbs/fail")] == [ids[0]]
    assert door.list(**everything, workflow="verbs/ask") == []
    with pytest.raises(ValueError, match="nonsense"):
        door.list(status="nonsense")


# Endings ----------------------------------------------------------------------------------------


def test_what_the_workflow_raised_is_raised_by_result(door: Door, id: str) -> None:
    door.start(fail, "missing", id=id)
    door.signal(id, "fail")
    with pytest.raises(KeyError) as caught:
        door.result(id)
    assert caught.value.args == ("missing",)
    assert door.status(id) == Status.FAILED


def test_a_cancelled_one_says_so_and_a_second_cancel_changes_nothing(door: Door, id: str) -> None:
    door.start(ask, "why", id=id)
    eventually(lambda: door.status(id) == Status.SUSPENDED)
    assert [door.cancel(id), door.cancel(id)] == [True, False]
    with pytest.raises(ExecutionCancelled, match=id):
        door.result(id)
    assert door.status(id) == Status.CANCELLED
    assert [entry.kind for entry in door.history(id)].count("cancel") == 1


def test_a_blocked_one_says_why_and_a_person_can_have_it_tried_again(door: Door, id: str) -> None:
    door.start(needs_executor, id=id)
    with pytest.raises(ExecutionBlocked, match="on='nowhere' names an executor that this scheduler was not given"):
        door.result(id)
    assert "nowhere" in door.describe(id).problem
    door.resume(id)
    with pytest.raises(ExecutionBlocked, match="nowhere"):
        door.result(id)


def test_a_result_that_does_not_come_in_time_is_no_end(door: Door, id: str) -> None:
    door.start(ask, "why", id=id)
    with pytest.raises(ResultTimeout, match="it goes on"):
        door.result(id, timeout=0.05)
    with pytest.raises(TimeoutError):
        door.result(id, 0)
    door.signal(id, "answer", None)
    assert door.result(id, timeout="20s") == {"why": None}


def test_who_stops_awaiting_a_result_takes_it_from_nobody_else(database: str, id: str) -> None:
    async def main() -> Any:
        async with Scheduler(database) as scheduler:
            handle = await scheduler.start(ask, "why", id=id)
            patient = asyncio.create_task(handle.result())
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(handle.result(), 0.1)
            await handle.signal("answer", 1)
            return await patient, await handle.result(), await scheduler.result(id)

    assert asyncio.run(main()) == ({"why": 1},) * 3


def test_who_awaits_a_result_for_long_leaves_nothing_more_behind_at_each_look(
    database: str, monkeypatch: pytest.MonkeyPatch, id: str
) -> None:
    monkeypatch.setattr(results, "_LOOK", 0.01)
    monkeypatch.setattr(results, "_LONGEST_LOOK", 0.01)

    async def main() -> int:
        async with Scheduler(database) as verbs:
            handle = await verbs.start(ask, "?", id=id)
            watch = verbs._host.watch(id)
            with pytest.raises(ResultTimeout):
                await handle.result("300ms")
            return len(watch._callbacks)

    assert asyncio.run(main()) == 0


def test_no_database_named_is_the_one_in_the_environment(
    database: str, scheduler: Scheduler, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFLOWS_DATABASE_URL", database)
    scheduler.start(ask, "why", id=id)
    with Client() as client:
        assert client.describe(id).workflow == "verbs/ask"


# Who is not there -------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_nobody_is_found_under_an_unknown_id(door: Door, verb: str) -> None:
    arguments = ["answer"] if verb == "signal" else []
    with pytest.raises(NotFound, match="'nobody' does not exist"):
        getattr(door, verb)("nobody", *arguments)


@pytest.mark.parametrize(
    ("signalled", "ending"), [("answer", "completed"), ("fail", "failed"), (None, "been cancelled")]
)
def test_who_has_ended_takes_no_message_and_says_how_it_ended(
    door: Door, id: str, signalled: str | None, ending: str
) -> None:
    door.start(fail if signalled == "fail" else ask, "why", id=id)
    door.signal(id, signalled) if signalled else door.cancel(id)
    eventually(lambda: door.status(id) in ENDED)
    with pytest.raises(NotFound, match=f"{id}' has {ending}"):
        door.signal(id, "answer")
    if signalled:
        with pytest.raises(NotFound, match=f"{id}' has {ending}"):
            door.cancel(id)
    else:
        assert door.cancel(id) is False, "it is what was asked for before"


def test_to_resume_what_is_neither_paused_nor_blocked_changes_nothing(door: Door, id: str) -> None:
    door.start(ask, "why", id=id)
    eventually(lambda: door.status(id) == Status.SUSPENDED)
    before = door.describe(id)
    assert door.resume(id) is False
    assert door.describe(id) == before


def test_a_payload_that_cannot_be_stored_is_refused_where_it_is_sent(door: Door, id: str) -> None:
    door.start(ask, "why", id=id)
    with pytest.raises(CannotStore, match="the payload of signal 'answer'"):
        door.signal(id, "answer", lambda: 1)
    with pytest.raises(ValueError, match="a signal's name"):
        door.signal(id, "")


# One body ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [*VERBS, "start", "run", "list", "handle"])
def test_a_verb_reads_the_same_everywhere(verb: str) -> None:
    plain, awaited = getattr(Verbs, verb), getattr(AsyncVerbs, verb)
    assert plain.__doc__ and plain.__doc__ == awaited.__doc__
    if verb in VERBS:
        assert getattr(Handle, verb).__doc__ == getattr(AsyncHandle, verb).__doc__ == plain.__doc__
    if inspect.isfunction(plain):
        given = list(inspect.signature(plain).parameters)
        assert given == list(inspect.signature(awaited).parameters)
