"""The HTTP layer over loopback sockets: each fault, and what is made of it."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any

import pytest

from dataflows.connectors.connection import PATIENCE, Connection
from dataflows.connectors.credentials import Secret, SecretHeader
from dataflows.connectors.gate import Gate
from dataflows.connectors.request import Request
from dataflows.connectors.verdicts import Service
from dataflows.errors import OutcomeUnknown, PermanentError, RateLimited, RetryAfter, TransientError
from dataflows.retry import Retry
from examples.services import LocalClickUp
from examples.services.clickup import INBOX

TASKS = f"/api/v2/list/{INBOX}/task"
FETCH = Request("GET", TASKS)
CREATE = Request("POST", TASKS, content={"name": "Checkout total is wrong"})
LOOKED_FOR = Request("POST", TASKS, content={"name": "Checkout total is wrong"}, is_guarded=True)
HARMLESS = Request("POST", TASKS, content={"name": "Checkout total is wrong"}, is_idempotent=True)


@dataclass
class StillTime:
    """A clock that moves only when somebody pauses."""

    now: float = 1000.0
    pauses: list[float] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def still_time() -> StillTime:
    return StillTime()


def connect(service: LocalClickUp, time: StillTime, url: str | None = None, **options: Any) -> Connection:
    return Connection(
        Service("Plain"),
        url or service.url,
        {},
        [SecretHeader("Authorization", Secret(service.token))],
        pause=time.pause,
        gate=Gate(lambda: time.now),
        **options,
    )


@pytest.fixture
def connection(clickup_service: LocalClickUp, still_time: StillTime) -> Connection:
    return connect(clickup_service, still_time)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return int(unused.getsockname()[1])


def test_an_answer_is_the_json_of_its_body(connection: Connection) -> None:
    assert connection.send(FETCH) == {"tasks": [], "last_page": True}


@pytest.mark.parametrize("request_", [FETCH, CREATE])
def test_where_nobody_listens_the_request_was_not_sent_and_is_repeated(
    clickup_service: LocalClickUp, still_time: StillTime, request_: Request
) -> None:
    connection = connect(clickup_service, still_time, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(TransientError, match="ConnectError") as caught:
        connection.send(request_)
    assert not caught.value.outcome_unknown
    assert len(still_time.pauses) == 2


@pytest.mark.parametrize("kind", ["drop", "drop-answer", "truncate"])
def test_a_creation_whose_answer_was_lost_is_sent_once_and_reported_as_unknown(
    clickup_service: LocalClickUp, connection: Connection, kind: str
) -> None:
    clickup_service.faults.add(kind)  # type: ignore[arg-type]  # each is a kind of fault
    with pytest.raises(OutcomeUnknown, match="look at the service whether it was.* idempotency key"):
        connection.send(CREATE)
    assert [seen.method for seen in clickup_service.requests] == ["POST"]
    assert len(clickup_service.tasks) == (0 if kind == "drop" else 1)


@pytest.mark.parametrize("kind", ["drop", "drop-answer", "truncate"])
def test_a_creation_that_is_looked_for_first_may_be_tried_again_by_its_step_but_not_by_itself(
    clickup_service: LocalClickUp, connection: Connection, kind: str
) -> None:
    clickup_service.faults.add(kind)  # type: ignore[arg-type]  # each is a kind of fault
    with pytest.raises(TransientError) as caught:
        connection.send(LOOKED_FOR)
    assert caught.value.outcome_unknown
    assert [seen.method for seen in clickup_service.requests] == ["POST"]


@pytest.mark.parametrize("kind", ["drop", "drop-answer", "truncate"])
def test_a_fetch_whose_answer_was_lost_leaves_nothing_unknown(
    clickup_service: LocalClickUp, connection: Connection, kind: str
) -> None:
    clickup_service.faults.add(kind)  # type: ignore[arg-type]  # each is a kind of fault
    with pytest.raises(TransientError) as caught:
        connection.send(FETCH)
    assert not caught.value.outcome_unknown


def test_an_answer_that_is_silent_for_too_long_is_given_up(
    clickup_service: LocalClickUp, still_time: StillTime
) -> None:
    clickup_service.faults.add("delay", seconds=1.0)
    with pytest.raises(OutcomeUnknown, match="ReadTimeout"):
        connect(clickup_service, still_time, timeout="200ms").send(CREATE)


def test_a_short_limit_is_waited_out_here_also_by_what_creates(
    clickup_service: LocalClickUp, connection: Connection, still_time: StillTime
) -> None:
    clickup_service.faults.add("status", status=429, headers={"Retry-After": "2.0"})
    assert connection.send(CREATE)["name"] == "Checkout total is wrong"
    assert still_time.pauses == [2.0]
    assert len(clickup_service.tasks) == 1


def test_a_long_limit_is_left_to_the_engine(
    clickup_service: LocalClickUp, connection: Connection, still_time: StillTime
) -> None:
    clickup_service.faults.add("status", status=429, headers={"Retry-After": "120"})
    with pytest.raises(RateLimited) as caught:
        connection.send(FETCH)
    assert isinstance(caught.value.when, float)
    assert 120 <= caught.value.when <= 121
    assert still_time.pauses == []


def test_short_waits_add_up_to_no_more_than_the_patience_of_one_request(
    clickup_service: LocalClickUp, connection: Connection, still_time: StillTime
) -> None:
    clickup_service.faults.add("status", times=9, status=429, headers={"Retry-After": "3"})
    with pytest.raises(RateLimited):
        connection.send(FETCH)
    assert sum(still_time.pauses) <= PATIENCE
    assert len(clickup_service.requests) == 2


def test_a_limit_holds_back_the_next_request_without_asking_the_service_again(
    clickup_service: LocalClickUp, connection: Connection, still_time: StillTime
) -> None:
    clickup_service.faults.add("status", status=429, headers={"Retry-After": "120"})
    for _ in range(2):
        with pytest.raises(RateLimited):
            connection.send(FETCH)
    assert len(clickup_service.requests) == 1
    still_time.now += 120
    assert connection.send(FETCH)["tasks"] == []


def test_a_success_that_asks_for_rest_delays_the_next_request(
    clickup_service: LocalClickUp, connection: Connection, still_time: StillTime
) -> None:
    clickup_service.faults.add("status", status=200, headers={"Retry-After": "3"}, body={"tasks": []})
    connection.send(FETCH)
    assert still_time.pauses == []
    connection.send(FETCH)
    assert still_time.pauses == [3.0]


def test_a_success_that_asks_for_a_long_rest_leaves_the_next_request_to_the_engine(
    clickup_service: LocalClickUp, connection: Connection
) -> None:
    clickup_service.faults.add("status", status=200, headers={"Retry-After": "30"}, body={"tasks": []})
    connection.send(FETCH)
    with pytest.raises(RateLimited):
        connection.send(FETCH)
    assert len(clickup_service.requests) == 1


def test_a_fetch_from_a_service_that_is_down_for_a_moment_is_repeated_when_told_so(
    clickup_service: LocalClickUp, connection: Connection, still_time: StillTime
) -> None:
    clickup_service.faults.add("status", status=503, headers={"Retry-After": "1"})
    assert connection.send(FETCH)["tasks"] == []
    assert still_time.pauses == [1.0]


def test_a_creation_is_not_repeated_although_the_service_says_when(
    clickup_service: LocalClickUp, connection: Connection, still_time: StillTime
) -> None:
    for request, kind in ((CREATE, OutcomeUnknown), (LOOKED_FOR, RetryAfter)):
        clickup_service.faults.add("status", status=503, headers={"Retry-After": "1"})
        with pytest.raises(kind):
            connection.send(request)
    assert len(clickup_service.requests) == 2
    assert still_time.pauses == []


def test_a_post_that_may_be_sent_twice_is_repeated_like_a_fetch(
    clickup_service: LocalClickUp, connection: Connection, still_time: StillTime
) -> None:
    clickup_service.faults.add("status", status=503, headers={"Retry-After": "1"})
    assert connection.send(HARMLESS)["name"] == "Checkout total is wrong"
    assert still_time.pauses == [1.0]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_creation_is_never_sent_again_after_a_failure(
    clickup_service: LocalClickUp, connection: Connection, status: int
) -> None:
    clickup_service.faults.add("status", status=status)
    with pytest.raises(OutcomeUnknown) as caught:
        connection.send(CREATE)
    assert caught.value.status == status
    assert not Retry().is_worth_another(caught.value, 1)
    assert len(clickup_service.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
@pytest.mark.parametrize(("request_", "unknown"), [(FETCH, False), (LOOKED_FOR, True)])
def test_a_failure_without_a_time_is_left_to_the_engine_at_once(
    clickup_service: LocalClickUp, connection: Connection, status: int, request_: Request, unknown: bool
) -> None:
    clickup_service.faults.add("status", status=status)
    with pytest.raises(TransientError) as caught:
        connection.send(request_)
    assert (caught.value.status, caught.value.outcome_unknown) == (status, unknown)
    assert len(clickup_service.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_so_the_token_reaches_no_other_host(
    clickup_service: LocalClickUp, connection: Connection, status: int
) -> None:
    with LocalClickUp() as elsewhere:
        clickup_service.faults.add("status", status=status, headers={"Location": f"{elsewhere.url}{TASKS}"})
        with pytest.raises(PermanentError, match="redirect") as caught:
            connection.send(FETCH)
        assert elsewhere.requests == []
    assert caught.value.status == status


def test_a_success_that_is_not_json_is_a_failure(clickup_service: LocalClickUp, connection: Connection) -> None:
    for request, kind in ((CREATE, OutcomeUnknown), (FETCH, TransientError)):
        clickup_service.faults.add("status", status=200, body="<html>Down for a moment</html>")
        with pytest.raises(kind, match=r"text/html\) is not whole JSON"):
            connection.send(request)


def test_a_success_that_is_no_object_is_a_failure_where_an_object_is_asked_for(
    clickup_service: LocalClickUp, connection: Connection
) -> None:
    clickup_service.faults.add("status", status=200, body=["not", "an", "object"])
    with pytest.raises(TransientError, match="no JSON object, but list"):
        connection.ask(FETCH)


def test_an_answer_larger_than_anybody_should_send_is_given_up(
    clickup_service: LocalClickUp, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataflows.connectors.exchange.LARGEST_ANSWER", 1000)
    clickup_service.faults.add("status", status=200, body={"tasks": ["x" * 1000]})
    with pytest.raises(TransientError, match="larger than"):
        connection.send(FETCH)


@pytest.mark.parametrize("content", [{"total": float("nan")}, {"at": object()}, "\ud800"])
def test_what_is_no_json_is_not_sent(clickup_service: LocalClickUp, connection: Connection, content: Any) -> None:
    with pytest.raises(PermanentError, match="was not sent"):
        connection.send(Request("POST", TASKS, content=content))
    assert clickup_service.requests == []


def test_a_redirect_is_told_without_its_query_which_may_let_its_holder_in(
    clickup_service: LocalClickUp, connection: Connection
) -> None:
    clickup_service.faults.add("status", status=302, headers={"Location": "https://ada:pw@other.example/a?sig=hunter2"})
    with pytest.raises(PermanentError, match="https://other.example/a,") as caught:
        connection.send(FETCH)
    assert "hunter2" not in str(caught.value)


def test_cookies_of_one_answer_are_not_sent_with_the_next_request(
    clickup_service: LocalClickUp, connection: Connection
) -> None:
    clickup_service.faults.add("status", status=500, headers={"Set-Cookie": "session=stranger"})
    with pytest.raises(TransientError):
        connection.send(FETCH)
    connection.send(FETCH)
    assert all("cookie" not in seen.headers for seen in clickup_service.requests)


def test_a_status_worth_a_second_look_is_looked_at_three_times(
    clickup_service: LocalClickUp, connection: Connection
) -> None:
    clickup_service.faults.add("status", times=3, status=404)
    with pytest.raises(PermanentError):
        connection.send(Request("GET", TASKS, look_again={404}))
    assert len(clickup_service.requests) == 3


def test_a_status_worth_a_second_look_may_be_another_by_then(
    clickup_service: LocalClickUp, connection: Connection
) -> None:
    clickup_service.faults.add("status", status=404)
    assert connection.send(Request("GET", TASKS, look_again={404}))["tasks"] == []


@pytest.mark.parametrize("url", ["ftp://host", "host/path", "https://user:hunter2@host", "https://host/?a=1", ""])
def test_an_address_that_cannot_be_a_base_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        Connection(Service("Plain"), url, {})
    assert "hunter2" not in str(caught.value)
