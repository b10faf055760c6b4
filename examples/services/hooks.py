"""ServiceHooks: the subscriptions of an organisation, and their deliveries over HTTP.

Owns when and how a delivery is sent, and the record of what was answered. Each is on a thread of its own, so that one
which waits holds up no other, and they arrive in whatever order.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

import httpx2

from examples.services.clock import ServiceClock
from examples.services.deliveries import Details, work_item_created
from examples.services.hook_rules import tries
from examples.services.subscriptions import HookAnswer, Notification, State, Subscription, basic_login
from examples.services.work_items import Organisation, WorkItem, guid_of

__all__ = ["Disorder", "ServiceHooks"]

TIMEOUT = 10.0
"""Seconds without an answer after which a try is given up; how many the real service takes, it does not say."""


@dataclass(slots=True)
class Disorder:
    """What deliveries have to put up with on their way, more often than usual.

    :ivar late: the service's seconds that one may take at most to get going, so that others overtake it.
    :ivar twice: the share of those that arrived and are sent again all the same, as if the answer had come too late.
    """

    late: float = 0.0
    twice: float = 0.0
    chance: random.Random = field(default_factory=random.Random)

    def delay(self) -> float:
        """The seconds before one is first sent."""
        return self.chance.uniform(0.0, self.late)

    def comes_again(self) -> bool:
        """Whether one that has arrived is sent again."""
        return self.chance.random() < self.twice


class ServiceHooks:
    """Delivers until it is closed.

    :param organisation: its name.
    :ivar subscriptions: by their ids.
    """

    def __init__(self, organisation: str, clock: ServiceClock, disorder: Disorder) -> None:
        self._organisation = organisation
        self.subscriptions: dict[str, Subscription] = {}
        self._clock = clock
        self._disorder = disorder
        self._is_closed = False
        self._threads: list[threading.Thread] = []
        # What is in the environment for calls to the world outside is nothing to a call on the loopback.
        self._client = httpx2.Client(timeout=TIMEOUT, trust_env=False, verify=False)

    @property
    def notifications(self) -> list[Notification]:
        """All that was sent or is being sent, in the order in which it happened."""
        return [each for subscription in list(self.subscriptions.values()) for each in list(subscription.notifications)]

    def add(self, subscription: Subscription) -> Subscription:
        """Deliver to it, from now on."""
        return self.subscriptions.setdefault(subscription.id, subscription)

    def subscribe(
        self, url: str, user: str, password: str, *, project: str = "", kind: str = "", details: Details = "all"
    ) -> Subscription:
        """Have the creation of work items delivered to a URL with a basic login, as a person would in a browser.

        :param project: only in this one, by its name.
        :param kind: only items of this type, like ``"Bug"``.
        :param details: how much of the item goes along.
        """
        inputs = {"projectId": guid_of(self._organisation, project) if project else "", "workItemType": kind}
        return self.add(Subscription(url, basic_login(user, password), inputs, details))

    def item_created(self, item: WorkItem, organisation: Organisation, event_id: str) -> None:
        """Tell all subscriptions that want to know of it."""
        for subscription in list(self.subscriptions.values()):
            if subscription.wants(item, organisation) and subscription.state is State.ENABLED:
                self._tell(subscription, item, organisation, event_id)
            elif subscription.wants(item, organisation):
                subscription.lost.append(item.id)

    def send_again(self, notification: Notification) -> None:
        """Send one that was sent once more, the same bytes, as if its answer had come too late."""
        [subscription] = (each for each in self.subscriptions.values() if notification in each.notifications)
        self._start(subscription, notification, 0.0)

    def close(self) -> None:
        """Send nothing more; what is being sent comes to its end."""
        self._is_closed = True
        self._clock.wake()
        for thread in self._threads:
            thread.join(TIMEOUT)
        self._client.close()

    def _tell(self, subscription: Subscription, item: WorkItem, organisation: Organisation, event_id: str) -> None:
        body = work_item_created(
            item,
            organisation,
            event_id,
            subscription=subscription.id,
            number=len(subscription.notifications) + 1,
            details=subscription.details,
            now=self._clock.now(),
        )
        notification = Notification(item.id, body)
        subscription.notifications.append(notification)
        self._start(subscription, notification, self._disorder.delay())

    def _start(self, subscription: Subscription, notification: Notification, delay: float) -> None:
        notification.is_settled = False
        thread = threading.Thread(target=self._deliver, args=[subscription, notification, delay], daemon=True)
        self._threads.append(thread)
        thread.start()

    def _deliver(self, subscription: Subscription, notification: Notification, delay: float) -> None:
        comes_again = True
        while comes_again and self._wait(delay, self._clock.timestamp()):
            arrived = self._try(subscription, notification)
            notification.is_delivered |= arrived
            comes_again, delay = arrived and self._disorder.comes_again(), self._disorder.delay()
        notification.is_settled = not self._is_closed

    def _try(self, subscription: Subscription, notification: Notification) -> bool:
        """Whether it arrives, at the first try or at one of those that the rules have follow."""
        trying = tries(subscription)
        wait, since = next(trying), self._clock.timestamp()
        try:
            while self._wait(wait, since):
                answer, since = self._post(subscription, notification), self._clock.timestamp()
                notification.answers.append(answer)
                wait = trying.send(answer.status)
        except StopIteration as end:
            return bool(end.value)
        return False

    def _wait(self, seconds: float, since: float) -> bool:
        return self._clock.wait_until(since + seconds, unless=lambda: self._is_closed)

    def _post(self, subscription: Subscription, notification: Notification) -> HookAnswer:
        headers = {"Content-Type": "application/json; charset=utf-8", **subscription.headers}
        try:
            answer = self._client.post(subscription.url, content=notification.body, headers=headers)
        except httpx2.TransportError:
            return HookAnswer(None)
        return HookAnswer(answer.status_code, answer.text)
