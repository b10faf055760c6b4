"""The keys and ids of Standard Webhooks."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from standardwebhooks import Webhook

from dataflows.connectors.sources import StandardWebhooksSource
from dataflows.errors import InvalidSignature
from tests.connectors.sources.examples import BY_NAME, NOW, SECRET, STAMP, digest, received, with_header


@pytest.mark.parametrize("secret", ["whsec_!!!", "whsk_AAAA", "whpk_AAAA", "whsec_", "é"])
def test_a_key_that_is_written_wrongly_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ValueError, match="as such a secret|32 bytes") as caught:
        StandardWebhooksSource(secret)
    assert secret.removeprefix("whsec_") == "" or secret not in str(caught.value)


def test_what_the_specifications_own_library_signs_is_genuine() -> None:
    example = BY_NAME["standard"]
    genuine = example.delivered()
    signature = Webhook(example.secrets[0]).sign("msg_1", NOW, genuine.body.decode())
    assert received("standard", with_header(genuine, "webhook-signature", signature)) == received("standard")


@pytest.mark.parametrize("id", ["msg.1", "", "two words", "x" * 151, "é"])
def test_a_message_id_that_could_be_mistaken_is_refused_though_it_is_signed(id: str) -> None:
    genuine = BY_NAME["standard"].delivered()
    for signed, is_taken in (("msg_2", True), (id, False)):
        signature = digest(SECRET, f"{signed}.{STAMP}.".encode() + genuine.body, "base64")
        given = with_header(with_header(genuine, "webhook-id", signed), "webhook-signature", f"v1,{signature}")
        with nullcontext() if is_taken else pytest.raises(InvalidSignature):
            received("standard", given)


@pytest.mark.parametrize("signature", ["v1a,é", "v1a,\ud800", "v1a,====", "v1a,", "v1a", ",", "", "v1a,AAAA v1a,é"])
def test_a_signature_that_is_none_is_refused_by_a_public_key(signature: str) -> None:
    source = StandardWebhooksSource("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=")
    with pytest.raises(InvalidSignature):
        source.verify(with_header(BY_NAME["standard"].delivered(), "webhook-signature", signature))


@pytest.mark.parametrize("name", ["", "Shop", "a/b", "../x", "-a", "events", "a" * 63])
def test_a_source_has_a_name_that_can_stand_in_an_address_and_is_not_the_programs_own(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        StandardWebhooksSource(name=name)
