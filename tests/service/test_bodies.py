from __future__ import annotations

import gzip
import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpreter.service.bodies import parse
from interpreter.service.problems import Problem
from tests.service.calling import Api, problem

PLACE = "/api/workflows/desk%2Fecho/executions"
JSON = {"Content-Type": "application/json"}

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def depth_of(value: Any) -> int:
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max(map(depth_of, items), default=0)


@given(plain, st.booleans())
def test_any_json_is_read_as_it_is_and_its_depth_is_known_before(value: Any, in_ascii: bool) -> None:
    body = json.dumps(value, ensure_ascii=in_ascii).encode()
    depth = depth_of(value)
    read = parse(body, depth)
    assert json.dumps(read) == json.dumps(value)
    if depth:
        with pytest.raises(Problem, match="nest deeper"):
            parse(body, depth - 1)


@given(st.binary() | st.text(alphabet='[]{}":,\\0eE+-.uNaInfd \x00').map(str.encode))
def test_whatever_comes_is_json_or_a_problem(body: bytes) -> None:
    with suppress(Problem):
        json.dumps(parse(body, 8), allow_nan=False).encode()


WRONG = [
    b"",
    b"{",
    b'{"a":1,}',
    b"[1] 2",
    b"\xef\xbb\xbf[]",
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"\\ud800"',
    b'{"\\udfff": 1}',
    b'[{"a": ["\\udc00"]}]',
    b'"a\x00b"',
    b"\x00",
    b'"a\nb"',
    b"NaN",
    b"[Infinity]",
    b'{"a": -Infinity}',
    b"1e400",
    b"[-1e999]",
    b"9" * 5_000,
    b"01",
    b"'a'",
    b'{"a": 1, "a": 2}',
    b'{"b": {"a": 1, "\\u0061": 2}}',
    b"[" * 65 + b"]" * 65,
    b'{"a":' * 65 + b"1" + b"}" * 65,
    b"[" * 50_000,
    b'{"a' * 10_000,
]


@pytest.mark.parametrize("body", WRONG, ids=range(len(WRONG)))
def test_what_is_no_json_that_all_agree_on_is_malformed(api: Api, body: bytes) -> None:
    if body:
        assert problem(api.post(PLACE, content=body, headers=JSON)) == (400, "malformed")
        assert problem(api.post("/api/events", content=body, headers=JSON)) == (400, "malformed")
    with pytest.raises(Problem):
        parse(body, 64)


HARD = {
    "brackets that close at once": b"[" + b"[]," * 300_000 + b"0]",
    "a text without an end, full of quotes": b'"' + b'\\"' * 500_000,
    "texts without an end": b'"\\' * 500_000,
    "one key, twice, behind very many": b"{" + b",".join(b'"%d":0' % n for n in range(90_000)) + b',"7":0}',
    "one long number": b"1" * 1_000_000,
    "one long number with a point": b"1." + b"1" * 1_000_000,
}


def cost(body: bytes) -> float:
    """Seconds that this thread works on a body, at best."""
    seconds = []
    for _ in range(3):
        begun = time.thread_time()
        with suppress(Problem):
            parse(body, 64)
        seconds.append(time.thread_time() - begun)
    return min(seconds)


@pytest.mark.parametrize("body", HARD.values(), ids=HARD)
def test_what_is_hard_to_read_costs_little_more_than_what_is_easy(body: bytes) -> None:
    easy = b"[" + b"0," * (len(body) // 2) + b"0]"
    assert cost(body) < 30 * cost(easy)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/jsonp"},
        {**JSON, "Content-Encoding": "gzip"},
        {**JSON, "Content-Encoding": "br"},
        {**JSON, "Content-Encoding": "identity, gzip"},
    ],
)
def test_only_plain_json_is_read(api: Api, headers: dict[str, str]) -> None:
    bomb = gzip.compress(b"[" + b"0," * 1_000_000 + b"0]")
    assert problem(api.post(PLACE, content=bomb, headers=headers)) == (415, "unsupported-media-type")


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=UTF-8", "application/ld+json"])
def test_json_may_be_called_by_its_other_names(api: Api, kind: str) -> None:
    assert api.post(PLACE, content=b"{}", headers={"Content-Type": kind}).status_code == 202
