"""The keys and ids of Standard Webhooks."""

from __future__ import annotations

import pytest
from standardwebhooks import Webhook

from dataflows.connectors.sources import StandardWebhooksSource
from dataflows.errors import InvalidSignature
from tests.connectors.sources.examples import BY_NAME, NOW, received, with_header


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
def test_a_message_id_that_could_be_mistaken_is_refused(id: str) -> None:
    with pytest.raises(InvalidSignature):
        received("standard", with_header(BY_NAME["standard"].delivered(), "webhook-id", id))


@pytest.mark.parametrize("name", ["", "Shop", "a/b", "../x", "-a", "events", "a" * 63])
def test_a_source_has_a_name_that_can_stand_in_an_address_and_is_not_the_programs_own(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        StandardWebhooksSource(name=name)
