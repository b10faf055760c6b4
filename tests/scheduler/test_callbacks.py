"""Callbacks on a real database: opened with their entries, answered once, and the execution's while it lives."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from dataflows import (
    Answer,
    ExecutionBlocked,
    Flow,
    NotFound,
    Retry,
    callback,
    continue_as_new,
    gather,
    publish,
    step,
    wait,
    workflow,
)
from interpreter import Client, Scheduler, Status
from interpreter.operations import CallbackState, answer_callback, look_at_callback
from interpreter.requests import Query
from interpreter.verbs import BlockingPool, verb
from tests.databases import opened
from tests.scheduler.doors import DOORS, opened_door
from tests.store.desk import one
from tests.waiting import eventually

PUBLIC = "https://flows.example"
MENDED: set[str] = set()


def mail(url: str, id: str) -> str:
    if id.startswith("failing") and id not in MENDED:
        raise ConnectionError("no mail server")
    return url


@workflow("callbacks/ask", retry=Retry(attempts=1))
def ask(id: str = "", valid_for: str | None = None) -> Flow[list[str]]:
    url = yield from callback("approval", title="May we?", text="Please.", valid_for=valid_for)
    yield from publish("url", url)
    sent = yield from step("mail", mail, url, id)
    answer = yield from wait("approval", Answer)
    return [url, sent, answer.choice]


@workflow("callbacks/remind")
def remind(url: str | None = None, round: int = 1) -> Flow[list[Any]]:
    if url is None:
        url = yield from callback("approval")
    yield from publish("asked", [url, round])
    if (yield from wait("again", timeout="1h", default=False)) is True:
        return (yield from continue_as_new(url, round + 1))
    return [round, (yield from wait("approval"))]


@workflow("callbacks/vote")
def vote(voters: int) -> Flow[list[Any]]:
    urls = yield from gather(*(callback("vote", choices=()) for _ in range(voters)))
    yield from publish("urls", list(urls))
    votes = []
    for _ in urls:
        votes.append((yield from wait("vote")))
    return votes


class Answering(Client):
    """A client that answers as the service does."""

    look_at_callback = verb(look_at_callback)
    answer_callback = verb(answer_callback)


@pytest.fixture(scope="module")
def scheduler(database: str) -> Iterator[Scheduler]:
    with Scheduler(database, public_url=f"{PUBLIC}/") as scheduler:
        yield scheduler


@pytest.fixture
def client(database: str) -> Iterator[Answering]:
    with Answering(database) as client:
        yield client


def token_of(url: str) -> str:
    base, _, token = url.rpartition("/")
    assert base == f"{PUBLIC}/callbacks" and len(token) == 40
    return token


def url_of(client: Client | Scheduler, id: str) -> str:
    """Its URL, when it stands at the wait for its answer."""
    eventually(lambda: client.status(id) is Status.SUSPENDED and "step" in {one.kind for one in client.history(id)})
    return str(client.published(id, "url"))


def asked_in(client: Client, id: str, round: int) -> Any:
    """What it has published in that round; None: nothing yet."""
    with suppress(NotFound):
        asked = client.published(id, "asked")
        return asked if asked[1] == round else None


def approve(client: Answering, url: str) -> CallbackState:
    """Answer it for the first time; how it stands then."""
    is_new, found = client.answer_callback(token_of(url), {"choice": "approve"})
    assert is_new is (found.state is CallbackState.ANSWERED)
    return found.state


# Opening ----------------------------------------------------------------------------------------


def test_the_url_is_the_same_after_every_restart_and_one_answer_is_its_signal(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    with new_scheduler(public_url=PUBLIC) as scheduler:
        scheduler.start(ask, id=id)
        url = url_of(scheduler, id)
    with new_scheduler(public_url="https://moved.example") as scheduler, Answering(scheduler._database.url) as client:
        assert approve(client, url) is CallbackState.ANSWERED
        assert scheduler.handle(id).result(20) == [url, url, "approve"]


def test_each_of_many_has_a_url_of_its_own_and_each_answer_arrives(
    scheduler: Scheduler, client: Answering, id: str
) -> None:
    handle = scheduler.start(vote, 50, id=id)
    urls = eventually(lambda: handle.published("urls") if handle.status() is Status.SUSPENDED else None)
    assert len(set(urls)) == 50
    for number, url in enumerate(urls):
        assert client.answer_callback(token_of(url), number)[0]
    assert handle.result(20) == list(range(50))


def test_without_a_public_url_it_is_blocked_and_goes_on_where_there_is_one(
    new_scheduler: Callable[..., Scheduler], id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATAFLOWS_PUBLIC_URL", raising=False)
    with new_scheduler() as scheduler:
        handle = scheduler.start(ask, id=id)
        with pytest.raises(ExecutionBlocked, match=r"callback 'approval' at 0: .* DATAFLOWS_PUBLIC_URL=https://"):
            handle.result(20)
        assert handle.callbacks() == []
    monkeypatch.setenv("DATAFLOWS_PUBLIC_URL", PUBLIC)
    with new_scheduler() as scheduler:
        assert scheduler.resume(id)
        assert token_of(url_of(scheduler, id))


@pytest.mark.parametrize("url", ["flows.example", "https://", "https://flows.example/?a=b", "https://u@flows.example"])
def test_a_public_url_that_is_none_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="a public URL is written like"):
        Scheduler(public_url=url)
    monkeypatch.setenv("DATAFLOWS_PUBLIC_URL", url)
    with pytest.raises(ValueError, match="a public URL is written like"):
        Scheduler()


def test_what_is_searched_by_is_a_digest_and_the_url_is_shown_only_where_it_is_asked_for(
    scheduler: Scheduler, client: Answering, database: str, id: str
) -> None:
    scheduler.start(ask, id=id)
    url = url_of(client, id)
    with opened(database) as connection:
        digest = one(connection, "SELECT digest FROM dataflows.callbacks WHERE execution_id = %s", id)
        assert digest == hashlib.sha256(token_of(url).encode()).digest()
        assert one(connection, "SELECT count(*) FROM dataflows.callbacks c WHERE c::text LIKE %s", f"%{url}%") == 0
    [entry] = [entry for entry in client.history(id) if entry.kind == "callback"]
    assert (entry.position, entry.name, entry.text) == ("0", "approval", f'"{PUBLIC}/callbacks/…"')


@pytest.mark.parametrize("kind", DOORS)
def test_its_callbacks_are_listed_by_every_door(scheduler: Scheduler, database: str, id: str, kind: str) -> None:
    scheduler.start(ask, id=id)
    url = url_of(scheduler, id)
    with opened_door(kind, database) as door:
        [found] = door.callbacks(id)
        assert (found.name, found.title, found.text) == ("approval", "May we?", "Please.")
        assert (found.url, found.state, found.workflow, found.answer) == (url, "open", "callbacks/ask", None)
        assert door.call(door.verbs.handle(id), "callbacks")() == [found]
        with pytest.raises(NotFound, match="does not exist"):
            door.callbacks("nobody")


# Answering --------------------------------------------------------------------------------------


def test_an_answer_whose_commit_was_told_to_nobody_is_still_taken_for_the_first(
    scheduler: Scheduler, client: Answering, database: str, id: str
) -> None:
    handle = scheduler.start(ask, id=id)
    operation = answer_callback(token_of(url_of(client, id)), {"choice": "approve"})
    pool = BlockingPool(database)
    try:
        query = next(operation)
        assert isinstance(query, Query)
        pool.perform(only(query))  # its connection breaks before it is answered; it is sent once more
        assert pool.perform(only(query)) == []
        rows = pool.perform(only(operation.send([])))
        with pytest.raises(StopIteration) as stop:
            operation.send(rows)
    finally:
        pool.close()
    is_new, found = stop.value.value
    assert is_new and found.answer == {"choice": "approve"}
    assert handle.result(20)[-1] == "approve"
    with opened(database) as connection:
        assert one(connection, "SELECT count(*) FROM dataflows.inbox WHERE execution_id = %s", id) == 1


def only(query: Query) -> Any:
    return (yield query)


def test_an_answer_wakes_an_execution_that_a_person_has_paused_only_when_it_is_resumed(
    scheduler: Scheduler, client: Answering, id: str
) -> None:
    handle = scheduler.start(ask, id=id)
    url = url_of(client, id)
    assert handle.pause()
    assert approve(client, url) is CallbackState.ANSWERED
    assert handle.status() is Status.SUSPENDED
    assert handle.resume() and handle.result(20)[-1] == "approve"


def test_after_its_time_it_takes_no_answer(scheduler: Scheduler, client: Answering, id: str) -> None:
    handle = scheduler.start(ask, "", "1ms", id=id)
    url = url_of(client, id)
    eventually(lambda: client.look_at_callback(token_of(url)).state is CallbackState.EXPIRED)
    assert approve(client, url) is CallbackState.EXPIRED
    handle.signal("approval", {"choice": "reject"})
    assert handle.result(20)[-1] == "reject"
    assert approve(client, url) is CallbackState.ENDED


# As long as the execution lives -----------------------------------------------------------------


def test_it_stays_open_when_the_execution_begins_again(scheduler: Scheduler, client: Answering, id: str) -> None:
    handle = scheduler.start(remind, id=id)
    for round in (1, 2, 3, 4):
        asked = eventually(lambda: asked_in(client, id, round))  # noqa: B023
        if round < 4:
            handle.signal("again", True)
    assert approve(client, asked[0]) is CallbackState.ANSWERED
    handle.signal("again", False)
    assert handle.result(20) == [4, {"choice": "approve"}]
    [found] = client.callbacks(id)
    assert found.state is CallbackState.ANSWERED


def test_a_retry_keeps_its_url_and_opens_what_the_failure_has_closed(
    scheduler: Scheduler, client: Answering, id: str
) -> None:
    id = f"failing-{id}"
    handle = scheduler.start(ask, id, id=id)
    with pytest.raises(ConnectionError):
        handle.result(20)
    url = client.published(id, "url")
    assert approve(client, url) is CallbackState.ENDED
    MENDED.add(id)
    assert handle.retry()
    eventually(lambda: client.status(id) is Status.SUSPENDED)
    assert approve(client, url) is CallbackState.ANSWERED
    assert handle.result(20) == [url, url, "approve"]


def test_a_retry_from_before_it_asks_anew_and_an_answer_to_the_former_question_counts(
    scheduler: Scheduler, client: Answering, id: str
) -> None:
    id = f"failing-{id}"
    handle = scheduler.start(ask, id, id=id)
    with pytest.raises(ConnectionError):
        handle.result(20)
    MENDED.add(id)
    assert handle.retry("0")
    newer = url_of(client, id)
    first, second = client.callbacks(id)
    assert first.url == newer != second.url
    assert approve(client, str(second.url)) is CallbackState.ANSWERED
    assert handle.result(20) == [newer, newer, "approve"]


def test_a_fork_has_the_url_of_the_first_whose_answer_it_does_not_take(
    scheduler: Scheduler, client: Answering, id: str
) -> None:
    handle = scheduler.start(ask, id=id)
    url = url_of(client, id)
    fork = scheduler.handle(handle.fork("2"))
    assert url_of(client, fork.id) == url and fork.callbacks() == []
    assert approve(client, url) is CallbackState.ANSWERED
    assert handle.result(20)[-1] == "approve"
    fork.signal("approval", {"choice": "reject"})
    assert fork.result(20) == [url, url, "reject"]


@pytest.mark.parametrize("how", ["delete", "purge"])
def test_with_the_execution_it_is_gone(
    scheduler: Scheduler, client: Answering, database: str, id: str, how: str
) -> None:
    handle = scheduler.start(ask, id=id)
    url = url_of(client, id)
    handle.terminate()
    assert approve(client, url) is CallbackState.ENDED
    eventually(lambda: handle.delete() if how == "delete" else client.purge(older_than="0s"))
    with pytest.raises(NotFound, match="nothing is asked at this address"):
        client.look_at_callback(token_of(url))
    with pytest.raises(NotFound, match="nothing is asked at this address"):
        client.answer_callback(token_of(url), {"choice": "approve"})
    with opened(database) as connection:
        assert one(connection, "SELECT count(*) FROM dataflows.callbacks WHERE execution_id = %s", id) == 0


def test_answered_while_it_is_being_terminated_it_is_one_or_the_other(
    scheduler: Scheduler, client: Answering, database: str, id: str
) -> None:
    """The holder of the row decides: what comes second finds what the first has made of it."""
    handle = scheduler.start(ask, id=id)
    url = url_of(client, id)

    async def both() -> tuple[CallbackState, int]:
        return tuple(await asyncio.gather(asyncio.to_thread(approve, client, url), asyncio.to_thread(handle.terminate)))

    state, _ = asyncio.run(both())
    with opened(database) as connection:
        sent = one(connection, "SELECT count(*) FROM dataflows.inbox WHERE execution_id = %s", id)
    assert sent == (1 if state is CallbackState.ANSWERED else 0)
