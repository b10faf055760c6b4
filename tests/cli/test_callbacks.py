"""``dataflows callbacks``, and the questions that ``dataflows serve`` asks."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from psycopg import Connection
from typer.testing import Result

from interpreter import Client
from tests.cli.running import WorkerProcess
from tests.cli.shop import ask, echo
from tests.databases import opened
from tests.store.desk import one
from tests.waiting import eventually

Answers = Callable[..., list[Any]]
Dataflows = Callable[..., Result]
StartWorker = Callable[..., WorkerProcess]
SHOP = "tests.cli.shop"

HOLD_ANSWERS = """
CREATE FUNCTION hold_answers() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER hold_answers AFTER INSERT ON dataflows.inbox DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hold_answers()
"""
"""Each commit of a message waits for whoever holds this lock."""


@contextmanager
def held_commits(database: str) -> Iterator[Connection[Any]]:
    with opened(database) as connection:
        connection.execute(HOLD_ANSWERS)
        connection.execute("SELECT pg_advisory_lock(7)")
        try:
            yield connection
        finally:
            connection.execute("DROP FUNCTION hold_answers CASCADE")


def is_committing(connection: Connection[Any]) -> bool:
    """Whether an answer stands before the end of its commit."""
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted"
    return one(connection, waiting) == 1


def test_a_server_that_is_killed_between_commit_and_answer_has_taken_the_answer_once(
    start_worker: StartWorker, client: Client, database: str, id: str
) -> None:
    first, second = (start_worker(SHOP, "--port", "0", "--public-url", "http://x", command="serve") for _ in range(2))
    client.start(ask, "May we?", id=id)
    [asked] = eventually(lambda: client.callbacks(id))
    path = str(asked.url).removeprefix("http://x")
    with held_commits(database) as connection, ThreadPoolExecutor() as threads:
        answer = {"choice": "approve"}
        lost = threads.submit(httpx2.post, f"{first.address}{path}", json=answer, headers={"Host": "x"}, timeout=20)
        eventually(lambda: is_committing(connection))
        first.send(signal.SIGKILL)
        with pytest.raises(httpx2.TransportError):
            lost.result(20)
        connection.execute("SELECT pg_advisory_unlock(7)")
        again = httpx2.post(f"{second.address}{path}", json=answer, headers={"Host": "x"}, timeout=20)
    assert (again.status_code, again.json()["type"]) == (409, "urn:dataflows:problem:answered")
    assert client.result(id, 20) == {"choice": "approve", "comment": ""}
    with opened(database) as connection:
        assert one(connection, "SELECT count(*) FROM dataflows.inbox WHERE execution_id = %s", id) == 1


def test_on_this_machine_alone_questions_are_asked_at_its_own_address_and_no_token_is_logged(
    start_worker: StartWorker, client: Client, id: str
) -> None:
    served = start_worker(SHOP, "--port", "0", "--verbose", command="serve")
    client.start(ask, "May we?", id=id)
    [asked] = eventually(lambda: client.callbacks(id))
    assert str(asked.url).startswith(f"{served.address}/callbacks/")
    page = httpx2.get(str(asked.url), headers={"Accept": "text/html"}, timeout=20)
    assert page.status_code == 200 and "May we?" in page.text
    form = {"choice": "reject", "comment": ""}
    origin = {"Origin": served.address, "Accept": "text/html"}
    answered = httpx2.post(str(asked.url), data=form, headers=origin, follow_redirects=True, timeout=20)
    assert answered.status_code == 200 and "Answered" in answered.text
    assert client.result(id, 20)["choice"] == "reject"
    assert f"callbacks are answered at {served.address}/callbacks/…" in served.log
    assert "'POST' '/callbacks/\\u2026': 303" in served.log
    assert not re.search("[0-9a-f]{40}", served.log)


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_a_public_url_that_cannot_be_is_refused(dataflows: Dataflows, command: str) -> None:
    refused = dataflows(command, SHOP, "--public-url", "flows.example")
    assert refused.exit_code == 2 and "a public URL is written like" in " ".join(refused.stderr.split())


def test_whoever_has_the_database_is_shown_the_url_to_send_it_again(
    dataflows: Dataflows, answers: Answers, start_worker: StartWorker, client: Client, id: str
) -> None:
    start_worker(SHOP, environment={"DATAFLOWS_PUBLIC_URL": "https://flows.example/"})
    client.start(ask, "\x1b[31mMay we?", id=id)
    [asked] = eventually(lambda: answers("callbacks", id))
    assert asked["state"] == "open" and asked["url"].startswith("https://flows.example/callbacks/")
    listed = dataflows("callbacks", id)
    assert asked["url"] in listed.stdout and "\x1b" not in listed.stdout
    shown = dataflows("show", id)
    assert "https://flows.example/callbacks/…" in shown.stdout and asked["url"] not in shown.stdout
    client.cancel(id)
    eventually(lambda: answers("callbacks", id)[0]["state"] == "ended")
    assert asked["url"] not in dataflows("callbacks", id).stdout
    assert "does not exist" in dataflows("callbacks", "nobody").stderr


def test_one_that_has_asked_nothing(dataflows: Dataflows, client: Client, id: str) -> None:
    client.start(echo, 1, id=id)
    assert "has opened no callback" in dataflows("callbacks", id).output
