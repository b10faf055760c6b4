"""Tokens stay where they belong: not in texts, not in logs, not in what is stored."""

from __future__ import annotations

import base64
import logging
import os
import pickle
import traceback
from collections.abc import Callable

import dill
import pytest

from dataflows.connectors import azure_devops, http, shopify
from dataflows.connectors import clickup as clickup_calls
from dataflows.connectors.azure_devops import AzureDevOps
from dataflows.connectors.clickup import ClickUp
from dataflows.connectors.credentials import Credential, Secret
from dataflows.errors import (
    AuthenticationFailed,
    ConnectorError,
    InvalidEvent,
    OutcomeUnknown,
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


@pytest.mark.parametrize("spelled", ["a/b+c=", "a%2Fb%2Bc%3D", "a\\/b+c="])
def test_a_secret_is_taken_out_however_json_or_an_address_spells_it(spelled: str) -> None:
    assert Secret("a/b+c=").hide_in(f"<{spelled}>") == "<***>"


def with_locals(error: BaseException) -> str:
    """The traceback as reporters print it that show local variables; without this file's own frames."""
    printed = traceback.TracebackException.from_exception(error, capture_locals=True)
    printed.stack = traceback.StackSummary.from_list([frame for frame in printed.stack if frame.filename != __file__])
    return "".join(printed.format())


CALLS: dict[str, Callable[[], object]] = {
    "AZURE_DEVOPS_TOKEN": lambda: azure_devops.get_work_item(42),
    "CLICKUP_TOKEN": lambda: clickup_calls.get_task("1"),
    "SHOPIFY_TOKEN": lambda: shopify.graphql("{ shop { name } }"),
    "TILL_SECRET": lambda: http.get(os.environ["TILL_URL"], credential=Credential("TILL_SECRET")),
}


@pytest.mark.parametrize("variable", CALLS)
@pytest.mark.parametrize("token", ["hunter2", "Bearer hunter2", "hunter2\n", "hünter2"])
@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ftp://nowhere"])
def test_no_traceback_shows_a_token_of_the_environment_even_with_local_variables(
    monkeypatch: pytest.MonkeyPatch, variable: str, token: str, url: str
) -> None:
    for name in ("AZURE_DEVOPS_URL", "CLICKUP_URL", "SHOPIFY_URL", "TILL_URL"):
        monkeypatch.setenv(name, url)
    monkeypatch.setenv(variable, token)
    monkeypatch.setattr("dataflows.connectors.connection.BACKOFF", ())
    with pytest.raises(ConnectorError) as caught:
        CALLS[variable]()
    printed = with_locals(caught.value)
    assert "unter2" not in printed
    assert base64.b64encode(b":hunter2").decode() not in printed


def test_whatever_the_client_raises_stays_inside_with_its_traceback(
    clickup_service: LocalClickUp, clickup: ClickUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*args: object, headers: object = None, **options: object) -> None:
        raise RuntimeError(f"cannot handle {clickup_service.token}")

    monkeypatch.setattr("httpx2.Client.stream", stumble)
    with pytest.raises(TransientError, match=r"RuntimeError: cannot handle \*\*\*") as caught:
        clickup.find_task(INBOX, EXTERNAL_ID, "a")
    assert clickup_service.token not in with_locals(caught.value)


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
        OutcomeUnknown("lost", 502, "bad gateway"),
        InvalidEvent("no JSON"),
        RateLimited(61.5, "ClickUp: told to wait"),
    ],
)
def test_an_error_is_the_same_after_the_journal(error: Exception) -> None:
    for library in (pickle, dill):
        rebuilt = library.loads(library.dumps(error))
        assert type(rebuilt) is type(error)
        assert (rebuilt.args, vars(rebuilt), str(rebuilt)) == (error.args, vars(error), str(error))
