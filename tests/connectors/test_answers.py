"""What answers mean, and how long they ask to wait: the tables, walked."""

from __future__ import annotations

import math
from email.utils import formatdate

import pytest

from dataflows.connectors import azure_devops, clickup
from dataflows.connectors.answers import Answer
from dataflows.connectors.exchange import Fault
from dataflows.connectors.refusals import NEVER, Refusal, never_answered, refused, spread
from dataflows.connectors.request import Request
from dataflows.connectors.verdicts import Service, Verdict, judge_by_status
from dataflows.connectors.waits import rest_after, wait_asked
from dataflows.errors import (
    AuthenticationFailed,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryAfter,
    TransientError,
)

NOW = 1_795_338_951
PLAIN = Service("Plain")
GET, POST = Request("GET", "/thing"), Request("POST", "/thing", content={})
LOOKED_FOR = Request("POST", "/thing", content={}, is_guarded=True)


def answer(status: int, body: bytes = b"{}", /, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"content-type": "application/json", "date": formatdate(NOW, usegmt=True), **named}, body)


def refusal(status: int, request: Request = GET, service: Service = PLAIN, **headers: str) -> Refusal:
    found = answer(status, **headers)
    return refused(service, request, found, service.judge(found))


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DONE),
        (201, Verdict.DONE),
        (204, Verdict.DONE),
        (301, Verdict.REFUSED),
        (302, Verdict.REFUSED),
        (307, Verdict.REFUSED),
        (400, Verdict.REFUSED),
        (401, Verdict.UNAUTHENTICATED),
        (403, Verdict.UNAUTHENTICATED),
        (404, Verdict.REFUSED),
        (408, Verdict.FAILED),
        (409, Verdict.REFUSED),
        (410, Verdict.REFUSED),
        (422, Verdict.REFUSED),
        (425, Verdict.FAILED),
        (429, Verdict.LIMITED),
        (500, Verdict.FAILED),
        (501, Verdict.REFUSED),
        (502, Verdict.FAILED),
        (503, Verdict.FAILED),
        (504, Verdict.FAILED),
        (505, Verdict.REFUSED),
        (599, Verdict.FAILED),
        (799, Verdict.FAILED),
    ],
)
def test_a_status_means(status: int, verdict: Verdict) -> None:
    assert judge_by_status(answer(status)) is verdict


