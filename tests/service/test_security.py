from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from interpreter.service import Limits, Token
from interpreter.service.routes import ROUTES
from interpreter.service.security import Access, is_loopback
from tests.service.calling import Api, problem

NewApi = Callable[..., Api]

SECRET, OTHER, READER = "s3cret-of-the-first", "s3cret-of-the-second", "s3cret-of-a-reader"
TOKENS = (SECRET, Token(OTHER), Token(READER, read_only=True))
ADD = "/api/workflows/desk%2Fadd/executions"


def bearing(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def paths(*accesses: Access) -> list[tuple[str, str]]:
    """Methods and paths of the routes of these accesses, with names that nobody has."""
    return [
        (
            each.method,
            each.path.replace("{id:name}", "nobody").replace("{name:name}", "no").replace("{signal:name}", "go"),
        )
        for each in ROUTES
        if each.access in accesses
    ]


# Tokens ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": SECRET},
        {"Authorization": f"Basic {SECRET}"},
        bearing(SECRET[:-1]),
        bearing(SECRET.upper()),
        bearing(SECRET + "x"),
        bearing(f"{SECRET} {OTHER}"),
        bearing(f"{SECRET},{OTHER}"),
        {"Authorization": b"Bearer \xff\xfe"},
        {"Authorization": "Bearer s3cret-öf-the-first".encode()},
        {"X-Api-Key": SECRET},
        {"Cookie": f"token={SECRET}"},
    ],
)
def test_nothing_is_answered_without_a_token(new_api: NewApi, headers: Any) -> None:
    api = new_api(tokens=TOKENS)
    for method, path in paths(Access.READING, Access.WRITING):
        refused = api.request(method, path, headers=headers)
        assert problem(refused) == (401, "unauthorized") and refused.headers["www-authenticate"] == "Bearer"


def test_two_authorizations_are_none(new_api: NewApi) -> None:
    headers = [("Authorization", f"Bearer {SECRET}"), ("Authorization", f"Bearer {OTHER}")]
    assert problem(new_api(tokens=TOKENS).get("/api/executions", headers=headers)) == (400, "malformed")


@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_each_of_several_tokens_opens_everything(new_api: NewApi, secret: str) -> None:
    api = new_api(tokens=TOKENS)
    assert api.get("/api/executions", headers=bearing(secret)).status_code == 200
    assert api.post(ADD, {"args": [1]}, headers={"Authorization": f"bearer {secret}"}).status_code == 202


def test_a_token_that_only_reads_changes_nothing(new_api: NewApi) -> None:
    api = new_api(tokens=TOKENS)
    assert api.get("/api/executions", headers=bearing(READER)).status_code == 200
    for method, path in paths(Access.WRITING):
        assert problem(api.request(method, path, headers=bearing(READER))) == (403, "forbidden")


def test_whoever_only_looks_whether_it_lives_needs_no_token(new_api: NewApi) -> None:
    api = new_api(tokens=TOKENS, transport={"client": ("203.0.113.7", 1)})
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert api.get(path, headers={"Host": "10.0.0.7:8787"}).status_code == 200


@pytest.mark.parametrize(
    "secret", ["", "short", "x" * 15, "with a space in the middle", "ümläuts-are-no-ascii", "a\0" * 9]
)
def test_a_secret_that_cannot_be_one_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ValueError, match="token_urlsafe") as refused:
        Token(secret)
    assert not secret or secret not in str(refused.value)


def test_a_token_does_not_show_its_secret() -> None:
    assert SECRET not in repr(Token(SECRET)) and repr(Token(SECRET, read_only=True)) == "<token, read-only>"


def test_neither_headers_nor_queries_nor_line_breaks_come_into_the_log(
    new_api: NewApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api = new_api(tokens=TOKENS)
    api.get("/api/executions?workflow=hidden-word", headers=bearing(SECRET))
    api.get("/api/executions/a%0d%0aforged%1b[31m/history", headers=bearing("a-secret-that-is-wrong"))
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("dataflows.service")]
    assert len(lines) == 2
    for text in lines:
        assert text.isprintable() and not any(word in text for word in (SECRET, "hidden-word", "that-is-wrong"))


# Where a request comes from ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8787", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8787", "localhost."]
)
def test_this_machine_is_answered_under_its_own_names(api: Api, host: str) -> None:
    assert api.get("/api/executions", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8787",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "evil.example#localhost",
        "10.0.0.7",
        "0.0.0.0",
        "127.1",
        "[::ffff:127.0.0.1]",
        "",
        "a@b",
        "é",
        "x" * 999,
    ],
)
def test_a_name_that_was_made_to_point_here_is_not_answered(api: Api, host: str) -> None:
    for method, path in paths(Access.READING, Access.WRITING, Access.ANYBODY):
        assert problem(api.request(method, path, headers={"Host": host.encode()})) == (421, "wrong-host")


