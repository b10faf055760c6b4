"""Getting work items, from a service that speaks Azure DevOps' REST protocol."""

from __future__ import annotations

import pytest

from dataflows.connectors import azure_devops
from dataflows.connectors.azure_devops import AzureDevOps
from dataflows.errors import AuthenticationFailed, PermanentError, RateLimited, TransientError
from examples.services import LocalAzureDevOps
from examples.services.work_items import Person


def test_an_item_comes_with_people_as_objects_and_without_empty_fields(
    azure_service: LocalAzureDevOps, azure: AzureDevOps
) -> None:
    item = azure_service.create_item("Checkout total is wrong", fields={"System.Tags": "checkout; regression"})
    found = azure.get_work_item(item.id)
    assert found["id"] == item.id
    assert found["fields"]["System.Title"] == "Checkout total is wrong"
    assert found["fields"]["System.CreatedBy"]["displayName"] == "Ada Example"
    assert "System.AssignedTo" not in found["fields"]
    assert "relations" not in found


@pytest.mark.parametrize("as_given", [int, str])
def test_an_id_may_be_a_number_or_its_text(
    azure_service: LocalAzureDevOps, azure: AzureDevOps, as_given: type[int | str]
) -> None:
    number = azure_service.create_item("Checkout total is wrong").id
    assert azure.get_work_item(as_given(number))["id"] == number


@pytest.mark.parametrize("id", ["", "4_2", "-1", "42/../43", "42?x=1", "٤٢", -1])
def test_an_id_that_is_no_whole_number_is_refused_before_anything_is_sent(
    azure_service: LocalAzureDevOps, azure: AzureDevOps, id: int | str
) -> None:
    with pytest.raises(ValueError, match="whole number"):
        azure.get_work_item(id)
    assert azure_service.requests == []


def test_only_the_fields_asked_for_are_answered(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    item = azure_service.create_item("Checkout total is wrong")
    found = azure.get_work_item(item.id, fields=["System.Title", "System.Description"])
    assert found["fields"] == {"System.Title": "Checkout total is wrong"}


def test_relations_come_when_asked_for(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    above = azure_service.create_item("Checkout")
    below = azure_service.create_item("Total is wrong", parent=above.id)
    (relation,) = azure.get_work_item(below.id, expand="Relations")["relations"]
    assert relation["url"].endswith(f"/workItems/{above.id}")


def test_an_item_can_be_asked_for_within_its_project(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    item = azure_service.create_item("Total is wrong", project="Web Shop")
    assert azure.get_work_item(item.id, project="Web Shop")["id"] == item.id
    with pytest.raises(PermanentError):
        azure.get_work_item(item.id, project="Blog")


def test_an_item_that_does_not_exist_is_looked_for_three_times_and_then_refused(
    azure_service: LocalAzureDevOps, azure: AzureDevOps
) -> None:
    with pytest.raises(PermanentError) as caught:
        azure.get_work_item(999)
    assert (caught.value.status, caught.value.code) == (404, "TF401232")
    assert not isinstance(caught.value, AuthenticationFailed)
    assert len(azure_service.requests) == 3


def test_an_item_that_is_seen_only_a_moment_after_its_hook_is_found(
    azure_service: LocalAzureDevOps, azure: AzureDevOps
) -> None:
    item = azure_service.create_item("Checkout total is wrong")
    azure_service.faults.add("status", status=404)
    assert azure.get_work_item(item.id)["id"] == item.id


def test_a_wrong_token_is_noticed_although_the_answer_is_203(azure_service: LocalAzureDevOps) -> None:
    item = azure_service.create_item("Checkout total is wrong")
    with pytest.raises(AuthenticationFailed, match="check the token") as caught:
        AzureDevOps(azure_service.url, "wrong").get_work_item(item.id)
    assert caught.value.status == 203
    assert len(azure_service.requests) == 1


def test_a_redirect_to_sign_in_means_a_wrong_token_too(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    with LocalAzureDevOps() as elsewhere:
        azure_service.faults.add("status", status=302, headers={"Location": f"{elsewhere.url}/_signin"})
        with pytest.raises(AuthenticationFailed):
            azure.get_work_item(42)
        assert elsewhere.requests == []


def test_a_request_that_is_not_valid_is_refused_for_good(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    item = azure_service.create_item("Checkout total is wrong")
    with pytest.raises(PermanentError) as caught:
        azure.get_work_item(item.id, fields=["no reference name"])
    assert caught.value.status == 400


def test_an_error_of_the_service_is_worth_another_try(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    azure_service.faults.add("status", status=500)
    with pytest.raises(TransientError) as caught:
        azure.get_work_item(42)
    assert caught.value.code == "TF400898"


def test_a_throttled_answer_is_taken_and_the_next_request_held_back(
    azure_service: LocalAzureDevOps, azure: AzureDevOps
) -> None:
    azure_service.faults.add("status", status=200, headers={"Retry-After": "20"}, body={"id": 42})
    assert azure.get_work_item(42) == {"id": 42}
    with pytest.raises(RateLimited, match="Azure DevOps asked not to be called"):
        azure.get_work_item(42)
    assert len(azure_service.requests) == 1


def test_a_limit_that_is_used_up_is_waited_out_between_one_item_and_the_next() -> None:
    with LocalAzureDevOps(usage_limit=1) as service:
        item = service.create_item("Checkout total is wrong")
        azure = AzureDevOps(service.url, service.token)
        assert [azure.get_work_item(item.id)["id"] for _ in range(2)] == [item.id, item.id]
        service.clock.advance(300)  # the service is at ease again; the client still keeps the second asked for
        assert azure.get_work_item(item.id)["id"] == item.id


def test_a_block_for_overuse_becomes_a_wait(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    azure_service.faults.add("status", status=429, headers={"Retry-After": "25"})
    with pytest.raises(RateLimited, match="TF400733") as caught:
        azure.get_work_item(42)
    assert isinstance(caught.value.when, float)
    assert 25 <= caught.value.when <= 26


def test_the_plain_function_finds_address_and_token_in_the_environment(
    azure_service: LocalAzureDevOps, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = azure_service.create_item("Checkout total is wrong", fields={"System.AssignedTo": Person("Bo", "b@b")})
    monkeypatch.setenv("AZURE_DEVOPS_URL", azure_service.url)
    monkeypatch.setenv("AZURE_DEVOPS_TOKEN", azure_service.token)
    assert azure_devops.get_work_item(item.id)["fields"]["System.AssignedTo"]["uniqueName"] == "b@b"
    assert AzureDevOps.from_environment() is AzureDevOps.from_environment()


@pytest.mark.parametrize("missing", ["AZURE_DEVOPS_URL", "AZURE_DEVOPS_TOKEN"])
def test_a_setting_that_is_missing_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_DEVOPS_URL", "https://dev.azure.com/acme")
    monkeypatch.setenv("AZURE_DEVOPS_TOKEN", "hunter2")
    monkeypatch.delenv(missing)
    with pytest.raises(PermanentError, match=missing):
        azure_devops.get_work_item(42)