@pytest.mark.parametrize(
    ("status", "media_type", "verdict"),
    [
        (203, "text/html; charset=utf-8", Verdict.UNAUTHENTICATED),
        (203, "application/json", Verdict.UNAUTHENTICATED),
        (200, "text/html", Verdict.UNAUTHENTICATED),
        (302, "text/html", Verdict.UNAUTHENTICATED),
        (200, "application/json; charset=utf-8; api-version=7.1", Verdict.DONE),
        (500, "text/html", Verdict.FAILED),
        (404, "application/json", Verdict.REFUSED),
    ],
)
def test_azure_devops_shows_a_page_to_sign_in_where_others_answer_401(
    status: int, media_type: str, verdict: Verdict
) -> None:
    assert azure_devops.SERVICE.judge(answer(status, content_type=media_type)) is verdict


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, b'{"id": "9hx1abc", "err": "a field of a task"}', Verdict.DONE),
        (200, b'{"err": "Task name invalid", "ECODE": "INPUT_005"}', Verdict.REFUSED),
        (200, b'{"err": "Token invalid", "ECODE": "OAUTH_019"}', Verdict.UNAUTHENTICATED),
        (200, b'{"tasks": []}', Verdict.DONE),
        (400, b'{"err": "Team not authorized", "ECODE": "OAUTH_023"}', Verdict.UNAUTHENTICATED),
        (400, b'{"err": "Value must be an option index or uuid", "ECODE": "FIELD_011"}', Verdict.REFUSED),
        (401, b'{"err": "Oauth token not found", "ECODE": "OAUTH_018"}', Verdict.UNAUTHENTICATED),
        (429, b'{"err": "Rate limit reached", "ECODE": "APP_002"}', Verdict.LIMITED),
        (500, b"not json", Verdict.FAILED),
        (404, b'["no object"]', Verdict.REFUSED),
        (400, b'{"err": 5, "ECODE": 5}', Verdict.REFUSED),
    ],
)
def test_clickup_may_report_an_error_under_any_status(status: int, body: bytes, verdict: Verdict) -> None:
    assert clickup.SERVICE.judge(answer(status, body)) is verdict


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "120"}, 120),
        ({"retry_after": "2.0"}, 2),
        ({"retry_after": "0"}, 0),
        ({"retry_after": formatdate(NOW + 90, usegmt=True)}, 90),
        ({"retry_after": formatdate(NOW - 90, usegmt=True)}, 0),
        ({"retry_after": "Sunday, 22-Nov-26 09:17:21 GMT", "date": "Sun, 22 Nov 2026 09:15:51 GMT"}, 90),
        ({"retry_after": "Sun Nov 22 09:17:21 2026", "date": "Sun, 22 Nov 2026 09:15:51 GMT"}, 90),
        ({"retry_after_ms": "1500"}, 1.5),
        ({"x_ratelimit_reset": str(NOW + 42)}, 42),
        ({"x_ratelimit_reset": str((NOW + 42) * 1000)}, 42),
        ({"x_ratelimit_reset": "42"}, 42),
        ({"x_ratelimit_reset": str(NOW - 42)}, 0),
        ({"x_ratelimit_reset_after": "1.25"}, 1.25),
        ({"x_rate_limit_reset": str(NOW + 42)}, 42),
        ({"ratelimit_reset": "42"}, 42),
        ({"ratelimit": '"default";r=0;t=30'}, 30),
        ({"ratelimit": '"a second";r=5;t=1, "a,day;r=1;t=9";r=0;t=3600'}, 3600),
        ({"ratelimit": '"a second";r=5;t=1, "a day";r=7;t=3600'}, 1),
        ({"ratelimit": "limit=100, remaining=0, reset=50"}, 50),
        ({"x_shopify_shop_api_call_limit": "40/40"}, 0.5),
        ({"x_shopify_shop_api_call_limit": "39/40"}, None),
        ({"retry_after": "5", "x_ratelimit_reset": str(NOW + 42)}, 5),
        ({"retry_after": "soon", "x_ratelimit_reset": str(NOW + 42)}, 42),
        ({"retry_after": "-3"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "1e9"}, None),
        ({"retry_after": "9" * 400}, None),
        ({"retry_after": "Sun, 99 Nov 2026 00:00:00 GMT"}, None),
        ({"retry_after": ""}, None),
        ({"x_ratelimit_reset": "tomorrow"}, None),
        ({"ratelimit": '"default";r=0'}, None),
        ({}, None),
    ],
)
def test_a_wait_is_spelled(headers: dict[str, str], seconds: float | None) -> None:
    assert wait_asked(answer(429, **headers)) == seconds


def test_a_reset_is_counted_from_the_services_own_date_and_not_from_a_clock_that_may_be_wrong() -> None:
    an_hour_ahead = answer(429, date=formatdate(NOW + 3600, usegmt=True), x_ratelimit_reset=str(NOW + 3630))
    assert wait_asked(an_hour_ahead) == 30


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "5"}, 5),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(NOW + 42)}, 42),
        ({"x_ratelimit_remaining": "1", "x_ratelimit_reset": str(NOW + 42)}, 0),
        ({"ratelimit": '"default";r=0;t=30'}, 30),
        ({"ratelimit": '"default";r=50;t=30'}, 0),
        ({"ratelimit": "limit=100, remaining=0, reset=50"}, 50),
        ({"ratelimit_remaining": "0", "ratelimit_reset": "50"}, 50),
        ({"x_shopify_shop_api_call_limit": "40/40"}, 0.5),
        ({"x_shopify_shop_api_call_limit": "32/40"}, 0),
        ({"x_ratelimit_remaining": "0"}, 0),
        ({}, 0),
    ],
)
def test_a_success_may_ask_to_be_left_in_peace(headers: dict[str, str], seconds: float) -> None:
    assert rest_after(answer(200, **headers)) == seconds


def test_a_limit_becomes_a_wait_of_what_is_asked_and_up_to_a_second_more() -> None:
    error = refusal(429, retry_after="30").error
    assert isinstance(error, RateLimited)
    assert isinstance(error.when, float)
    assert 30 <= error.when <= 31


def test_a_limit_that_names_no_time_is_waited_out_for_as_long_as_is_usual_there() -> None:
    assert refusal(429).repeat_after == PLAIN.usual_wait


