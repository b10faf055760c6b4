"""Azure DevOps' service hooks, as the local service has them: whom it tells, how, and how often it tries."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dataflows.connectors.sources import AzureDevOpsSource, Basic, Delivery, Headers, Received, receive
from dataflows.errors import InvalidSignature
from examples.services import LocalAzureDevOps
from examples.services.hook_rules import PROBATION_WAITS, TRANSIENT_WAITS, tries
from examples.services.hooks import Disorder
from examples.services.serving import LoopbackServer
from examples.services.subscriptions import State, Subscription, basic_login
from tests.waiting import eventually

USER, PASSWORD = "hooks", "a-password"


class Receiver:
    """Somebody who is delivered to.

    :ivar statuses: what the next deliveries are answered; 202 when there is none left.
    :ivar received: what came, in order.
    """

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.received: list[Delivery] = []
        self._lock = threading.Lock()
        self._server = LoopbackServer(Starlette(routes=[Route("/hook", self._receive, methods=["POST"])]))
        self.url = f"{self._server.url}/hook"
        self.close = self._server.close

    async def _receive(self, request: Request) -> Response:
        body = await request.body()
        with self._lock:
            self.received.append(Delivery("POST", Headers(request.headers.raw), body, datetime.now(UTC)))
            return Response(status_code=self.statuses.pop(0) if self.statuses else 202)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def azure_service(receiver: Receiver) -> Iterator[LocalAzureDevOps]:
    """Closed before the receiver is, so that nothing is under way then."""
    with LocalAzureDevOps() as service:
        yield service


def followed(*statuses: int | None) -> tuple[list[float], bool | None, State]:
    """The waits before each try when the answers are these, whether it arrived (None: not yet), and what is then."""
    subscription = Subscription("http://localhost/hook", {})
    trying = tries(subscription)
    waits = [next(trying)]
    try:
        for status in statuses:
            waits.append(trying.send(status))
    except StopIteration as end:
        return waits, end.value, subscription.state
    return waits, None, subscription.state


# The rules --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 502, 503, 504, None])
def test_a_failure_that_may_pass_is_tried_again_eight_times_and_nothing_comes_of_it(
    status: int | None,
) -> None:
    assert followed(*[status] * 8, 202) == ([0.0, *TRANSIENT_WAITS], True, State.ENABLED)
    assert sum(TRANSIENT_WAITS) == 183


@pytest.mark.parametrize("status", [400, 401, 404, 413, 429, 500])
def test_any_other_error_puts_the_subscription_on_probation_and_a_success_restores_it(status: int) -> None:
    assert followed(status) == ([0.0, PROBATION_WAITS[0]], None, State.ON_PROBATION)
    assert followed(status, status, 202) == ([0.0, *PROBATION_WAITS[:2]], True, State.ENABLED)


def test_a_failure_that_does_not_pass_counts_as_one_that_lasts() -> None:
    assert followed(*[503] * 9) == ([0.0, *TRANSIENT_WAITS, PROBATION_WAITS[0]], None, State.ON_PROBATION)


def test_a_probation_that_brings_nothing_ends_the_subscription() -> None:
    assert followed(*[500] * 8) == ([0.0, *PROBATION_WAITS], False, State.DISABLED_BY_SYSTEM)
    assert len(PROBATION_WAITS) == 7


@pytest.mark.parametrize("before", [(), (503,), (500,), (500, 503)])
def test_410_ends_the_subscription_whatever_it_was(before: tuple[int, ...]) -> None:
    _, is_arrived, state = followed(*before, 410)
    assert (is_arrived, state) == (False, State.DISABLED_BY_SYSTEM)


# Over HTTP --------------------------------------------------------------------------------------


def test_a_delivery_proves_itself_by_the_basic_login_of_its_subscription(
    azure_service: LocalAzureDevOps, receiver: Receiver
) -> None:
    azure_service.hooks.subscribe(receiver.url, USER, PASSWORD)
    item = azure_service.create_item("Total is wrong")
    eventually(lambda: receiver.received)
    received = receive(AzureDevOpsSource(Basic(USER, PASSWORD)), receiver.received[0])
    assert isinstance(received, Received)
    [event] = received.events
    assert (event.type, event.subject) == ("com.azure.devops.workitem.created", f"workitem/{item.id}")
    with pytest.raises(InvalidSignature):
        receive(AzureDevOpsSource(Basic(USER, "another")), receiver.received[0])


def test_each_subscription_counts_its_notifications_and_all_are_told_the_same_event(
    azure_service: LocalAzureDevOps, receiver: Receiver
) -> None:
    one, other = (azure_service.hooks.subscribe(receiver.url, USER, PASSWORD) for _ in range(2))
    for title in ("first", "second"):
        azure_service.create_item(title)
    eventually(lambda: len(receiver.received) == 4)
    sent = [json.loads(each.body) for each in (*one.notifications, *other.notifications)]
    assert [each["notificationId"] for each in sent] == [1, 2, 1, 2]
    assert [each["id"] for each in sent[:2]] == [each["id"] for each in sent[2:]]
    assert [each["subscriptionId"] for each in sent] == [one.id, one.id, other.id, other.id]


def test_who_subscribed_to_a_project_or_a_type_is_told_of_those_items_only(
    azure_service: LocalAzureDevOps, receiver: Receiver
) -> None:
    of_shop = azure_service.hooks.subscribe(receiver.url, USER, PASSWORD, project="Shop")
    of_tasks = azure_service.hooks.subscribe(receiver.url, USER, PASSWORD, kind="Task")
    bug, task = azure_service.create_item("a"), azure_service.create_item("b", project="Blog", kind="Task")
    assert [each.item_id for each in of_shop.notifications] == [bug.id]
    assert [each.item_id for each in of_tasks.notifications] == [task.id]


def test_what_is_answered_503_comes_again_as_it_was_when_the_services_clock_says_so(
    azure_service: LocalAzureDevOps, receiver: Receiver
) -> None:
    receiver.statuses = [503, 503]
    azure_service.hooks.subscribe(receiver.url, USER, PASSWORD)
    azure_service.create_item("t")
    [notification] = azure_service.hooks.notifications
    for tried in (1, 2):
        eventually(lambda tried=tried: len(notification.answers) == tried)  # type: ignore[misc]
        azure_service.clock.advance(60)
    eventually(lambda: notification.is_settled)
    assert [answer.status for answer in notification.answers] == [503, 503, 202]
    assert {each.body for each in receiver.received} == {notification.body}


def test_what_happens_while_a_subscription_is_on_probation_is_lost(
    azure_service: LocalAzureDevOps, receiver: Receiver
) -> None:
    receiver.statuses = [500]
    subscription = azure_service.hooks.subscribe(receiver.url, USER, PASSWORD)
    azure_service.create_item("kept")
    eventually(lambda: subscription.state is State.ON_PROBATION)
    lost = azure_service.create_item("lost")
    azure_service.clock.advance(20 * 60)
    eventually(lambda: subscription.notifications[0].is_delivered)
    assert (subscription.state, subscription.lost) == (State.ENABLED, [lost.id])
    assert len(receiver.received) == 2


def test_where_nobody_listens_a_delivery_is_tried_again(azure_service: LocalAzureDevOps) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    azure_service.hooks.subscribe(f"http://127.0.0.1:{port}/hook", USER, PASSWORD)
    azure_service.create_item("t")
    [notification] = azure_service.hooks.notifications
    eventually(lambda: notification.answers)
    azure_service.clock.advance(1)
    eventually(lambda: len(notification.answers) >= 2)
    assert {answer.status for answer in notification.answers} == {None}


def test_deliveries_in_disorder_overtake_each_other_and_come_twice(receiver: Receiver) -> None:
    disorder = Disorder(late=0.2, twice=0.5, chance=random.Random(1))
    with LocalAzureDevOps(disorder=disorder) as service:
        service.hooks.subscribe(receiver.url, USER, PASSWORD)
        items = [service.create_item("t").id for _ in range(20)]
        eventually(lambda: all(each.is_settled for each in service.hooks.notifications))
    came = [json.loads(each.body)["resource"]["id"] for each in receiver.received]
    first_came = list(dict.fromkeys(came))
    assert sorted(first_came) == items != first_came
    assert len(came) > len(items)


# Subscribing over REST --------------------------------------------------------------------------


def test_a_subscription_is_made_over_rest_and_shown_without_its_password(
    azure_service: LocalAzureDevOps, receiver: Receiver
) -> None:
    login = {"basicAuthUsername": USER, "basicAuthPassword": PASSWORD, "httpHeaders": "X-Team:shop"}
    asked = {**Subscription.FIXED, "publisherInputs": {}, "consumerInputs": {"url": receiver.url, **login}}
    address = f"{azure_service.url}/_apis/hooks/subscriptions"
    with httpx2.Client(headers=basic_login("", azure_service.token), params={"api-version": "7.1"}) as client:
        made = client.post(address, json=asked).json()
        assert client.get(f"{address}/{made['id']}").json() == made
        assert client.post(address, json={**asked, "eventType": "git.push"}).status_code == 400
        assert client.get(f"{address}/none").status_code == 404
    assert (made["status"], made["consumerInputs"]["url"]) == ("enabled", receiver.url)
    assert PASSWORD not in json.dumps(made)
    azure_service.create_item("t")
    eventually(lambda: receiver.received)
    assert receiver.received[0].headers.only("x-team") == "shop"
