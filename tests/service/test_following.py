from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from anyio.from_thread import BlockingPortal

from interpreter import AsyncScheduler
from interpreter.service import create_app
from tests.service.calling import Api, events_of, fetch, problem, serving
from tests.service.conftest import QUICK
from tests.waiting import eventually


@contextmanager
def following(address: str, id: str, **headers: str) -> Iterator[Iterator[tuple[str, str | None, Any]]]:
    with httpx2.stream("GET", f"{address}/api/executions/{id}/events", headers=headers, timeout=20) as stream:
        assert stream.status_code == 200 and stream.headers["content-type"].startswith("text/event-stream")
        yield events_of(stream.iter_lines())


def entries(events: list[tuple[str, str | None, Any]]) -> list[tuple[str | None, str]]:
    return [(id, document["kind"]) for name, id, document in events if name == "entry"]


def test_an_execution_is_followed_to_its_end(address: str, api: Api) -> None:
    id = api.start("desk/approval")
    seen = []
    with following(address, id) as events:
        for name, event_id, document in events:
            seen.append((name, event_id, document))
            if name == "status" and document["status"] == "suspended":
                api.post(f"/api/executions/{id}/signals/approval", "granted")
    assert entries(seen) == [
        ("1.1", "started"), ("1.2", "begun"), ("1.3", "published"), ("1.4", "signal"), ("1.5", "completed")
    ]  # fmt: skip
    assert seen[-1][0] == "status" and seen[-1][2]["status"] == "completed"


def test_a_stream_is_taken_up_where_it_was_cut_and_there_is_nothing_after_its_end(address: str, api: Api) -> None:
    id = api.start("desk/many", 3)
    api.result(id)
    with following(address, id, **{"Last-Event-ID": "1.4"}) as events:
        assert entries(list(events)) == [("1.5", "step"), ("1.6", "completed")]
    over = fetch("GET", f"{address}/api/executions/{id}/events", headers={"Last-Event-ID": "1.6"})
    assert over.status_code == 204 and not over.content


def test_a_long_journal_is_sent_whole_and_only_then_the_status(address: str, api: Api) -> None:
    id = api.start("desk/many", 450)
    api.result(id)
    with following(address, id) as events:
        seen = list(events)
    assert [event_id for _, event_id, _ in seen] == [*(f"1.{seq}" for seq in range(1, 454)), None]


def test_a_retry_is_followed_into_the_next_generation(address: str, api: Api) -> None:
    id = api.start("desk/failing")
    api.result(id)
    api.post(f"/api/executions/{id}/retry")
    api.result(id)
    with following(address, id, **{"Last-Event-ID": "1.2"}) as events:
        kinds = entries(list(events))
    assert kinds[:2] == [("1.3", "step"), ("1.4", "failed")]
    assert kinds[2:4] == [("2.1", "started"), ("2.2", "begun")] and kinds[-1][1] == "failed"


def test_an_execution_that_is_deleted_is_followed_no_longer(address: str, api: Api) -> None:
    id = api.start("desk/approval")
    with following(address, id) as events:
        seen: list[Any] = []
        for event in events:
            seen.append(event)
            if event[0] == "status" and event[2]["status"] == "suspended" and not event[2]["paused"]:
                api.post(f"/api/executions/{id}/terminate")
                eventually(lambda: api.request("DELETE", f"/api/executions/{id}").status_code == 204)
    assert seen[-1][0] == "deleted" or seen[-1][2]["status"] == "cancelled"


@pytest.mark.parametrize("last", ["1", "x.1", "1.1.1", "-1.1", "1.99999999999", "", "1.1\x01"])
def test_an_event_id_that_was_never_sent_is_refused(api: Api, last: str) -> None:
    id = api.start("desk/add", 1)
    headers = {"Last-Event-ID": last.encode()}
    assert problem(api.get(f"/api/executions/{id}/events", headers=headers)) == (422, "invalid")  # type: ignore[arg-type]


def test_an_event_id_from_long_ago_costs_no_more_than_one_from_now(address: str, api: Api) -> None:
    id = api.start("desk/add", 1)
    api.result(id)
    with following(address, id, **{"Last-Event-ID": "0.999999999"}) as events:
        assert entries(list(events))[0] == ("1.1", "started")


def test_too_many_who_follow_or_wait_are_told_to_come_again(on_a_socket: Callable[..., Any], api: Api) -> None:
    id = api.start("desk/approval")
    with on_a_socket(limits=replace(QUICK, streams=1)) as address:
        with following(address, id) as events:
            next(events)
            for place in ("events", "result"):
                refused = fetch("GET", f"{address}/api/executions/{id}/{place}")
                assert problem(refused) == (503, "unavailable") and refused.headers["retry-after"]  # type: ignore[arg-type]
        eventually(lambda: fetch("GET", f"{address}/api/executions/{id}/result").status_code == 202)


def test_whoever_follows_or_waits_does_not_keep_the_server_from_stopping(
    api: Api, portal: BlockingPortal, scheduler: AsyncScheduler
) -> None:
    id, app = api.start("desk/approval"), create_app(scheduler, limits=QUICK)
    with ExitStack() as stack:
        with portal.wrap_async_context_manager(serving(app)) as address:
            events = stack.enter_context(following(address, id))
            waiting = portal.start_task_soon(_wait_for_result, address, id)
            next(events)
            eventually(lambda: app.state.service.waiting == 2)
        assert list(events)[-1][0] == "status"
        assert waiting.result(20) == 202


async def _wait_for_result(address: str, id: str) -> int:
    async with httpx2.AsyncClient(timeout=20) as client:
        return (await client.get(f"{address}/api/executions/{id}/result?wait=60")).status_code
