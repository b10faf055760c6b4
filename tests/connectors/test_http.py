"""Calling a service that has no connector of its own, over loopback sockets."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from dataflows.attempt import Attempt, running_attempt
from dataflows.connectors import http
from dataflows.connectors.http import Credential
from dataflows.errors import AuthenticationFailed, OutcomeUnknown, PermanentError, RateLimited, TransientError
from dataflows.retry import Retry
from tests.connectors.till import Till


@pytest.fixture
def in_step() -> Iterator[Attempt]:
    attempt = Attempt("order-1", "3", "charge", 1, "order-1/1/3")
    token = running_attempt.set(lambda: attempt)
    yield attempt
    running_attempt.reset(token)


def test_a_get_answers_what_the_json_holds(till: Till) -> None:
    till.charges.append({"amount": 5})
    assert http.get(f"{till.address}/charges")["charges"] == [{"amount": 5}]


def test_a_get_answers_a_text_where_there_is_no_json(till: Till) -> None:
    assert http.get(f"{till.address}/text") == "Grüße"


def test_a_query_stands_in_the_address_or_in_params(till: Till) -> None:
    assert http.get(f"{till.address}/charges?of=ada%20b&x=1")["query"] == {"of": "ada b", "x": "1"}
    assert http.get(f"{till.address}/charges?x=1", params={"of": "ada & b"})["query"] == {"of": "ada & b"}


def test_a_request_answers_status_and_headers_and_keeps_cookies_to_itself(till: Till, in_step: Attempt) -> None:
    reply = http.request("post", f"{till.address}/charges", {"amount": 5})
    assert (reply["status"], reply["content"], reply["headers"]["location"]) == (201, {"number": 1}, "/charges/1")
    assert "set-cookie" not in reply["headers"]


@pytest.mark.parametrize("send", [http.post, http.patch])
def test_what_a_step_posts_carries_the_steps_own_key(till: Till, in_step: Attempt, send: Any) -> None:
    send(f"{till.address}/charges", {"amount": 5})
    assert till.keys == [in_step.idempotency_key]


def test_a_key_may_be_given_and_is_not_needed_outside_of_a_step(till: Till) -> None:
    http.post(f"{till.address}/charges", {"amount": 5}, idempotency_key="charge-1")
    http.post(f"{till.address}/charges", {"amount": 5})
    assert till.keys == ["charge-1", None]


@pytest.mark.parametrize("key", ["käse", "a\nb", "x" * 1000, "\ud800"])
def test_a_key_that_no_header_can_carry_is_sent_as_its_digest(till: Till, key: str) -> None:
    for _ in range(2):
        http.post(f"{till.address}/charges", {"amount": 5}, idempotency_key=key, deduplicated=True)
    assert len(set(till.keys)) == 1
    assert len(till.charges) == 1


@pytest.mark.parametrize("fault", ["drop-answer", "truncate"])
def test_a_lost_answer_of_a_service_that_honours_keys_is_asked_for_again_and_charged_once(
    till: Till, in_step: Attempt, fault: Any
) -> None:
    till.faults.add(fault)
    url = f"{till.address}/charges"
    with pytest.raises(TransientError) as caught:
        http.post(url, {"amount": 5}, deduplicated=True)
    assert Retry().is_worth_another(caught.value, 1)
    assert http.post(url, {"amount": 5}, deduplicated=True) == {"number": 1}
    assert till.charges == [{"amount": 5}]


@pytest.mark.parametrize("fault", ["drop-answer", "truncate"])
def test_a_lost_answer_of_any_other_service_is_unknown_and_not_tried_again(
    till: Till, in_step: Attempt, fault: Any
) -> None:
    till.faults.add(fault)
    with pytest.raises(OutcomeUnknown, match="idempotency key") as caught:
        http.post(f"{till.address}/charges", {"amount": 5})
    assert not Retry().is_worth_another(caught.value, 1)
    assert till.charges == [{"amount": 5}]


def test_the_first_of_two_that_is_still_being_carried_out_is_waited_for(till: Till, in_step: Attempt) -> None:
    till.faults.add("status", status=409)
    with pytest.raises(TransientError):
        http.post(f"{till.address}/charges", {"amount": 5}, deduplicated=True)
    till.faults.add("status", status=409)
    with pytest.raises(PermanentError):
        http.post(f"{till.address}/charges", {"amount": 5})


def test_a_key_that_is_to_be_honoured_has_to_be_there(till: Till) -> None:
    with pytest.raises(PermanentError, match="idempotency_key="):
        http.post(f"{till.address}/charges", {"amount": 5}, deduplicated=True)
    assert till.requests == []


def test_a_put_carries_no_key_and_may_be_tried_again(till: Till, in_step: Attempt) -> None:
    till.faults.add("drop-answer")
    with pytest.raises(TransientError):
        http.put(f"{till.address}/charges", {"amount": 5})
    assert till.keys == [None]


def test_what_is_gone_already_counts_as_deleted(till: Till) -> None:
    till.charges.append({"amount": 5})
    assert [http.delete(f"{till.address}/charges/1") for _ in range(2)] == [None, None]
    assert till.charges == []
    till.faults.add("status", status=403)
    with pytest.raises(AuthenticationFailed):
        http.delete(f"{till.address}/charges/1")


@pytest.mark.parametrize(
    ("credential", "sent"),
    [
        (Credential("TILL_SECRET"), "Bearer hunter2"),
        (Credential("TILL_SECRET", prefix=""), "hunter2"),
        (Credential("TILL_SECRET", user="ada"), "Basic " + base64.b64encode(b"ada:hunter2").decode()),
    ],
)
def test_a_credential_names_a_variable_of_the_environment(
    till: Till, monkeypatch: pytest.MonkeyPatch, credential: Credential, sent: str
) -> None:
    monkeypatch.setenv("TILL_SECRET", "hunter2")
    http.get(f"{till.address}/charges", credential=credential)
    assert till.credentials == [sent]
    assert "hunter2" not in repr(credential)


def test_a_credential_that_is_changed_is_read_anew(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    for secret in ("hunter2", "hunter3"):
        monkeypatch.setenv("TILL_SECRET", secret)
        http.get(f"{till.address}/charges", credential=Credential("TILL_SECRET"))
    assert till.credentials == ["Bearer hunter2", "Bearer hunter3"]


@pytest.mark.parametrize("name", ["Authorization", "cookie", "Proxy-Authorization"])
def test_a_secret_among_the_plain_headers_is_refused_with_what_to_write_instead(till: Till, name: str) -> None:
    with pytest.raises(PermanentError, match="credential=") as caught:
        http.get(f"{till.address}/charges", headers={name: "hunter2"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("header", [("a b", "c"), ("X-A", "b\r\nX-B: c"), ("X-A", "käse"), ("", "c")])
def test_a_header_that_cannot_be_sent_is_refused(till: Till, header: tuple[str, str]) -> None:
    with pytest.raises(PermanentError, match="cannot be sent"):
        http.get(f"{till.address}/charges", headers=dict([header]))
    assert till.requests == []


@pytest.mark.parametrize(
    "url", ["", "ftp://host/", "host/path", "http://", "https://ada:hunter2@host/", "http://[::1", "http://h:x/"]
)
def test_an_address_that_cannot_be_called_is_refused_for_good(url: str) -> None:
    with pytest.raises(PermanentError, match="cannot be called") as caught:
        http.get(url)
    assert "hunter2" not in str(caught.value)


def test_an_error_names_host_path_status_code_and_text_but_no_query(till: Till) -> None:
    till.faults.add("status", status=400)
    with pytest.raises(
        PermanentError, match=r"127.0.0.1:\d+: GET /charges answered 400, till_broken: The till"
    ) as caught:
        http.get(f"{till.address}/charges?token=hunter2")
    assert (caught.value.status, caught.value.code) == (400, "till_broken")
    assert "hunter2" not in str(caught.value)


def test_a_problem_is_told_in_its_own_words(till: Till) -> None:
    till.faults.add("status", status=422, body={"title": "Not enough", "detail": "There are 3 left"})
    with pytest.raises(PermanentError, match="There are 3 left"):
        http.get(f"{till.address}/charges")


def test_a_limit_holds_back_other_calls_of_that_service_and_credential(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILL_SECRET", "hunter2")
    till.faults.add("status", status=429, headers={"Retry-After": "60"})
    for _ in range(2):
        with pytest.raises(RateLimited):
            http.get(f"{till.address}/charges")
    assert len(till.requests) == 1
    assert http.get(f"{till.address}/charges", credential=Credential("TILL_SECRET"))["charges"] == []


def test_json_that_is_not_whole_is_not_taken_for_an_answer(till: Till) -> None:
    till.faults.add("truncate")
    with pytest.raises(TransientError):
        http.get(f"{till.address}/charges")
