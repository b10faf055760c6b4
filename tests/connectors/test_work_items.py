"""Listing, finding and changing work items, on a service that speaks Azure DevOps' REST protocol."""

from __future__ import annotations

from typing import Any

import pytest

from dataflows.connectors import azure_devops
from dataflows.connectors.azure_devops import AzureDevOps, quoted
from dataflows.errors import AuthenticationFailed, PermanentError, TransientError
from examples.services import LocalAzureDevOps
from examples.services.work_items import Person

SELECT = "SELECT [System.Id] FROM WorkItems"


def create(service: LocalAzureDevOps, count: int) -> list[int]:
    return [service.create_item(f"item {number}").id for number in range(count)]


def test_items_come_200_with_each_request_in_the_order_asked_for(
    azure_service: LocalAzureDevOps, azure: AzureDevOps
) -> None:
    ids = create(azure_service, 201)[::-1]
    assert [item["id"] for item in azure.get_work_items(ids, fields=["System.Title"])] == ids
    assert len(azure_service.requests) == 2


def test_items_that_are_missing_are_left_out(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    (id,) = create(azure_service, 1)
    assert [item["id"] for item in azure.get_work_items([7, id, "999"])] == [id]


def test_no_items_ask_nothing(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    assert azure.get_work_items([]) == []
    assert azure_service.requests == []


def test_an_answer_without_items_is_not_taken_for_none(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    azure_service.faults.add("status", times=2, status=200, body={})
    with pytest.raises(TransientError, match="without any 'value'"):
        azure.get_work_items([42])
    with pytest.raises(TransientError, match="without any 'workItems'"):
        azure.find_work_item_ids(SELECT)


def test_a_query_finds_ids_in_its_order(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    for title, state in (("Total is wrong", "New"), ("O'Brien's total", "New"), ("Total is right", "Closed")):
        azure_service.create_item(title, fields={"System.State": state})
    where = "WHERE [System.Title] CONTAINS 'total' AND [System.State] <> 'Closed'"
    assert azure.find_work_item_ids(f"{SELECT} {where} ORDER BY [System.Id] DESC") == [43, 42]
    assert azure.find_work_item_ids(f"{SELECT} {where} ORDER BY [System.Id]", limit=1) == [42]
    assert azure.find_work_item_ids(f"{SELECT} WHERE [System.Title] = {quoted(chr(79) + chr(39) + 'Brien')}") == []
    assert azure.find_work_item_ids(f"{SELECT} WHERE [System.Title] CONTAINS {quoted(chr(39) + 's total')}") == [43]


def test_a_query_may_be_of_one_project(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    azure_service.create_item("here", project="Web Shop")
    there = azure_service.create_item("there", project="Blog")
    wiql = f"{SELECT} WHERE [System.TeamProject] = @project"
    assert azure.find_work_item_ids(wiql, project="Blog") == [there.id]


def test_a_query_for_links_answers_what_they_lead_to_once(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    links = [{"target": {"id": 7}}, {"source": {"id": 7}, "target": {"id": 9}}, {"target": {"id": 7}}]
    azure_service.faults.add("status", status=200, body={"queryType": "tree", "workItemRelations": links})
    assert azure.find_work_item_ids(SELECT) == [7, 9]


@pytest.mark.parametrize("wiql", ["", "SELECT", f"{SELECT} WHERE", f"{SELECT} WHERE [A] ~ 'b'"])
def test_a_query_that_is_none_is_refused_for_good(azure: AzureDevOps, wiql: str) -> None:
    with pytest.raises(PermanentError) as caught:
        azure.find_work_item_ids(wiql)
    assert caught.value.status == 400


def test_a_query_is_repeated_though_it_is_a_post_since_it_changes_nothing(
    azure_service: LocalAzureDevOps, azure: AzureDevOps
) -> None:
    azure_service.faults.add("status", status=503, headers={"Retry-After": "0"})
    assert azure.find_work_item_ids(SELECT) == []
    azure_service.faults.add("drop-answer")
    with pytest.raises(TransientError) as caught:
        azure.find_work_item_ids(SELECT)
    assert not caught.value.outcome_unknown


def test_an_update_sets_its_fields_and_answers_the_item(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    item = azure_service.create_item("Total is wrong")
    changed = azure.update_work_item(item.id, {"System.State": "Active", "System.AssignedTo": "bo@example.com"})
    assert (changed["rev"], changed["fields"]["System.State"]) == (2, "Active")
    assert changed["fields"]["System.AssignedTo"]["uniqueName"] == "bo@example.com"


def test_an_update_of_a_revision_that_has_passed_changes_nothing_and_says_so(
    azure_service: LocalAzureDevOps, azure: AzureDevOps
) -> None:
    item = azure_service.create_item("Total is wrong")
    azure.update_work_item(item.id, {"System.State": "Closed"})
    with pytest.raises(PermanentError, match="is at revision 2, not at 1: fetch it and decide anew") as caught:
        azure.update_work_item(item.id, {"System.Title": "t", "System.State": "Active"}, rev=1)
    assert (caught.value.status, caught.value.code) == (412, "VS403351")
    assert item.fields["System.Title"] == "Total is wrong"


@pytest.mark.parametrize(
    "fields",
    [
        {"System.State": "Active"},
        {"System.AssignedTo": "Bo Example <bo@example.com>"},
        {"System.History": "moved by the shop"},
    ],
)
def test_an_update_whose_answer_was_lost_is_found_by_the_next_try(
    azure_service: LocalAzureDevOps, azure: AzureDevOps, fields: dict[str, Any]
) -> None:
    item = azure_service.create_item("Total is wrong")
    azure_service.faults.add("drop-answer", method="PATCH")
    with pytest.raises(TransientError):
        azure.update_work_item(item.id, fields, rev=1)
    assert azure.update_work_item(item.id, fields, rev=1)["rev"] == 2
    assert item.rev == 2


def test_a_change_that_somebody_else_made_meanwhile_is_not_taken_for_ones_own(
    azure_service: LocalAzureDevOps, azure: AzureDevOps
) -> None:
    item = azure_service.create_item("Total is wrong", fields={"System.AssignedTo": Person("Bo", "bo@b")})
    azure.update_work_item(item.id, {"System.AssignedTo": "ada@example.com"})
    with pytest.raises(PermanentError, match="decide anew"):
        azure.update_work_item(item.id, {"System.AssignedTo": "bo@b"}, rev=1)


def test_a_comment_needs_a_revision_lest_every_try_adds_it(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    with pytest.raises(ValueError, match="rev="):
        azure.update_work_item(42, {"System.History": "done"})
    assert azure_service.requests == []


@pytest.mark.parametrize(("item", "name", "status"), [(999, "System.State", 404), (42, "", 200)])
def test_an_update_of_what_is_not_there_is_refused_for_good(
    azure_service: LocalAzureDevOps, azure: AzureDevOps, item: int, name: str, status: int
) -> None:
    azure_service.create_item("Total is wrong")
    if status == 200:
        assert azure.update_work_item(item, {})["id"] == item
        return
    with pytest.raises(PermanentError) as caught:
        azure.update_work_item(item, {name: "Active"})
    assert caught.value.status == status


def test_a_wrong_token_is_answered_to_an_update_with_401(azure_service: LocalAzureDevOps) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        AzureDevOps(azure_service.url, "wrong").update_work_item(42, {"System.State": "Active"})
    assert (caught.value.status, caught.value.code) == (401, "TF400813")


def test_the_plain_functions_find_address_and_token_in_the_environment(
    azure_service: LocalAzureDevOps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_DEVOPS_URL", azure_service.url)
    monkeypatch.setenv("AZURE_DEVOPS_TOKEN", azure_service.token)
    (id,) = create(azure_service, 1)
    assert azure_devops.find_work_item_ids(SELECT) == [id]
    assert azure_devops.update_work_item(id, {"System.State": "Active"})["rev"] == 2
    assert azure_devops.get_work_items([id])[0]["fields"]["System.State"] == "Active"
