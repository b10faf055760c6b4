"""Questions to somebody outside, over HTTP: looked at any number of times, answered once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal

from interpreter import Client
from interpreter.service import create_app
from tests.databases import opened
from tests.service.calling import Api, problem
from tests.service.questions import BROWSER, FORM, PROGRAM, Page, ask
from tests.store.desk import one
from tests.waiting import eventually

UNKNOWN = [
    "0" * 40,
    "ABCDEF0123" * 4,
    "a" * 39,
    "a" * 41,
    "a%2F..%2Fb",
    "'; DROP TABLE",
    "%F0%9F%92%A5",
]


@pytest.fixture
def other(portal: BlockingPortal, database: str) -> Iterator[Api]:
    """Another server on the same database."""
    with portal.wrap_async_context_manager(Client(database)) as client:
        yield Api(portal, create_app(client))


def signals(database: str, id: str) -> int:
    with opened(database) as connection:
        return int(one(connection, "SELECT count(*) FROM dataflows.inbox WHERE execution_id = %s", id))


# Looking, and answering -------------------------------------------------------------------------


def test_whoever_looks_is_shown_the_question_and_answers_nothing(api: Api, database: str) -> None:
    id, path = ask(api, title="May we buy a chair?", text="It costs 100 €.\nThe old one is broken.")
    for _ in range(3):
        page = Page(api.get(path, headers=BROWSER))
        assert page.buttons == ["approve", "reject"]
        assert "May we buy a chair?It costs 100 €.\nThe old one is broken." in page.text
        assert "desk/question asks" in page.text
        assert api.request("HEAD", f"{path}?utm_source=mail", headers=BROWSER).status_code == 200
    looked = api.get(path, headers=PROGRAM).json()
    assert (looked["state"], looked["choices"], looked["answer"]) == ("open", ["approve", "reject"], None)
    assert (looked["workflow"], looked["name"], looked["expires_at"]) == ("desk/question", "approval", None)
    assert signals(database, id) == 0


def test_the_form_of_the_page_answers_it_and_shows_the_answer(api: Api) -> None:
    id, path = ask(api)
    answered = api.request("POST", path, content="comment=a+good%0D%0A%3Cb%3E+one&choice=approve", headers=FORM)
    assert (answered.status_code, answered.headers["location"]) == (303, path.rpartition("/")[2])
    assert api.result(id)["result"] == {"choice": "approve", "comment": "a good\n<b> one"}
    page = Page(api.get(path, headers=BROWSER))
    assert page.buttons == [] and "Answered: Approve" in page.text and "a good\n<b> one" in page.text


def test_a_program_answers_it_in_json(api: Api) -> None:
    id, path = ask(api)
    answered = api.post(path, {"choice": "reject"})
    assert answered.status_code == 200 and answered.json()["state"] == "answered"
    assert answered.json()["answer"] == {"choice": "reject", "comment": ""}
    assert api.result(id)["result"] == {"choice": "reject", "comment": ""}


@pytest.mark.parametrize("payload", [{"paid": 12.5}, {"choice": 7}, [1, None], "text", 0, False, None])
def test_without_choices_any_json_answers_it(api: Api, payload: Any) -> None:
    id, path = ask(api, choices=[])
    page = Page(api.get(path, headers=BROWSER))
    assert page.buttons == [] and "A program answers this" in page.text
    sent = api.request("POST", path, **({} if payload is None else {"json": payload}))
    assert sent.status_code == 200
    assert api.result(id)["result"] == payload
    assert "Answered" in Page(api.get(path, headers=BROWSER)).text


@pytest.mark.parametrize(
    ("accept", "sent", "is_page"),
    [
        ("text/html", "application/json", True),
        ("application/json, text/html;q=0.1", "application/x-www-form-urlencoded", True),
        ("application/json", "application/x-www-form-urlencoded", False),
        ("application/problem+json", "application/json", False),
        ("*/*", "application/json", False),
        ("*/*", "application/x-www-form-urlencoded", True),
        ("*/*", None, True),
        ("application/json", None, False),
    ],
)
def test_who_asks_for_a_page_or_sends_a_form_is_answered_with_a_page(
    api: Api, accept: str, sent: str | None, is_page: bool
) -> None:
    headers = {"Accept": accept, **({} if sent is None else {"Content-Type": sent})}
    refused = api.request("GET" if sent is None else "POST", f"/callbacks/{UNKNOWN[0]}", headers=headers)
    kind = "text/html; charset=utf-8" if is_page else "application/problem+json"
    assert (refused.status_code, refused.headers["content-type"]) == (404, kind)


# Once -------------------------------------------------------------------------------------------


def test_the_second_answer_is_told_what_the_first_was_and_changes_nothing(api: Api, other: Api, database: str) -> None:
    id, path = ask(api)
    assert api.post(path, {"choice": "approve", "comment": "first"}).status_code == 200
    again = other.request("POST", path, content="choice=reject&comment=second", headers=FORM)
    page = Page(again)
    assert again.status_code == 409 and page.buttons == []
    assert "It was answered before; the first answer counts.Answered: Approvefirst" in page.text
    assert problem(other.post(path, {"choice": "reject"})) == (409, "answered")
    assert problem(other.post(path, {"nonsense": 1})) == (409, "answered")
    assert api.result(id)["result"] == {"choice": "approve", "comment": "first"}
    assert problem(api.post(path, {"choice": "approve"})) == (409, "answered"), "also when it has ended since"
    assert signals(database, id) == 1


def test_of_many_who_answer_at_the_same_moment_on_two_servers_one_does(api: Api, other: Api, database: str) -> None:
    for _ in range(5):
        id, path = ask(api)
        with ThreadPoolExecutor(8) as threads:
            answers = list(
                threads.map(
                    lambda number: (api, other)[number % 2].post(path, {"choice": "approve", "comment": str(number)}),  # noqa: B023
                    range(8),
                )
            )
        [first] = [number for number, each in enumerate(answers) if each.status_code == 200]
        assert sorted(each.status_code for each in answers) == [200, *[409] * 7]
        assert api.result(id)["result"] == {"choice": "approve", "comment": str(first)}
        assert signals(database, id) == 1


# What is no answer ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"choice": "maybe"},
        {"choice": ["approve"]},
        {"choice": None},
        {"comment": "approve"},
        {"choice": "approve", "comment": 7},
        {"choice": "approve", "comment": "x" * 10_001},
        {"choice": "approve", "by": "Ada"},
        ["approve"],
        "approve",
    ],
)
def test_what_is_no_answer_in_json_is_refused_and_the_question_stays_open(api: Api, document: Any) -> None:
    _, path = ask(api)
    assert problem(api.post(path, document)) == (422, "invalid")
    assert api.get(path, headers=PROGRAM).json()["state"] == "open"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("", 422),
        ("choice=maybe", 422),
        ("comment=approve", 422),
        ("choice=approve&by=Ada", 422),
        (f"choice=approve&comment={'x' * 10_001}", 422),
        ("choice=approve&choice=reject", 400),
        ("choice=%FF", 400),
        ("choice=\u00e4", 400),
        ("&".join(f"a{number}=1" for number in range(20)), 400),
        (f"choice=approve&comment={'x' * 100_000}", 413),
    ],
)
def test_what_is_no_answer_in_a_form_is_refused_and_the_question_stays_open(
    api: Api, content: str, status: int
) -> None:
    _, path = ask(api)
    refused = api.request("POST", path, content=content.encode(), headers=FORM)
    assert refused.status_code == status and not Page(refused).buttons
    assert api.get(path, headers=PROGRAM).json()["state"] == "open"


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/xml"])
def test_a_body_of_another_kind_is_refused(api: Api, kind: str) -> None:
    _, path = ask(api)
    headers = {"Content-Type": kind}
    assert problem(api.request("POST", path, content="choice=approve", headers=headers)) == (
        415,
        "unsupported-media-type",
    )


def test_a_form_is_no_answer_where_there_are_no_choices(api: Api) -> None:
    _, path = ask(api, choices=[])
    assert api.request("POST", path, content="choice=approve", headers=FORM).status_code == 415


# What cannot be answered (any more) -------------------------------------------------------------


@pytest.mark.parametrize("token", UNKNOWN)
def test_of_what_nobody_was_given_nothing_is_told(api: Api, token: str) -> None:
    path = f"/callbacks/{token}"
    answers = [api.get(path, headers=PROGRAM), api.post(path, {"choice": "approve"}, headers=PROGRAM)]
    for answered in answers:
        assert problem(answered) == (404, "not-found") and token not in answered.text
    assert len({answered.text for answered in answers}) == 1
    page = api.get(path, headers=BROWSER)
    assert page.status_code == 404 and Page(page).text.strip().startswith("Nothing is asked here")


def gone(api: Api, path: str) -> None:
    """Whoever looks, and whoever answers, is told that it is too late."""
    assert problem(api.get(path, headers=PROGRAM)) == (410, "gone")
    assert problem(api.post(path, {"choice": "approve"})) == (410, "gone")
    for refused in (api.get(path, headers=BROWSER), api.request("POST", path, content="choice=approve", headers=FORM)):
        assert refused.status_code == 410 and "takes no answer any more" in Page(refused).text


def test_what_asked_has_ended(api: Api) -> None:
    id, path = ask(api)
    assert api.post(f"/api/executions/{id}/cancel").status_code == 202
    eventually(lambda: api.get(f"/api/executions/{id}").json()["status"] == "cancelled")
    gone(api, path)
    assert api.request("DELETE", f"/api/executions/{id}").status_code == 204
    assert problem(api.get(path, headers=PROGRAM)) == (404, "not-found")
    assert problem(api.post(path, {"choice": "approve"})) == (404, "not-found")


def test_the_time_for_an_answer_is_over(api: Api, database: str) -> None:
    id, path = ask(api, valid_for=0.001)
    eventually(lambda: api.get(path, headers=PROGRAM).status_code == 410)
    gone(api, path)
    assert signals(database, id) == 0
    _, path = ask(api, valid_for=3_600)
    assert "open until 20" in Page(api.get(path, headers=BROWSER)).text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_it_is_neither_answered_nor_looked_at_by_other_methods(api: Api, method: str) -> None:
    _, path = ask(api)
    assert problem(api.request(method, path)) == (405, "method-not-allowed")
