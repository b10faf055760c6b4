"""Values come back as they went in, by the encoding that holds them, or are refused by name."""

from __future__ import annotations

import array
import asyncio
import collections
import datetime as dt
import decimal
import fractions
import functools
import ipaddress
import os
import pathlib
import re
import socket
import sys
import threading
import types
import uuid
import weakref
import zoneinfo
from collections.abc import Iterator
from typing import Any

import pytest

from dataflows import step
from dataflows.commands import Task
from dataflows.errors import CannotRestore, CannotStore
from interpreter.codec import Encoded, decode, encode, encode_error
from tests.codec.samples import Colour, Level, Name, Node, Old, Order, Outer, Point, Price, nested, same

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")

JSON_VALUES = [
    None,
    True,
    False,
    0,
    2**63,
    2**64 + 1,
    -(10**4000),
    0.1,
    -0.0,
    1e22,
    5e-324,
    "",
    "Müller 🙂",
    "NUL \0 inside",
    "lone \ud800 surrogate",
    "\udc00\ud800 in the wrong order",
    [],
    {},
    {"a": [1, 2.5, {"b": None}]},
    {"": 1, "\0": 2, "\ud800": 3},
    [[[[[]]]]],
    "$dataflows",
]

DILL_VALUES = [
    (),
    (1, "a"),
    [(1,)],
    {1: "a", "1": "b"},
    {None: 0, True: 1},
    {(1, 2): 3},
    {1, 2},
    frozenset({"a"}),
    b"\0\xff",
    bytearray(b"ab"),
    float("nan"),
    float("inf"),
    [float("-inf")],
    10**5000,
    "\ud83d\ude00",
    ["🙂", "\ud83d\ude00"],
    1 + 2j,
    range(3),
    slice(1, None),
    ...,
    decimal.Decimal("1.10"),
    fractions.Fraction(1, 3),
    dt.datetime(2024, 2, 29, 12, 0, 0, 1),
    dt.datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1),
    dt.datetime(2024, 2, 29, tzinfo=dt.UTC),
    dt.date(2024, 2, 29),
    dt.timedelta(days=-1, microseconds=1),
    uuid.UUID(int=7),
    pathlib.PurePosixPath("/a/b"),
    ipaddress.ip_address("::1"),
    Colour.RED,
    Level.HIGH,
    Order(1, ("a",), {1: {2}}),
    Price(5),
    [Price(5), {"p": Price(6)}],
    Point(1, 2),
    Old(1, 2),
    Name("x"),
    {Name("key"): 1},
    Outer.Inner(),
    collections.OrderedDict(a=1),
    collections.defaultdict(list, a=[1]),
    collections.deque([1], maxlen=2),
    collections.Counter("aab"),
    array.array("i", [1, 2]),
    re.compile("a+", re.IGNORECASE),
    types.SimpleNamespace(a=1),
    list[int],
    int,
    type(None),
    Order,
    Outer.Inner,
    nested,
    os.path.join,
    len,
]


@pytest.mark.parametrize("value", JSON_VALUES, ids=lambda value: ascii(value)[:40])
def test_json_holds_it_exactly(value: Any) -> None:
    encoded = encode(value, "it", codec="json")
    assert encoded.encoding == "json"
    assert encoded.data.isascii()
    assert same(decode(encoded), value)


@pytest.mark.parametrize("value", DILL_VALUES, ids=lambda value: f"{type(value).__name__}")
def test_dill_holds_what_json_would_change(value: Any) -> None:
    encoded = encode(value, "it")
    assert encoded.encoding == "dill"
    assert same(decode(encoded), value)
    with pytest.raises(CannotStore, match=r"cannot store it as JSON|cannot store it: .*only JSON"):
        encode(value, "it", codec="json")


def test_views_of_a_dict_are_among_what_only_dill_knows() -> None:
    assert list(decode(encode({"a": 1}.items(), "it"))) == [("a", 1)]


def test_each_decoding_gives_a_fresh_object() -> None:
    for encoded in (encode([1, []], "it"), encode(([],), "it")):
        first, second = decode(encoded), decode(encoded)
        assert first == second
        assert first[-1] is not second[-1]


def test_a_list_that_holds_itself_comes_back_holding_itself() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    again = decode(encode(loop, "it"))
    assert again[1] is again
    with pytest.raises(CannotStore, match="nests deeper"):
        encode(loop, "it", codec="json")


