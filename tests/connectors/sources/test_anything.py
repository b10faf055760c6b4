"""Whatever an attacker sends, a source answers, receives or refuses it, and nothing else happens."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dataflows.connectors import (
    azure_devops,
    clickup,
    cloudevents,
    generic,
    github,
    shopify,
    slack,
    standard_webhooks,
    stripe,
)
from dataflows.connectors.answers import Answer
from dataflows.connectors.sources import Delivery, Headers, Received, Source, receive
from dataflows.connectors.sources.reading import DEEPEST
from dataflows.errors import InvalidEvent, InvalidSignature
from interpreter.codec import decode, encode
from tests.connectors.sources.examples import EXAMPLES, NOW, SHOP, Example, compact

TRIGGERS = [
    azure_devops.work_item_created("Shop"),
    azure_devops.work_item_updated("Shop", changed="System.State"),
    azure_devops.code_pushed(repository="web", branch="main"),
    clickup.task_created(list=162641062),
    clickup.task_status_changed(to="done"),
    cloudevents.received("order.paid", source="/shop/orders"),
    generic.received("shop", "order.paid"),
    github.issue_opened("acme/web"),
    github.pushed(branch="main"),
    shopify.order_created(SHOP),
    slack.command_used("/deploy"),
    slack.message_posted("C1"),
    standard_webhooks.received("order.paid"),
    stripe.payment_succeeded(live=True),
]

NAMES = sorted(
    {name for example in EXAMPLES for name, _ in example.delivered().headers}
    | {"x-github-event", "origin", "webhook-request-origin", "svix-id", "svix-signature", "shopify-hmac-sha256"}
)
ODD = "aZ09 ,.:;=+-_/~%\0\t\"'{}[]é\ud800\U0001f600"
TEXT = st.text(ODD, max_size=30)
VALUES = TEXT | st.sampled_from(
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "application/cloudevents+xml",
        "text/plain",
        "1.0",
        "ping",
        "Basic",
        "Basic ====",
        "Bearer ",
        "v1,,v1",
        "v1a,AAAA",
        "t=1,t=2,v1=",
        "%ff",
    ]
)
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
BODIES = (
    st.binary(max_size=60)
    | JSON.map(lambda content: json.dumps(content).encode())
    | st.sampled_from(
        [
            b"[" * 100_000,
            b'{"a":' * 500 + b"1" + b"}" * 500,
            b"1" * 5000,
            b"1e999",
            b"NaN",
            b'{"type":"x","a":' + b"[" * (DEEPEST - 1) + b"]" * (DEEPEST - 1) + b"}",
            b'{"type":"x","a":' + b"1" * 4300 + b"}",
            b'{"type":"x","type":"y"}',
            b'{"id":"\\ud800\\u0000"}',
            b"\xff\xfe[\x00]\x00",
            b"a=%ff",
            b"a=1&a=1",
            b"&" * 300,
            b"payload=%5B",
            b"command=/x&payload={}",
        ]
    )
)


def outcome(source: Source, given: Delivery) -> Answer | Received | None:
    """What became of it; None is a refusal."""
    try:
        found = receive(source, given)
    except (InvalidSignature, InvalidEvent) as error:
        refused = str(error)
    else:
        check(found)
        return found
    assert len(refused) < 500
    assert refused.isprintable()
    return None


def check(found: Answer | Received) -> None:
    """What was received can be stored under its key, is never pickled, and can be offered to every trigger."""
    if isinstance(found, Answer):
        assert found.status == 200
        return
    assert len(found.keys) == len(found.events)
    for key in (found.id, *found.keys):
        assert key.isascii() and key.isprintable() and " " not in key and 0 < len(key) <= 200
    for event in found.events:
        assert (event.id + event.source + event.type + (event.subject or "")).isprintable()
        stored = encode({"args": [event]}, "the arguments of a workflow")
        assert stored.encoding == "json"
        assert decode(stored) == {"args": [event]}
        assert {trigger.matches(event) for trigger in TRIGGERS} <= {True, False}


@given(st.sampled_from(EXAMPLES), st.sampled_from(["GET", "POST", "OPTIONS", ""]), HEADERS, BODIES)
def test_arbitrary_bytes_are_refused(
    example: Example, method: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    assert outcome(example.source, Delivery(method, Headers(headers), body, NOW)) is None


@given(st.sampled_from(EXAMPLES), BODIES)
def test_a_genuine_delivery_of_anything_is_received_or_refused(example: Example, body: bytes) -> None:
    outcome(example.source, example.delivered(body))


@given(st.sampled_from(EXAMPLES), st.data())
def test_a_genuine_delivery_whose_fields_hold_anything_is_received_or_refused(example: Example, data: Any) -> None:
    whole = example.content[0] if isinstance(example.content, list) else example.content
    changed = {**whole, **data.draw(st.dictionaries(st.sampled_from([*sorted(whole), "account", "team"]), JSON))}
    content = [changed] if isinstance(example.content, list) else changed
    outcome(example.source, example.delivered(json.dumps(content).encode()))


@given(st.sampled_from(EXAMPLES), HEADERS)
def test_a_genuine_delivery_with_any_other_headers_is_received_or_refused(
    example: Example, headers: list[tuple[str, str]]
) -> None:
    genuine = example.delivered()
    others = [(name, value) for name, value in headers if name != example.proof.lower()]
    changed = {name for name, _ in others}
    kept = [(name, value) for name, value in genuine.headers if name not in changed]
    outcome(example.source, replace(genuine, headers=Headers([*kept, *others])))


@given(st.sampled_from([one for one in EXAMPLES if one.covers_body]), st.data())
def test_one_changed_byte_of_a_signed_body_is_refused(example: Example, data: Any) -> None:
    genuine = example.delivered()
    place = data.draw(st.integers(0, len(genuine.body) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != genuine.body[place]))
    body = genuine.body[:place] + bytes([byte]) + genuine.body[place + 1 :]
    assert outcome(example.source, replace(genuine, body=body)) is None


@given(st.sampled_from(EXAMPLES), st.data())
def test_one_changed_letter_of_a_proof_is_refused(example: Example, data: Any) -> None:
    genuine = example.delivered()
    proof = str(genuine.headers.only(example.proof))
    significant = len("Bearer ") if proof.startswith(("Bearer ", "Basic ")) else 0  # a scheme may be in any case
    place = data.draw(st.integers(significant, len(proof) - 1))
    letter = data.draw(st.sampled_from(ODD).filter(lambda letter: letter not in (proof[place], " ", "\t", "=")))
    tampered = proof[:place] + letter + proof[place + 1 :]
    headers = [(name, tampered if name == example.proof.lower() else value) for name, value in genuine.headers]
    assert outcome(example.source, replace(genuine, headers=Headers(headers))) is None


@given(st.sampled_from(EXAMPLES), JSON)
def test_a_redelivery_is_known_whatever_it_holds(example: Example, content: object) -> None:
    whole = example.content
    body = compact({**whole, "more": content} if isinstance(whole, dict) else whole)
    first, second = (outcome(example.source, example.delivered(body)) for _ in range(2))
    assert first == second
