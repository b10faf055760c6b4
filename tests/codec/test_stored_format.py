"""What has been stored once is read for ever: these bytes are the first version's, and may not be changed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dataflows.commands import Task, Winner
from dataflows.events import Event
from interpreter.codec import Encoded, decode, decode_error
from tests.codec.faults import Group, SeveralArguments
from tests.codec.samples import Price

STORED: list[tuple[str, bytes, Any]] = [
    ("json", b'{"a":[1,2.5,null,"\\u0000\\ud800"]}', {"a": [1, 2.5, None, "\0\ud800"]}),
    ("json", b'{"$dataflows":"dict","value":[["$dataflows",1],["b",2]]}', {"$dataflows": 1, "b": 2}),
    ("json", b'{"$dataflows":"task","value":{"position":[3,0,2]}}', Task((3, 0, 2))),
    ("json", b'{"$dataflows":"winner","value":{"name":"a","value":[]}}', Winner("a", [])),
    (
        "json",
        b'{"$dataflows":"event","value":{"specversion":"1.0","id":"1","source":"/a","type":"b","datacontenttype":"c"}}',
        Event("1", "/a", "b", datacontenttype="c"),
    ),
    # A class by name, as a script's classes are written; in pickle's oldest protocol, since that can be read.
    ("dill", b"cinterpreter.codec.names\nfind\n(Vtests.codec.samples\nVPrice\ntR(I5\nVEUR\ntR.", Price(5, "EUR")),
]


@pytest.mark.parametrize(("encoding", "data", "value"), STORED, ids=[repr(value) for *_, value in STORED])
def test_a_stored_value_is_read(encoding: str, data: bytes, value: Any) -> None:
    assert decode(Encoded(encoding, data)) == value


def envelope(kind: str, text: str, recipe: bytes, **more: Any) -> dict[str, Any]:
    """As the first version wrote it."""
    return {
        "module": "tests.codec.faults",
        "qualname": kind,
        "text": text,
        "traceback": "Traceback (most recent call last):\n...",
        "notes": ["noted"],
        "recipe": base64.b64encode(recipe).decode(),
        "cause": None,
        "context": None,
        "suppress_context": False,
    } | more


MEMBER = envelope(
    "SeveralArguments",
    "4: x",
    b"(cinterpreter.codec.rebuilding\nwithout_init\n(ctests.codec.faults\nSeveralArguments\nV4: x\nt(dVcode\nI4\nst.",
)
GROUP = envelope(
    "Group",
    "code 7 (1 sub-exception)",
    b"(cinterpreter.codec.rebuilding\ngroup_without_init\n(ctests.codec.faults\nGroup\nVcode 7\nt(dVcode\nI7\nst.",
    members=[0],
    context=0,
    suppress_context=True,
    linked=[MEMBER],
)


def test_a_stored_exception_is_read() -> None:
    group = decode_error(Encoded("error", json.dumps(GROUP).encode()))
    assert type(group) is Group
    assert (group.message, group.code) == ("code 7", 7)
    (member,) = group.exceptions
    assert type(member) is SeveralArguments
    assert (str(member), member.code) == ("4: x", 4)
    assert group.__context__ is member
    assert group.__suppress_context__
    assert group.__notes__ == ["noted", "First raised here:\nTraceback (most recent call last):\n..."]
