"""What every source does with deliveries that are not its service's: each refuses, and says no more than that."""

from __future__ import annotations

import base64
import traceback
from dataclasses import replace

import pytest

from dataflows.connectors.sources import Received, receive
from dataflows.errors import InvalidSignature
from tests.connectors.sources.examples import EXAMPLES, PREVIOUS, SECRET, Example, later, with_header

every_source = pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
every_signature = pytest.mark.parametrize(
    "example", signing := [example for example in EXAMPLES if example.covers_body], ids=[one.name for one in signing]
)
every_stamped = pytest.mark.parametrize(
    "example",
    stamping := [one for one in EXAMPLES if one.name in {"stripe", "slack", "standard"}],
    ids=lambda one: one.name,
)


@every_source
def test_a_genuine_delivery_is_received(example: Example) -> None:
    received = receive(example.source, example.delivered())
    assert isinstance(received, Received)
    assert len(received.events) == 1


@every_source
def test_the_secret_that_is_being_replaced_is_taken_too(example: Example) -> None:
    received = [receive(example.source, example.delivered(secret=secret)) for secret in example.secrets]
    assert received[0] == received[1]


@every_source
def test_another_secret_is_refused(example: Example) -> None:
    other = f"whsec_{base64.b64encode(b'a guess').decode()}"
    with pytest.raises(InvalidSignature):
        receive(example.source, example.delivered(secret=other))


@every_source
def test_the_secret_that_was_replaced_is_refused_from_then_on(example: Example) -> None:
    with pytest.raises(InvalidSignature):
        receive(example.make(example.secrets[0]), example.delivered(secret=example.secrets[1]))


@every_source
def test_a_source_without_a_secret_refuses_everything(example: Example) -> None:
    assert example.source.has_secret
    for source in (example.make(), example.make(None)):
        assert not source.has_secret
        for given in (example.delivered(), with_header(example.delivered(), example.proof, "")):
            with pytest.raises(InvalidSignature):
                receive(source, given)


@every_source
def test_an_empty_secret_is_no_secret_but_a_mistake(example: Example) -> None:
    for empty in ("", " "):
        with pytest.raises(ValueError, match="is empty"):
            example.make(empty)


@every_source
def test_three_secrets_at_a_time_are_refused(example: Example) -> None:
    with pytest.raises(ValueError, match="at most two"):
        example.make(*example.secrets, example.secrets[0])


@every_source
def test_a_proof_that_is_missing_empty_or_there_twice_is_refused(example: Example) -> None:
    genuine = example.delivered()
    proof = str(genuine.headers.only(example.proof))
    for values in ([], [""], [" "], [proof, proof], ["x", proof], [proof, "x"]):
        with pytest.raises(InvalidSignature):
            receive(example.source, with_header(genuine, example.proof, *values))


@every_source
def test_a_proof_that_is_cut_short_changed_or_of_strange_letters_is_refused(example: Example) -> None:
    genuine = example.delivered()
    proof = str(genuine.headers.only(example.proof))
    other = "1" if proof[-2] == "0" else "0"
    changed = proof[:-2] + other + proof[-1]
    for value in (proof[:-1], changed, proof + "0", proof.swapcase(), proof[:-1] + "é", proof + "\ud800", "\0" + proof):
        with pytest.raises(InvalidSignature):
            receive(example.source, with_header(genuine, example.proof, value))


@every_source
def test_names_of_headers_are_known_in_any_case(example: Example) -> None:
    genuine = example.delivered()
    proof = str(genuine.headers.only(example.proof))
    for name in (example.proof.upper(), example.proof.lower()):
        assert receive(example.source, with_header(genuine, name, proof)) == receive(example.source, genuine)


@every_signature
def test_a_signature_of_another_body_is_refused(example: Example) -> None:
    genuine = example.delivered()
    spaced = genuine.body.replace(b":", b": ")
    for body in (genuine.body + b" ", genuine.body[:-1], spaced, b"", genuine.body * 2):
        with pytest.raises(InvalidSignature):
            receive(example.source, replace(genuine, body=body))


@every_stamped
def test_a_time_stamp_counts_for_five_minutes_before_and_after(example: Example) -> None:
    for seconds in (-300, 0, 300):
        receive(example.source, later(example.delivered(), seconds))
    for seconds in (-301, 301, 86_400, -86_400):
        with pytest.raises(InvalidSignature):
            receive(example.source, later(example.delivered(), seconds))


@pytest.mark.parametrize(
    "stamp", ["", "0", "-1", "1e9", "1 614", "+1614265330", "\uff11\uff16", "nan", "9" * 40, "1614265330.0"]
)
@every_stamped
def test_a_time_stamp_that_is_no_number_of_seconds_is_refused(example: Example, stamp: str) -> None:
    genuine = example.delivered()
    signature = str(genuine.headers.only("Stripe-Signature"))
    tampered = with_header(genuine, "Stripe-Signature", f"t={stamp},{signature.partition(',')[2]}")
    for name in ("X-Slack-Request-Timestamp", "webhook-timestamp"):
        tampered = with_header(tampered, name, stamp)
    with pytest.raises(InvalidSignature):
        receive(example.source, tampered)


@every_source
def test_no_secret_shows_in_a_source_or_a_delivery_or_in_a_refusal(example: Example) -> None:
    genuine, source = example.delivered(), example.source
    with pytest.raises(InvalidSignature) as caught:
        receive(example.make(example.secrets[1]), genuine)
    shown = repr(source) + repr(genuine) + str(genuine.headers) + "".join(traceback.format_exception(caught.value))
    proof = str(genuine.headers.only(example.proof))
    for hidden in (SECRET, PREVIOUS, *example.secrets, proof, proof.rpartition(" ")[2]):
        assert hidden not in shown


@every_source
def test_a_refusal_does_not_tell_a_wrong_secret_from_none(example: Example) -> None:
    texts = set()
    for source in (example.make(), example.make(example.secrets[1])):
        with pytest.raises(InvalidSignature) as caught:
            receive(source, example.delivered())
        texts.add(str(caught.value))
    assert len(texts) == 1
