"""What connectors do, as steps: each function goes into ``step`` as it is, its keywords by ``partial``."""

from __future__ import annotations

from functools import partial
from typing import Any, assert_type

from dataflows import Flow, step, workflow
from dataflows.connectors import azure_devops, clickup, http, shopify
from dataflows.connectors.http import Credential


@workflow("connected")
def connected(id: int) -> Flow[None]:
    item = yield from step("item", azure_devops.get_work_item, id)
    assert_type(item, dict[str, Any])
    items = yield from step("items", azure_devops.get_work_items, [id, 43])
    assert_type(items, list[dict[str, Any]])
    found = yield from step("find", azure_devops.find_work_item_ids, "SELECT [System.Id] FROM WorkItems")
    assert_type(found, list[int])
    update = partial(azure_devops.update_work_item, id, {"System.State": "Active"}, rev=item["rev"])
    assert_type((yield from step("update", update)), dict[str, Any])

    known = yield from step("known", clickup.find_task, "901100", "0a1b2c", "ado:42")
    assert_type(known, dict[str, Any] | None)
    created = yield from step("create", clickup.create_task, "901100", "Total is wrong", "ado:42", "0a1b2c")
    assert_type(created, clickup.CreatedTask)
    close = partial(clickup.update_task, created["task"]["id"], status="complete")
    assert_type((yield from step("close", close)), dict[str, Any])
    assert_type((yield from step("field", clickup.set_custom_field, created["task"]["id"], "0a1b2c", "x")), None)

    data = yield from step("shop", shopify.graphql, "{ shop { name } }", None)
    assert_type(data, dict[str, Any])

    order = yield from step("order", http.get, "https://shop.example/orders/1")
    assert_type(order, Any)
    charge = partial(http.post, "https://till.example/charges", {"amount": 5}, deduplicated=True)
    assert_type((yield from step("charge", charge)), Any)
    token = Credential("SHOP_TOKEN")
    reply = yield from step("put", partial(http.request, "PUT", "https://shop.example/", {}, credential=token))
    assert_type(reply, http.Reply)
