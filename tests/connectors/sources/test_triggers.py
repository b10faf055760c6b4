"""Which events the triggers of each service want."""

from __future__ import annotations

from typing import Any

import pytest

from dataflows.connectors import (
    azure_devops,
    clickup,
    cloudevents,
    generic,
    github,
    shopify,
    slack,
    standard_webhooks,
    stripe,
)
from dataflows.events import Event, Trigger
from tests.connectors.sources.examples import ISSUE_OPENED, MESSAGE, PAYMENT, SHOP, TASK_CREATED

AZURE = "com.azure.devops."
UPDATED = {
    "resource": {
        "fields": {"System.State": {"oldValue": "New", "newValue": "Active"}},
        "revision": {"fields": {"System.TeamProject": "Shop"}},
    }
}
PUSHED = {
    "resource": {
        "refUpdates": [{"name": "refs/heads/next"}, {"name": "refs/heads/main"}],
        "repository": {"id": "r1", "name": "web", "project": {"name": "Shop"}},
    }
}
SENT = {"ref": "refs/heads/main", "repository": ISSUE_OPENED["repository"]}
DONE = {"history_items": [{"after": {"status": "done"}}]}


def event(type: str, data: Any, source: str = "/test") -> Event:
    return Event("1", source, type, data)


WANTED = [
    (azure_devops.work_item_updated("shop", changed="System.State"), event(f"{AZURE}workitem.updated", UPDATED)),
    (azure_devops.work_item_updated(), event(f"{AZURE}workitem.updated", {})),
    (azure_devops.work_item_commented(), event(f"{AZURE}workitem.commented", {})),
    (azure_devops.work_item_deleted(), event(f"{AZURE}workitem.deleted", {})),
    (azure_devops.code_pushed("Shop", repository="web", branch="main"), event(f"{AZURE}git.push", PUSHED)),
    (azure_devops.pull_request_created(repository="r1"), event(f"{AZURE}git.pullrequest.created", PUSHED)),
    (
        azure_devops.build_completed(definition="nightly"),
        event(f"{AZURE}build.complete", {"resource": {"definition": {"name": "Nightly"}}}),
    ),
    (clickup.task_created(list=162641062), event("com.clickup.taskCreated", TASK_CREATED)),
    (clickup.task_created(list="162641062"), event("com.clickup.taskCreated", TASK_CREATED)),
    (clickup.task_status_changed(to="Done"), event("com.clickup.taskStatusUpdated", DONE)),
    (clickup.task_updated(), event("com.clickup.taskUpdated", {})),
    (clickup.task_commented(), event("com.clickup.taskCommentPosted", {})),
    (clickup.task_deleted(), event("com.clickup.taskDeleted", {})),
    (clickup.list_created(), event("com.clickup.listCreated", {})),
    (shopify.order_created(shop=SHOP.upper()), event("com.shopify.orders.create", {}, f"https://{SHOP}")),
    (shopify.order_paid(), event("com.shopify.orders.paid", {})),
    (shopify.order_updated(), event("com.shopify.orders.updated", {})),
    (shopify.order_cancelled(), event("com.shopify.orders.cancelled", {})),
    (shopify.order_fulfilled(), event("com.shopify.orders.fulfilled", {})),
    (shopify.product_created(), event("com.shopify.products.create", {})),
    (shopify.product_updated(), event("com.shopify.products.update", {})),
    (shopify.app_uninstalled(), event("com.shopify.app.uninstalled", {})),
    (github.issue_opened("Acme/Web"), event("com.github.issues.opened", ISSUE_OPENED)),
    (github.issue_commented(), event("com.github.issue_comment.created", {})),
    (github.pull_request_opened(), event("com.github.pull_request.opened", {})),
    (github.release_published(), event("com.github.release.published", {})),
    (github.happened("issues", "opened"), event("com.github.issues.opened", {})),
    (github.pushed("acme/web", branch="main"), event("com.github.push", SENT)),
    (stripe.payment_succeeded(live=True), event("com.stripe.payment_intent.succeeded", PAYMENT)),
    (stripe.payment_failed(), event("com.stripe.payment_intent.payment_failed", {})),
    (stripe.invoice_paid(), event("com.stripe.invoice.paid", {})),
    (stripe.checkout_completed(), event("com.stripe.checkout.session.completed", {})),
    (slack.message_posted("C1"), event("com.slack.event.message", MESSAGE)),
    (slack.app_mentioned(), event("com.slack.event.app_mention", {})),
    (
        slack.happened("reaction_added", channel="C1"),
        event("com.slack.event.reaction_added", {"event": {"item": {"channel": "C1"}}}),
    ),
    (slack.command_used("/deploy"), event("com.slack.command", {"command": "/deploy"})),
    (slack.interacted("block_actions"), event("com.slack.interaction.block_actions", {})),
    (standard_webhooks.received("order.paid"), event("order.paid", {})),
    (cloudevents.received("order.paid", source="/shop"), event("order.paid", {}, "/shop")),
    (generic.received("shop", "order.paid"), event("order.paid", {})),
    (generic.received("shop"), event("shop", {})),
]

