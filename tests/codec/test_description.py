"""What history tables show of a stored value."""

from __future__ import annotations

from typing import Any

import pytest

from interpreter.codec import Encoded, describe, encode, encode_error
from tests.codec import faults

TEXTS: list[tuple[Encoded, str]] = [
    (encode({"a": [1, None]}, "it"), '{"a":[1,null]}'),
    (encode("Müller\n\0", "it"), r'"M\u00fcller\n\u0000"'),
    (encode((1, 2), "it"), "<dill, 18 bytes>"),
    (encode_error(ValueError("boom")), "ValueError: boom"),
    (encode_error(ValueError()), "ValueError"),
    (encode_error(faults.KeywordOnly(code=3)), "tests.codec.faults.KeywordOnly: code 3"),
    (encode_error(ValueError("Müller\n\x1b[31m\u202e")), r"ValueError: Müller\n\x1b[31m\u202e"),
    (Encoded("error", b"no json"), "<error, 7 bytes, unreadable>"),
    (Encoded("error", b"[]"), "<error, 2 bytes, unreadable>"),
    (Encoded("json", b"\xff\x1b"), r"�\x1b"),
]


@pytest.mark.parametrize(("encoded", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_it_is_one_line_of_printable_text(encoded: Encoded, text: str) -> None:
    assert describe(encoded) == text


@pytest.mark.parametrize("value", ["x" * 1_000_000, list(range(1_000))])
def test_it_is_cut_at_the_limit(value: Any) -> None:
    text = describe(encode(value, "it"), 20)
    assert len(text) == 20
    assert text.endswith("…")


def test_what_just_fits_is_not_cut() -> None:
    assert describe(encode("abc", "it"), 5) == '"abc"'


def test_it_runs_nothing_of_what_is_stored() -> None:
    assert describe(Encoded("dill", b"cos\nabort\n(tR.")) == "<dill, 14 bytes>"