def test_no_demand_to_wait_is_believed_beyond_what_the_service_ever_asks() -> None:
    assert refusal(429, service=clickup.SERVICE, retry_after="86400").repeat_after == clickup.SERVICE.longest_wait == 90
    assert spread(86_400, clickup.SERVICE) == 90


def test_a_wait_of_nothing_still_lasts_a_second_since_it_uses_up_no_attempt() -> None:
    error = refusal(429, retry_after="0").error
    assert isinstance(error, RateLimited)
    assert isinstance(error.when, float)
    assert error.when >= 1


def test_a_failure_that_names_a_time_is_a_wait_but_no_rate_limit() -> None:
    error = refusal(503, retry_after="30").error
    assert type(error) is RetryAfter


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, PermanentError), (401, AuthenticationFailed), (500, TransientError), (302, PermanentError)],
)
def test_a_refusal_tells_status_and_code(status: int, kind: type[PermanentError | TransientError]) -> None:
    found = answer(status, b'{"err": "why", "ECODE": "INPUT_005"}')
    error = refused(clickup.SERVICE, GET, found, judge_by_status(found)).error
    assert type(error) is kind
    assert (error.status, error.code) == (status, "INPUT_005")
    assert "GET /thing" in str(error)
    assert "why" in str(error)


def test_only_what_changes_nothing_may_be_repeated_after_a_failure() -> None:
    assert refusal(503, GET, retry_after="1").repeat_after == 1
    assert refusal(503, POST, retry_after="1").repeat_after is NEVER
    assert refusal(500, GET).repeat_after is NEVER


def test_what_was_limited_was_not_carried_out_and_may_be_repeated_whatever_it_is() -> None:
    assert refusal(429, POST, retry_after="1").repeat_after == 1


def test_what_nobody_may_send_again_is_told_with_what_to_do() -> None:
    lost = never_answered(PLAIN, POST, Fault("ReadTimeout", was_sent=True))
    assert isinstance(lost.error, OutcomeUnknown)
    assert "look at the service whether it was" in str(lost.error)
    assert lost.repeat_after is NEVER


def test_a_conflict_may_mean_that_the_first_of_two_is_still_being_carried_out() -> None:
    keyed = Request("POST", "/thing", content={}, not_yet={409}, is_idempotent=True)
    assert isinstance(refusal(409, keyed).error, TransientError)
    assert isinstance(refusal(409, POST).error, PermanentError)


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({}, Verdict.UNAUTHENTICATED),
        ({"x_ratelimit_remaining": "12"}, Verdict.UNAUTHENTICATED),
        ({"retry_after": "60"}, Verdict.LIMITED),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(NOW + 60)}, Verdict.LIMITED),
    ],
)
def test_a_403_that_names_a_limit_is_that_limit_and_no_missing_permission(
    headers: dict[str, str], verdict: Verdict
) -> None:
    assert judge_by_status(answer(403, **headers)) is verdict


@pytest.mark.parametrize(("request_", "unknown"), [(GET, False), (LOOKED_FOR, True)])
def test_the_outcome_of_what_was_sent_and_not_answered_is_unknown_if_it_changes_something(
    request_: Request, unknown: bool
) -> None:
    lost = never_answered(PLAIN, request_, Fault("ReadTimeout", was_sent=True))
    assert isinstance(lost.error, TransientError)
    assert lost.error.outcome_unknown is unknown
    assert lost.repeat_after is NEVER


def test_what_was_never_sent_may_be_repeated_whatever_it_is() -> None:
    refused_connection = never_answered(PLAIN, POST, Fault("ConnectError", was_sent=False))
    assert isinstance(refused_connection.error, TransientError)
    assert not refused_connection.error.outcome_unknown
    assert refused_connection.repeat_after < math.inf


def test_a_redirect_is_explained_and_names_where_it_would_have_led() -> None:
    assert "https://login.example/" in str(refusal(302, location="https://login.example/").error)


def test_a_very_long_error_text_is_cut() -> None:
    found = answer(400, b'{"err": "' + b"x" * 100_000 + b'", "ECODE": "INPUT_005"}')
    assert len(str(refused(clickup.SERVICE, GET, found, Verdict.REFUSED).error)) < 1000


def test_json_that_is_nested_beyond_reason_is_no_json() -> None:
    with pytest.raises(ValueError, match="nested"):
        answer(200, b"[" * 100_000).json()
