"""Stripe's list of signatures."""

from __future__ import annotations

import pytest

from dataflows.errors import InvalidSignature
from tests.connectors.sources.examples import BY_NAME, event_of, received, with_header


def test_any_of_several_stripe_signatures_suffices_and_other_schemes_are_ignored() -> None:
    genuine = BY_NAME["stripe"].delivered()
    stamp, signature = str(genuine.headers.only("Stripe-Signature")).split(",")
    both = f"{stamp},v1={'0' * 64},{signature},v0={'0' * 64}"
    assert event_of("stripe", with_header(genuine, "Stripe-Signature", both)) == event_of("stripe")
    for value in (f"{stamp},{stamp},{signature}", signature, stamp, f"{stamp},{signature.replace('v1', 'v0')}"):
        with pytest.raises(InvalidSignature):
            received("stripe", with_header(genuine, "Stripe-Signature", value))