@pytest.mark.parametrize("headers", [{"Host": "[::1"}, [("Host", "localhost"), ("Host", "evil.example")]])
def test_a_host_that_is_none_is_malformed(api: Api, headers: Any) -> None:
    assert problem(api.get("/api/executions", headers=headers)) == (400, "malformed")


@pytest.mark.parametrize("client", ["203.0.113.7", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "nonsense"])
def test_another_machine_is_not_answered_without_a_token_whatever_name_it_says(new_api: NewApi, client: str) -> None:
    api = new_api(transport={"client": (client, 1)})
    for method, path in paths(Access.READING, Access.WRITING, Access.ANYBODY):
        assert problem(api.request(method, path)) == (403, "forbidden")


def test_with_a_token_or_with_names_of_its_own_another_machine_is_answered(new_api: NewApi) -> None:
    far = {"client": ("203.0.113.7", 1)}
    with_token = new_api(tokens=TOKENS, transport=far)
    headers = {"Host": "flows.example", **bearing(SECRET)}
    assert with_token.get("/api/executions", headers=headers).status_code == 200
    named = new_api(hosts=["Flows.example"], transport=far)
    assert named.get("/api/executions", headers={"Host": "flows.example:443"}).status_code == 200
    assert problem(named.get("/api/executions")) == (421, "wrong-host")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "https://localhost", "http://localhost.evil", "x"]
)
def test_a_page_of_another_origin_gets_and_does_nothing(api: Api, origin: str) -> None:
    for method, path in paths(Access.READING, Access.WRITING, Access.ANYBODY):
        refused = api.request(method, path, headers={"Origin": origin})
        assert problem(refused) == (403, "forbidden") and "access-control-allow-origin" not in refused.headers


def test_a_page_of_its_own_origin_or_of_one_that_is_named_is_answered(new_api: NewApi) -> None:
    api = new_api(origins=["https://Console.example/"])
    for origin in ("http://localhost", "https://console.example"):
        assert api.post(ADD, {"args": [1]}, headers={"Origin": origin}).status_code == 202


@pytest.mark.parametrize("verb", ["cancel", "terminate", "pause", "resume", "retry", "fork", "signals/approval"])
def test_what_changes_something_is_neither_done_by_a_link_nor_by_a_form(api: Api, verb: str) -> None:
    id = api.start("desk/approval", delay="1h")
    linked = api.get(f"/api/executions/{id}/{verb}")
    assert problem(linked) == (405, "method-not-allowed") and linked.headers["allow"] == "POST"
    form = api.post(f"/api/executions/{id}/{verb}", data={"a": "b"})
    assert problem(form) == (415, "unsupported-media-type")
    assert api.get(f"/api/executions/{id}").json()["status"] == "pending"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_loopback_is_told_from_what_others_reach(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


# Sizes ------------------------------------------------------------------------------------------------


def test_a_body_over_the_limit_is_refused_by_its_declared_and_by_its_real_length(new_api: NewApi) -> None:
    api = new_api(limits=Limits(body=100))
    fitting, larger = b"[" + b" " * 98 + b"]", b"[" + b" " * 99 + b"]"
    headers = {"Content-Type": "application/json"}
    assert problem(api.post(ADD, content=fitting, headers=headers)) == (422, "invalid")

    async def chunks() -> Any:
        for _ in range(1_000):
            yield larger
        raise AssertionError("it was read to its end")

    for content in (larger, chunks()):
        assert problem(api.post(ADD, content=content, headers=headers)) == (413, "too-large")
    lying = {**headers, "Content-Length": "9" * 30}
    assert problem(api.post(ADD, content=fitting, headers=lying)) == (413, "too-large")


def test_a_path_and_headers_over_the_limit_are_refused(api: Api) -> None:
    assert problem(api.get("/api/executions?tag=" + "x" * 9_000)) == (414, "address-too-long")
    assert problem(api.get("/" + "x" * 9_000)) == (414, "address-too-long")
    assert problem(api.get("/healthz", headers={"X-Large": "x" * 17_000})) == (431, "headers-too-large")


def test_every_answer_says_that_it_is_what_it_is_and_is_not_kept(api: Api) -> None:
    for path in ("/healthz", "/api/executions", "/nix", "/api/executions/%00"):
        headers = api.get(path).headers
        assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"
