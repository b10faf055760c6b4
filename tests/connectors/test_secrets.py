"""Tokens stay where they belong: not in texts, not in logs, not in what is stored."""

from __future__ import annotations

import logging
import pickle
import traceback

import dill
import pytest

from dataflows.connectors.azure_devops import AzureDevOps
from dataflows.connectors.clickup import ClickUp
from dataflows.connectors.credentials import Secret
from dataflows.errors import (
    AuthenticationFailed,
    ConnectorError,
    InvalidEvent,
    PermanentError,
    RateLimited,
    TransientError,
)
from examples.services import LocalAzureDevOps, LocalClickUp
from examples.services.clickup import EXTERNAL_ID, INBOX


@pytest.mark.parametrize("text", ["", "two words", "line\nbreak", "käse", "nul\0"])
def test_a_secret_that_no_header_can_carry_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="the token must be printable") as caught:
        Secret(text, "the token")
    assert text == "" or text not in str(caught.value)


def test_a_secret_shows_itself_as_stars() -> None:
    assert "hunter2" not in repr(Secret("hunter2")) + str(Secret("hunter2")) + f"{Secret('hunter2')}"


@pytest.mark.parametrize("holder", [Secret("hunter2"), ClickUp("http://127.0.0.1:1", "hunter2")])
def test_what_holds_a_secret_refuses_to_be_stored(holder: object) -> None:
    for library in (pickle, dill):
        with pytest.raises(TypeError, match="never stored"):
            library.dumps(holder)


def test_clients_show_their_address_and_not_their_token() -> None:
    for client in (ClickUp("http://127.0.0.1:1", "hunter2"), AzureDevOps("http://127.0.0.1:1", "hunter2")):
        assert repr(client) == f"<{type(client).__name__} http://127.0.0.1:1>"


def test_an_error_that_repeats_the_token_has_it_taken_out(clickup_service: LocalClickUp, clickup: ClickUp) -> None:
    echo = {"err": f"Token {clickup_service.token} is wrong", "ECODE": "OAUTH_019"}
    clickup_service.faults.add("status", status=401, body=echo)
    with pytest.raises(AuthenticationFailed, match=r"Token \*\*\* is wrong") as caught:
        clickup.find_task(INBOX, EXTERNAL_ID, "a")
    assert clickup_service.token not in "".join(traceback.format_exception(caught.value))


def test_a_result_that_repeats_the_token_has_it_taken_out(azure_service: LocalAzureDevOps, azure: AzureDevOps) -> None:
    item = azure_service.create_item(f"my token is {azure_service.token}")
    assert azure.get_work_item(item.id)["fields"]["System.Title"] == "my token is ***"


@pytest.mark.parametrize("fault", ["drop", "truncate"])
def test_an_error_carries_none_of_the_clients_own_along(
    clickup_service: LocalClickUp, clickup: ClickUp, fault: str
) -> None:
    clickup_service.faults.add(fault)  # type: ignore[arg-type]  # each is a kind of fault
    with pytest.raises(TransientError) as caught:
        clickup.find_task(INBOX, EXTERNAL_ID, "a")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert clickup_service.token.encode() not in dill.dumps(caught.value)


def test_no_log_of_any_level_has_the_token(
    azure_service: LocalAzureDevOps, azure: AzureDevOps, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    azure.get_work_item(azure_service.create_item("Checkout total is wrong").id)
    assert "workitems/42" in caplog.text
    assert azure_service.token not in caplog.text
    assert "Basic " not in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        ConnectorError("plain"),
        PermanentError("refused", 400, "INPUT_005"),
        AuthenticationFailed("who", 401, "OAUTH_019"),
        TransientError("lost", None, None, True),
        InvalidEvent("no JSON"),
        RateLimited(61.5, "ClickUp: told to wait"),
    ],
)
def test_an_error_is_the_same_after_the_journal(error: Exception) -> None:
    for library in (pickle, dill):
        rebuilt = library.loads(library.dumps(error))
        assert type(rebuilt) is type(error)
        assert (rebuilt.args, vars(rebuilt), str(rebuilt)) == (error.args, vars(error), str(error))
