"""Seals: with a key, nothing is unpickled that no program with that key has pickled."""

from __future__ import annotations

import base64
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.errors import CannotRestore, StepFailed
from interpreter.codec import Encoded, decode, decode_error, encode, encode_error
from interpreter.codec.seals import VARIABLE, seal, unseal

KEY, OTHER = "a key of the tests", "another key of the tests"
VALUE = (1, {2, 3})


class Hostile:
    """Whoever unpickles it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


SetKey = Callable[[str], None]


@pytest.fixture
def set_key(monkeypatch: pytest.MonkeyPatch) -> SetKey:
    return lambda key: monkeypatch.setenv(VARIABLE, key)


def test_what_is_sealed_comes_back_and_is_json_where_json_is_enough(set_key: SetKey) -> None:
    set_key(KEY)
    assert decode(encode(VALUE, "a value")) == VALUE
    assert encode([1, "a"], "a value") == Encoded("json", b'[1,"a"]')
    error = decode_error(encode_error(KeyError({1, 2})))
    assert (type(error), error.args) == (KeyError, ({1, 2},))


@pytest.mark.parametrize("key", [KEY, f"{KEY},{OTHER}"])
def test_a_pickle_that_nobody_has_sealed_is_not_made_again(set_key: SetKey, tmp_path: Path, key: str) -> None:
    folder = tmp_path / "made"
    hostile = pickle.dumps(Hostile(folder))
    set_key(key)
    with pytest.raises(CannotRestore, match="was not sealed, and is not unpickled"):
        decode(Encoded("dill", hostile))
    assert not folder.exists()


def test_in_an_error_neither_and_its_text_is_told_all_the_same(set_key: SetKey, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    recipe = base64.b64encode(pickle.dumps((os.mkdir, (str(folder),), None))).decode()
    node = {"module": "shop", "qualname": "Gone", "text": "why", "traceback": "", "recipe": recipe, "linked": []}
    set_key(KEY)
    error = decode_error(Encoded("error", json.dumps(node).encode()))
    assert isinstance(error, StepFailed) and "why" in str(error)
    assert not folder.exists()


def test_a_key_is_replaced_by_putting_another_before_it(set_key: SetKey) -> None:
    set_key(KEY)
    before = encode(VALUE, "a value")
    set_key(f"{OTHER}, {KEY}")
    between = encode(VALUE, "a value")
    assert decode(before) == decode(between) == VALUE
    set_key(OTHER)
    assert decode(between) == VALUE
    with pytest.raises(CannotRestore, match="sealed with another key"):
        decode(before)


def test_who_trusts_everybody_reads_what_others_have_sealed(set_key: SetKey) -> None:
    set_key(KEY)
    sealed = encode(VALUE, "a value")
    set_key("")
    assert decode(sealed) == VALUE
    assert encode(VALUE, "a value").data == unseal(sealed.data)


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(1, 255))
def test_not_a_bit_of_what_is_sealed_may_be_another(pickled: bytes, place: int, change: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(VARIABLE, KEY)
        sealed = bytearray(seal(pickled))
        assert unseal(bytes(sealed)) == pickled
        sealed[place % len(sealed)] ^= change
        with pytest.raises(CannotRestore):
            unseal(bytes(sealed))
