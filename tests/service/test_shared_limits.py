"""Limits across executions, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.databases import opened
from tests.service.calling import Api, problem

NAMES = [f"shared/{number}" for number in range(5)]


@pytest.fixture(scope="module", autouse=True)
def known(database: str) -> Iterator[None]:
    """Five limits, one of which a service holds."""
    with opened(database) as connection:
        connection.execute(
            "INSERT INTO dataflows.limits (name, rate, per, at_once) "
            "SELECT unnest(%s::text[]), 100, interval '1 minute', 5",
            [NAMES],
        )
        connection.execute(
            "UPDATE dataflows.limits SET held_until = now() + interval '1 day', rate = null, per = null "
            "WHERE name = 'shared/3'"
        )
        yield
        connection.execute("DELETE FROM dataflows.limits WHERE name = ANY (%s)", [NAMES])


def pages(api: Api, most: int) -> list[list[dict[str, Any]]]:
    found = [api.get(f"/api/limits?limit={most}").json()]
    while found[-1]["next"]:
        found.append(api.get(found[-1]["next"]).json())
    return [page["limits"] for page in found]


def test_each_is_told_with_what_it_allows_who_runs_and_who_waits(api: Api) -> None:
    found = {each["name"]: each for each in api.get("/api/limits").json()["limits"]}
    standing = {"running": 0, "waiting": 0, "begun": 0}
    assert found["shared/0"] == {
        **standing, "name": "shared/0", "rate": 100, "per": 60.0, "at_once": 5, "held_until": None
    }  # fmt: skip
    held = found["shared/3"]
    assert held["rate"] is None and held["per"] is None and held["held_until"].endswith("+00:00")


def test_they_are_walked_by_pages_in_the_order_of_their_names(api: Api) -> None:
    found = pages(api, 2)
    names = [each["name"] for page in found for each in page]
    assert {len(page) for page in found[:-1]} == {2} and names == sorted(names)
    assert [name for name in names if name in NAMES] == NAMES


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "cursor=x", "cursor=WzFd", "name=a", "cursor=WyJcdWQ4MDAiXQ"]
)
def test_a_query_that_cannot_be_is_refused(api: Api, query: str) -> None:
    assert problem(api.get(f"/api/limits?{query}")) == (422, "invalid")
