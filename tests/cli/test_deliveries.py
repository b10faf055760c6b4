"""Deliveries by command: served, listed, shown, and routed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from typer.testing import Result

from interpreter import Client
from tests.cli.delivering import TOKEN
from tests.cli.running import WorkerProcess
from tests.cli.shop import HOSTILE
from tests.waiting import eventually

Answers = Callable[..., list[Any]]
Dataflows = Callable[..., Result]

DELIVERING = "tests.cli.delivering"


@pytest.fixture(scope="module")
def depot(database: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server of the module, with its source; gives where that delivers."""
    folder = tmp_path_factory.mktemp("depot")
    served = WorkerProcess(DELIVERING, "--port", "0", "--database", database, folder=folder, command="serve")
    served.wait_until_serving()
    yield f"{served.address}/hooks/depot"
    served.end()


def deliver(depot: str, id: str, **others: Any) -> httpx2.Response:
    body = {"id": id, "type": "arrived", **others}
    return httpx2.post(depot, json=body, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)


def test_the_sources_of_a_served_module_deliver_and_what_they_deliver_is_run(
    depot: str, client: Client, answers: Answers, id: str
) -> None:
    assert deliver(depot, id).status_code == 202
    assert httpx2.post(depot, json={}, timeout=20).status_code == 401
    eventually(lambda: client.describe_delivery("depot", f"depot:{id}").starts)
    assert client.result(f"unload:depot:{id}", "20s") == id
    [found] = [each for each in answers("deliveries", "list", "--source", "depot", "--started") if id in each["id"]]
    assert (found["type"], found["starts"], found["conflicts"]) == ("arrived", 1, 0)


def test_a_delivery_is_shown_with_its_events_and_nothing_in_it_reaches_the_terminal(
    depot: str, dataflows: Dataflows, answers: Answers, id: str
) -> None:
    deliver(depot, id, what=HOSTILE)
    shown = dataflows("deliveries", "show", "depot", f"depot:{id}").stdout
    assert "arrived" in shown and "[bold]x[/bold]" in shown
    assert "\x1b" not in shown and "\x9b" not in shown
    [document] = answers("deliveries", "show", "depot", f"depot:{id}")
    [(key, event)] = document["content"]
    assert key == f"depot:{id}" and event["data"]["what"] == HOSTILE
    assert f"depot:{id}" in dataflows("deliveries", "list").stdout


def test_a_delivery_is_routed_again(
    depot: str, client: Client, dataflows: Dataflows, answers: Answers, id: str
) -> None:
    deliver(depot, id)
    eventually(lambda: client.describe_delivery("depot", f"depot:{id}").starts == 1)
    assert "is routed again" in dataflows("deliveries", "replay", "depot", f"depot:{id}").stdout
    [answered] = answers("deliveries", "replay", "depot", f"depot:{id}", "--anew")
    assert answered == {"source": "depot", "delivery": f"depot:{id}", "anew": True}
    eventually(lambda: client.describe_delivery("depot", f"depot:{id}").starts == 2)


@pytest.mark.parametrize("command", ["show", "replay"])
def test_a_delivery_that_does_not_exist_is_told(dataflows: Dataflows, command: str) -> None:
    missing = dataflows("deliveries", command, "depot", "nothing")
    assert missing.exit_code == 3 and "has no delivery 'nothing'" in missing.stderr


def test_where_there_are_none_that_is_said(dataflows: Dataflows) -> None:
    assert dataflows("deliveries", "list", "--source", "nobody").stdout == "no deliveries\n"


@pytest.mark.parametrize(
    ("modules", "why"),
    [
        ([DELIVERING, "tests.cli.delivering_too"], "two modules have a source at /hooks/depot"),
        (["tests.cli.delivering_wrong"], "'depot' is none"),
    ],
)
def test_sources_that_cannot_be_are_wrong_usage(dataflows: Dataflows, modules: list[str], why: str) -> None:
    refused = dataflows("serve", *modules, "--port", "0")
    assert refused.exit_code == 2 and why in " ".join(refused.stderr.replace("│", "").split())
