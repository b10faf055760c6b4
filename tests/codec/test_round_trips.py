"""Whatever Python value goes in comes out equal, with the same types at every depth."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from interpreter.codec import decode, describe, encode
from tests.codec.samples import Colour, Level, Node, Order, Price, same

# With surrogates, of which two in a row are the hard case.
TEXTS = st.text(st.characters(exclude_categories=())) | st.text(st.sampled_from('a\0\ud83d\ude00🙂\\u"$'))
KEYS = TEXTS | st.just("$dataflows")
JSON_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
HASHABLE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.sampled_from([Colour.RED, Level.HIGH, Price(1), dt.UTC])
)

SELF_EQUAL = HASHABLE.filter(lambda part: not (isinstance(part, float) and math.isnan(part)))


def json_containers(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(parts, max_size=5) | st.dictionaries(KEYS, parts, max_size=5)


def python_containers(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        json_containers(parts)
        | st.lists(parts, max_size=5).map(tuple)
        | st.dictionaries(HASHABLE, parts, max_size=5)
        | st.frozensets(SELF_EQUAL, max_size=5)
        | st.sets(SELF_EQUAL, max_size=5)
        | st.builds(Order, number=st.integers(), extra=st.dictionaries(HASHABLE, parts, max_size=2))
        | st.builds(Node, parts)
    )


JSON_LIKE = st.recursive(JSON_SCALARS, json_containers, max_leaves=30)
PYTHON_LIKE = st.recursive(HASHABLE, python_containers, max_leaves=30)


@given(JSON_LIKE)
@settings(deadline=None)
def test_json_like_values_come_back(value: Any) -> None:
    encoded = encode(value, "it")
    assert same(decode(encoded), value)


@given(PYTHON_LIKE)
@settings(deadline=None)
def test_python_values_come_back(value: Any) -> None:
    assert same(decode(encode(value, "it")), value)


@given(PYTHON_LIKE)
@settings(deadline=None)
def test_what_is_decoded_encodes_to_the_same_encoding_again(value: Any) -> None:
    encoded = encode(value, "it")
    assert encode(decode(encoded), "it").encoding == encoded.encoding


@given(PYTHON_LIKE, st.integers(1, 50))
@settings(deadline=None)
def test_a_description_is_one_line_of_bounded_printable_text(value: Any, limit: int) -> None:
    text = describe(encode(value, "it"), limit)
    assert text.isprintable()
    assert 0 < len(text) <= limit
