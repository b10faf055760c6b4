"""Headers, keys and JSON of strangers."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import dill
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.connectors.sources import Bearer, Delivery, Headers, identifier
from dataflows.connectors.sources.reading import DEEPEST, read_form, read_json
from dataflows.connectors.sources.secrets import Secrets
from dataflows.connectors.sources.times import moment, moment_of_number
from dataflows.errors import InvalidEvent
from tests.connectors.sources.examples import EXAMPLES, Example


def test_headers_keep_what_came_twice_and_hold_it_for_neither() -> None:
    headers = Headers([("X-A", "1"), (b"x-a", b"2"), ("X-B", " 3\t")])
    assert headers.all("x-A") == ["1", "2"]
    assert headers.only("X-A") is None
    assert headers.only("x-b") == "3"
    assert headers == Headers(list(headers))
    assert Headers([("A", "1")]) == Headers([("a", "1")])


def test_a_log_shows_harmless_headers_and_hides_the_rest() -> None:
    headers = Headers(
        [
            ("Authorization", "Bearer hunter2"),
            ("Cookie", "hunter2"),
            ("X-Unknown", "hunter2"),
            ("X-GitHub-Event", "issues"),
            ("User-Agent", "evil\r\nlog line \x1b[31m\ud800" + "x" * 999),
            ("Content-Type", "application/json"),
            ("evil\nname", "hunter2"),
        ]
    )
    shown = dict(headers.loggable())
    assert "hunter2" not in repr(headers) + str(shown)
    assert (shown["x-github-event"], shown["content-type"], shown["authorization"]) == (
        "issues",
        "application/json",
        "***",
    )
    assert all((name + value).isascii() and (name + value).isprintable() for name, value in shown.items())
    assert len(shown["user-agent"]) < 300


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_what_proves_a_delivery_is_never_shown(example: Example) -> None:
    assert dict(example.delivered().headers.loggable())[example.proof.lower()] == "***"


def test_a_delivery_came_at_a_time_with_a_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Delivery("POST", Headers(), b"", datetime(2026, 11, 22))


def test_secrets_are_not_shown_not_stored_and_counted() -> None:
    secrets = Secrets(["hunter2", None], "the secret")
    assert (repr(secrets), len(secrets)) == ("<1 secrets>", 1)
    for holder in (secrets, Bearer("hunter2")):
        for library in (pickle, dill):
            with pytest.raises(TypeError, match="never stored"):
                library.dumps(holder)


@pytest.mark.parametrize("wrong", ["hunter2\n", " hunter2", "", b""])
def test_a_secret_that_was_copied_with_its_line_end_is_refused_without_repeating_it(wrong: str | bytes) -> None:
    with pytest.raises(ValueError, match="how it was copied") as caught:
        Secrets([wrong], "the secret")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("wrong", [7, True, ["hunter2", "swordfish"], bytearray(b"hunter2"), object()])
def test_a_secret_is_neither_a_number_nor_a_list_nor_anything_else(wrong: Any) -> None:
    with pytest.raises(TypeError, match="several arguments") as caught:
        Secrets([wrong], "the secret")
    assert "hunter2" not in str(caught.value)


def test_a_secret_of_raw_bytes_may_begin_and_end_with_any() -> None:
    assert Secrets([b"\nkey "], "the secret").include("\nkey ")


PARTS = st.lists(st.text(min_size=1, max_size=120), min_size=1, max_size=4)


@given(PARTS, PARTS)
def test_different_parts_make_different_identifiers_of_bounded_length(one: list[str], other: list[str]) -> None:
    assert (identifier(*one) == identifier(*other)) == (one == other)
    assert len(identifier(*one)) <= 200
    assert identifier(*one).isascii() and identifier(*one).isprintable() and " " not in identifier(*one)


def test_an_identifier_stands_behind_the_parts_as_it_is() -> None:
    assert identifier("to do", key=identifier("depot", "a:b")) == "to%20do:depot:a%3Ab"


def test_parts_that_join_alike_make_different_identifiers() -> None:
    assert identifier("a:b", "c") != identifier("a", "b:c")
    assert identifier("a%3Ab") != identifier("a:b")


def test_json_that_nests_too_deeply_is_refused() -> None:
    assert read_json(b"[" * DEEPEST + b"]" * DEEPEST, "it")
    assert read_json(b"[" + b",".join([b"[]"] * 1000) + b"]", "it")
    for depth in (DEEPEST + 1, 500, 100_000):
        with pytest.raises(InvalidEvent):
            read_json(b"[" * depth + b"]" * depth, "it")


@pytest.mark.parametrize("body", [b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"1" * 5000, b"", b"{", b"\xff"])
def test_what_json_does_not_have_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidEvent, match="it is JSON"):
        read_json(body, "it")


@pytest.mark.parametrize("body", [b"a=%ff", b"a=1&a=2", b"a=1&a=1", "a=é".encode(), b"&".join([b"a"] * 101)])
def test_a_form_that_is_not_plain_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidEvent, match="it is a form"):
        read_form(body, "it")
    assert read_form(b"a=1&b=&c=%C3%A9", "it") == {"a": "1", "b": "", "c": "é"}


def test_what_no_header_should_hold_makes_an_identifier_too() -> None:
    assert identifier("\ud800", "é\0 ") == "%ED%A0%80:%C3%A9%00%20"


@pytest.mark.parametrize("text", ["", "soon", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", 7, None, ["x"]])
def test_what_names_no_time_is_no_time(text: object) -> None:
    assert moment(text) is None


def test_a_time_without_a_zone_is_utc_and_digits_beyond_microseconds_are_dropped() -> None:
    expected = datetime(2026, 11, 22, 9, 15, 51, 41223, UTC)
    for text in ("2026-11-22T09:15:51.041223", "2026-11-22T09:15:51.0412237Z", "2026-11-22T10:15:51.041223999+01:00"):
        assert moment(text) == expected


@pytest.mark.parametrize(
    "number", [10**18, -(10**18), "9" * 19, "9" * 5000, "-1", "1e3", "\u0663", True, 1.5, None, {}]
)
def test_a_number_that_names_no_time_is_no_time(number: object) -> None:
    assert moment_of_number(number, timedelta(seconds=1)) is None
    assert moment_of_number("1000", timedelta(milliseconds=1)) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