def test_a_list_that_doubles_at_each_level_is_stored_by_reference() -> None:
    value: list[Any] = []
    for _ in range(60):
        value = [value, value]
    encoded = encode(value, "it")
    assert encoded.encoding == "dill"
    again = decode(encoded)
    assert again[0] is again[1]


WRAPS = {
    "list": lambda value: [value],
    "dict": lambda value: {"a": value},
    "tuple": lambda value: (value,),
    "instance": Node,
    "mixed": lambda value: [{"a": (value,)}],
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
@pytest.mark.parametrize("levels", [100, 899, 1_000])
def test_a_thousand_levels_come_back(wrap: Any, levels: int) -> None:
    value = nested(levels, wrap)
    assert same(decode(encode(value, "it")), value)


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_a_hundred_thousand_levels_are_refused(wrap: Any) -> None:
    value = nested(100_000, wrap)
    with pytest.raises(CannotStore, match="nests too deeply"):
        encode(value, "it")
    with pytest.raises(CannotStore):
        encode(value, "it", codec="json")


def test_depth_does_not_depend_on_the_callers_own_stack() -> None:
    value = nested(890, WRAPS["list"], Task((1,)))

    def call(levels: int) -> Any:
        return call(levels - 1) if levels else decode(encode(value, "it", codec="json"))

    assert same(call(900), value)


def test_a_recursion_limit_raised_by_hand_does_not_let_depth_crash_the_process() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        for wrap in WRAPS.values():
            with pytest.raises(CannotStore, match="nests too deeply"):
                encode(nested(100_000, wrap), "it")
    finally:
        sys.setrecursionlimit(limit)


def test_an_int_written_under_a_higher_limit_of_digits_is_read_under_the_usual_one() -> None:
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        encoded = encode({"n": 10**5000}, "it", codec="json")
    finally:
        sys.set_int_max_str_digits(limit)
    assert decode(encoded) == {"n": 10**5000}


@pytest.mark.parametrize("value", ["x" * 2_000, b"x" * 2_000], ids=["json", "dill"])
def test_what_is_too_large_is_refused_with_its_size(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interpreter.codec.values.LARGEST", 1_000)
    with pytest.raises(CannotStore, match=r"cannot store the report: it takes 2,0\d\d bytes, more than the 1,000"):
        encode(value, "the report")


def local_function() -> Any:
    def inner() -> None: ...

    return inner


def local_class() -> type:
    class Inner: ...

    return Inner


def count() -> Iterator[int]:
    yield 1


async def fetch() -> None: ...


def instance_of_a_local_class() -> Any:
    return local_class()()


class Unwilling:
    def __reduce_ex__(self, protocol: object) -> Any:
        raise OSError("no copies of me")


class Asymmetric:
    def __reduce__(self) -> Any:
        return Asymmetric, (1, 2, 3)


class Shapeshifter:
    def __reduce__(self) -> Any:
        return list, ()


moved = types.FunctionType(fetch.__code__, {}, "fetch")

REFUSED = {
    "lambda": (lambda: lambda: 1, "a lambda cannot be found again"),
    "local function": (local_function, "a function defined inside a function"),
    "local class": (local_class, "a class defined inside a function"),
    "instance of a local class": (instance_of_a_local_class, "Inner: a class defined inside a function"),
    "function that is not what its name says": (lambda: moved, "under another name"),
    "lambda in a partial": (lambda: functools.partial(lambda: 1), "something in it is of type function: a lambda"),
    "generator": (count, r"generator: .*list\(\.\.\.\)"),
    "command": (lambda: step("fetch", fetch), "Step: it is a command and not its answer; write `yield from`"),
    "lock": (threading.Lock, "_thread.lock: it lives in this process only"),
    "reentrant lock": (threading.RLock, "RLock: it lives in this process only"),
    "condition": (threading.Condition, "RLock: it lives in this process only"),
    "thread": (threading.Thread, "a running thread"),
    "module": (lambda: os, "a module is no value"),
    "frame": (sys._getframe, "frame: it is a piece of the running program"),
    "code": (lambda: count.__code__, "code: it is a piece"),
    "weak reference": (lambda: weakref.ref(Order), "a weak reference"),
    "memoryview": (lambda: memoryview(b"a"), r"bytes\(\.\.\.\)"),
    "what will not be pickled": (Unwilling, r"Unwilling: it cannot be pickled \(OSError: no copies of me\)"),
    "what cannot be rebuilt": (Asymmetric, r"could not be rebuilt .*TypeError"),
    "what comes back as something else": (Shapeshifter, "it would come back as a list"),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_value_is_refused_with_the_reason(make: Any, reason: str) -> None:
    value = make()
    with pytest.raises(CannotStore, match=f"^cannot store the result of step 'fetch': .*{reason}"):
        encode(value, "the result of step 'fetch'")


def test_an_open_socket_is_refused() -> None:
    with socket.socket() as open_socket, pytest.raises(CannotStore, match="it lives in this process only"):
        encode(open_socket, "it")


def test_an_event_loops_future_is_refused() -> None:
    loop = asyncio.new_event_loop()
    with pytest.raises(CannotStore, match="Future: it cannot be pickled"):
        encode(loop.create_future(), "it")
    loop.close()


def test_an_open_file_is_refused(tmp_path: pathlib.Path) -> None:
    for mode in ("w", "rb", "wb", "r+b"):
        with (tmp_path / "file").open(mode) as file, pytest.raises(CannotStore, match="its path or address"):
            encode({"file": file}, "it")


def test_a_coroutine_is_refused() -> None:
    coroutine = fetch()
    with pytest.raises(CannotStore, match="coroutine: it has not been awaited"):
        encode(coroutine, "it")
    coroutine.close()


PLACES = {
    "['a'][3]": {"a": [0, 1, 2, threading.Lock()]},
    "[0].extra['x'][1]": [Order(1, extra={"x": (0, threading.Lock())})],
    "['e']._cond._lock": {"e": threading.Event()},
    "['s'].below": {"s": Node(instance_of_a_local_class())},
    "[1][0]": (1, [instance_of_a_local_class()]),
    " key <": {local_function(): 1},
    " member <": {local_function()},
}


@pytest.mark.parametrize(("place", "value"), PLACES.items(), ids=PLACES)
def test_a_refusal_names_the_place_in_the_value(place: str, value: Any) -> None:
    with pytest.raises(CannotStore, match=re.escape(f"cannot store it: {place.strip()}")):
        encode(value, "it")


def test_a_place_too_deep_to_be_read_is_left_out() -> None:
    with pytest.raises(CannotStore, match="cannot store it: something in it is of type _thread.lock") as refused:
        encode(nested(300, WRAPS["dict"], threading.Lock()), "it")
    assert len(str(refused.value)) < 200


JSON_PLACES = [
    ({"a": [1, (2,)]}, r"\['a'\]\[1\] is of type tuple: JSON would not give that type back"),
    ({"a": {1: 2}}, r"\['a'\] is of type dict: its key 1 is no str"),
    ([float("nan")], r"\[0\] is of type float: JSON has no nan"),
    ([10**5000], r"\[0\] is of type int: it has too many digits"),
    (["\ud83d\ude00"], r"\[0\] is of type str: JSON would join two surrogates"),
    ({"p": Price(1)}, r"\['p'\] is of type tests\.codec\.samples\.Price"),
]


@pytest.mark.parametrize(("value", "message"), JSON_PLACES, ids=range(len(JSON_PLACES)))
def test_the_json_codec_says_what_json_cannot_hold(value: Any, message: str) -> None:
    with pytest.raises(CannotStore, match=message):
        encode(value, "it", codec="json")


def test_an_unknown_codec_is_refused_for_any_value() -> None:
    with pytest.raises(ValueError, match="codec is 'auto' or 'json', not 'yaml'"):
        encode(None, "it", codec="yaml")


def test_a_refusal_does_not_keep_the_picklers_stack_alive() -> None:
    with pytest.raises(CannotStore) as refused:
        encode(nested(100_000, WRAPS["tuple"]), "it")
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


DAMAGED = [
    Encoded("json", b'{"a":'),
    Encoded("json", b"\xff"),
    Encoded("json", b'{"$dataflows":"no such tag","value":1}'),
    Encoded("json", b'{"$dataflows":"event","value":{}}'),
    Encoded("dill", b"\x80\x05"),
    Encoded("dill", b"cno_such_module\nName\n."),
    Encoded("dill", b"cos\nno_such_name\n."),
    Encoded("yaml", b""),
]


@pytest.mark.parametrize("encoded", DAMAGED, ids=lambda encoded: repr(encoded.data))
def test_what_cannot_be_restored_is_one_error(encoded: Encoded) -> None:
    with pytest.raises(CannotRestore):
        decode(encoded)


def test_an_error_decodes_to_the_exception() -> None:
    assert type(decode(encode_error(KeyError("a")))) is KeyError
