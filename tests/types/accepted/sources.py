"""Every source is a ``Source``, every trigger a ``Trigger``, and what is received is told apart from an answer."""

from __future__ import annotations

from datetime import datetime
from typing import assert_type

from dataflows import Event, Flow, Schedule, Trigger, Workflow, cron, every, on, sleep, workflow
from dataflows.connectors import azure_devops as azure
from dataflows.connectors import clickup, github, shopify, slack, stripe
from dataflows.connectors.answers import Answer
from dataflows.connectors.sources import (
    AzureDevOpsSource,
    Basic,
    Bearer,
    ClickUpSource,
    CloudEventsSource,
    Delivery,
    GenericSource,
    GitHubSource,
    HeaderToken,
    Received,
    ShopifySource,
    SignedBody,
    SlackSource,
    Source,
    StandardWebhooksSource,
    StripeSource,
    receive,
)
from interpreter import Client, Handle, Scheduler

SOURCES: list[Source] = [
    AzureDevOpsSource(Basic("hook", "secret", "previous")),
    AzureDevOpsSource(HeaderToken("X-Hook-Token", "secret")),
    ClickUpSource("secret"),
    CloudEventsSource(Bearer("secret"), origins=["eventgrid.azure.net"]),
    GenericSource("shop", SignedBody("X-Signature", b"secret", encoding="base64")),
    GitHubSource("secret", None),
    ShopifySource("secret", shops=["acme.myshopify.com"]),
    SlackSource(),
    StandardWebhooksSource("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", name="billing"),
    StripeSource("whsec_test"),
]

TRIGGERS: list[Trigger] = [
    azure.work_item_created(project="Shop"),
    clickup.task_created(list="162641062"),
    github.issue_opened(repository="acme/web"),
    on("order.paid", where=lambda event: event.subject is not None),
    shopify.order_paid(shop="acme.myshopify.com"),
    slack.command_used("/deploy"),
    stripe.payment_succeeded(),
]


@workflow("nightly", trigger=cron("0 3 * * *", tz="Europe/Berlin"))
def nightly(event: Event) -> Flow[None]:
    yield from sleep("a while", "1s")


@workflow("often", trigger=every("15m", catch_up="none"))
def often(event: Event) -> Flow[None]:
    yield from sleep("a while", "1s")


@workflow("whenever", trigger=[azure.work_item_created("Shop"), on("order.paid"), every("1d")])
def whenever(event: Event, note: str = "") -> Flow[str]:
    yield from sleep("a while", "1s")
    return event.type + note


@workflow("urgent", trigger=azure.work_item_created(project="Shop").when(lambda event: "urgent" in str(event.data)))
def urgent(event: Event) -> Flow[str]:
    seen = yield from whenever(event)
    assert_type(seen, str)
    return (yield from whenever(event, "again"))


def received(source: Source, delivery: Delivery, moment: datetime) -> None:
    found = receive(source, delivery)
    if isinstance(found, Received):
        assert_type(found.events, tuple[Event, ...])
    else:
        assert_type(found, Answer)
    assert_type(every("1h").next_after(moment), datetime)
    starts_with_an_event: Workflow[[Event], None] = nightly
    assert_type(starts_with_an_event.triggers, tuple[Trigger | Schedule, ...])


def started(client: Client, scheduler: Scheduler, event: Event) -> None:
    assert_type(client.start(urgent, event, id=event.id), Handle[str])
    assert_type(scheduler.start(often, event), Handle[None])