UNWANTED = [
    (azure_devops.work_item_updated(changed="System.Title"), event(f"{AZURE}workitem.updated", UPDATED)),
    (azure_devops.work_item_updated("Blog"), event(f"{AZURE}workitem.updated", UPDATED)),
    (azure_devops.code_pushed(branch="Main"), event(f"{AZURE}git.push", PUSHED)),
    (azure_devops.code_pushed(repository="api"), event(f"{AZURE}git.push", PUSHED)),
    (clickup.task_created(list=7), event("com.clickup.taskCreated", TASK_CREATED)),
    (clickup.task_status_changed(to="open"), event("com.clickup.taskStatusUpdated", DONE)),
    (shopify.order_created("other.myshopify.com"), event("com.shopify.orders.create", {}, f"https://{SHOP}")),
    (github.issue_opened("acme/api"), event("com.github.issues.opened", ISSUE_OPENED)),
    (github.pushed(branch="next"), event("com.github.push", SENT)),
    (github.pushed(branch="main"), event("com.github.push", {"ref": "refs/tags/main"})),
    (stripe.payment_succeeded(live=False), event("com.stripe.payment_intent.succeeded", PAYMENT)),
    (slack.message_posted("C2"), event("com.slack.event.message", MESSAGE)),
    (slack.message_posted(), event("com.slack.event.message", {"event": {"subtype": "message_changed"}})),
    (slack.command_used("/other"), event("com.slack.command", {"command": "/deploy"})),
    (cloudevents.received("order.paid", source="/shop"), event("order.paid", {}, "/blog")),
    (cloudevents.received("order.paid", source="/shop"), event("order.paid", {}, "/shop/x")),
]


@pytest.mark.parametrize(("trigger", "given"), WANTED)
def test_a_trigger_wants_what_its_name_says(trigger: Trigger, given: Event) -> None:
    assert trigger.matches(given)


@pytest.mark.parametrize(("trigger", "given"), WANTED)
def test_no_trigger_wants_an_event_of_another_type(trigger: Trigger, given: Event) -> None:
    assert not trigger.matches(event(f"{given.type}.other", given.data, given.source))


@pytest.mark.parametrize(("trigger", "given"), UNWANTED)
def test_a_filter_leaves_out_what_it_does_not_name(trigger: Trigger, given: Event) -> None:
    assert given.type == trigger.type
    assert not trigger.matches(given)


def test_triggers_that_want_the_same_are_equal() -> None:
    assert github.pushed("acme/web", branch="main") == github.pushed("acme/web", branch="main")
    assert github.pushed("acme/web", branch="main") != github.pushed("acme/web", branch="next")
    assert len({github.issue_opened(), github.issue_opened(), github.issue_opened("acme/web")}) == 2
