"""Deliveries over HTTP, for people: the list, one with its events, and having it routed again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dataflows.connectors.sources import identifier
from interpreter import AsyncScheduler
from interpreter.service.security import Token
from tests.databases import opened
from tests.service.calling import Api, problem, quoted
from tests.service.desks import HOSTILE, Grant
from tests.service.hooks import SOURCES, body_of, signed
from tests.waiting import eventually


@pytest.fixture(scope="module")
def api(new_api: Callable[..., Api]) -> Api:
    return new_api(sources=SOURCES)


def deliver(api: Api, id: str, **others: Any) -> str:
    """Answers the address of the delivery."""
    body = body_of(id, **others)
    accepted = api.post("/hooks/hook-shop", content=body, headers=signed(body) | {"Cookie": "a secret"})
    assert accepted.status_code == 202, accepted.text
    return f"/api/deliveries/hook-shop/{quoted(accepted.json()['delivery'])}"


def listed(api: Api, **wanted: Any) -> list[dict[str, Any]]:
    """All pages of two."""
    found, page = list[dict[str, Any]](), api.get("/api/deliveries", params={"limit": 2, **wanted}).json()
    while page["next"]:
        found += page["deliveries"]
        page = api.get(page["next"]).json()
    return found + page["deliveries"]


def test_one_is_shown_with_its_events_and_without_a_header_of_its_request(api: Api, id: str) -> None:
    address = deliver(api, id, total=3, what=HOSTILE)
    shown = eventually(lambda: found if (found := api.get(address)).json()["starts"] else None)
    document = shown.json()
    assert document["source"] == "hook-shop" and document["type"] == "order.created" and document["events"] == 1
    assert document["routed_at"] > document["received_at"] and document["conflicts"] == 0 and document["offered"] == []
    [one] = document["content"]
    assert one["key"] == f"hook-shop:{id}" and one["event"]["source"] == "/hook-shop" and document["text"] is None
    assert one["event"]["data"] == {"id": id, "type": "order.created", "total": 3, "what": HOSTILE}
    assert "a secret" not in shown.text and shown.text.isascii()


def test_the_list_is_walked_by_pages_newest_first_while_others_come_in(api: Api, id: str) -> None:
    for number in range(5):
        deliver(api, f"{id}-{number}", total=number)
    page = api.get("/api/deliveries", params={"limit": 2, "source": "hook-shop"}).json()
    deliver(api, f"{id}-late")
    following = api.get(page["next"]).json()
    found = [each["id"] for each in page["deliveries"] + following["deliveries"]]
    assert found == [f"hook-shop:{id}-{number}" for number in (4, 3, 2, 1)]
    times = [each["received_at"] for each in listed(api)]
    assert times == sorted(times, reverse=True) and len(set(times)) == len(times)
    assert listed(api, source="nobody") == []


def test_the_list_is_filtered_by_whether_something_was_started(api: Api, id: str) -> None:
    started, nothing = deliver(api, id, total=3), deliver(api, f"{id}-other", type="nobody's")
    eventually(lambda: api.get(started).json()["starts"] and api.get(nothing).json()["routed_at"])
    assert f"hook-shop:{id}" in [each["id"] for each in listed(api, started="true")]
    assert f"hook-shop:{id}-other" in [each["id"] for each in listed(api, started="false")]
    assert "content" not in listed(api)[0]


def test_it_is_routed_again_and_starts_what_it_started_only_anew(api: Api, id: str) -> None:
    address = deliver(api, id, total=3)
    before = eventually(lambda: found if (found := api.get(address).json())["starts"] else None)
    replayed = api.post(f"{address}/replay")
    assert replayed.status_code == 202
    assert replayed.json() == {"source": "hook-shop", "id": before["id"], "anew": False}
    eventually(lambda: (api.get(address).json()["routed_at"] or "") > before["routed_at"])
    eventually(lambda: api.get(address).json()["offered"] == [])
    assert api.get(address).json()["starts"] == 1
    assert api.post(f"{address}/replay", {"anew": True}).json()["anew"] is True
    eventually(lambda: api.get(address).json()["starts"] == 2)
    assert api.result(identifier("hooks/order", key=identifier("hook-shop", id)))["result"] == id


@pytest.mark.parametrize("way", ["", "/replay"])
def test_one_that_nobody_delivered_is_not_found(api: Api, way: str) -> None:
    for place in ("hook-shop/nobody", "nobody/nothing", "a%2Fb/..%2F..", "events/%27;DROP"):
        asked = api.post(f"/api/deliveries/{place}{way}") if way else api.get(f"/api/deliveries/{place}")
        assert problem(asked) == (404, "not-found")


@pytest.mark.parametrize(
    "query", ["started=maybe", "limit=0", "limit=501", "cursor=x", "cursor=", "cursor=WzEsMl0", "before=1", "source="]
)
def test_a_filter_that_cannot_be_is_refused(api: Api, query: str) -> None:
    assert problem(api.get(f"/api/deliveries?{query}")) == (422, "invalid")


@pytest.mark.parametrize("document", [{"anew": 1}, {"anew": "true"}, {"again": True}, []])
def test_a_replay_is_asked_for_as_described(api: Api, document: Any, id: str) -> None:
    assert problem(api.post(f"{deliver(api, id)}/replay", document)) == (422, "invalid")


def test_who_may_only_look_routes_nothing_again(new_api: Callable[..., Api], api: Api, id: str) -> None:
    address = deliver(api, id)
    guarded = new_api(tokens=[Token("who-may-only-look", read_only=True)])
    headers = {"Authorization": "Bearer who-may-only-look"}
    assert guarded.get(address, headers=headers).status_code == 200
    assert guarded.get("/api/deliveries", headers=headers).status_code == 200
    assert problem(guarded.post(f"{address}/replay", headers=headers)) == (403, "forbidden")
    assert problem(guarded.get(address)) == (401, "unauthorized")


def test_what_a_program_emitted_and_python_alone_can_read_is_told_by_its_size(
    api: Api, portal: Any, scheduler: AsyncScheduler, id: str
) -> None:
    portal.call(lambda: scheduler.emit("hooks.paid", Grant("Ada"), key=id))
    [emitted] = [each for each in listed(api, source="events") if each["subject"] == id]
    shown = api.get(f"/api/deliveries/events/{quoted(emitted['id'])}").json()
    assert shown["content"] is None and shown["text"].startswith("<dill, ")


def test_what_is_larger_than_anybody_reads_or_damaged_is_told_by_its_size(api: Api, database: str, id: str) -> None:
    large, damaged = deliver(api, id, fill="x" * 60_000, more="y" * 50_000), deliver(api, f"{id}-2")
    assert api.get(large).json()["content"] is None
    assert api.get(large).json()["text"].endswith("bytes>")
    with opened(database) as connection:
        shape = json.dumps([[1, 2, 3], {"$dataflows": "nothing"}]).encode()
        connection.execute("UPDATE dataflows.deliveries SET data = %s WHERE id = %s", [shape, f"hook-shop:{id}-2"])
    assert api.get(damaged).json()["content"] is None and "nothing" in api.get(damaged).json()["text"]
