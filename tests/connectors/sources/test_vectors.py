"""Signatures that were published, with their secrets, by the services or by other implementations."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dataflows.connectors.sources import (
    ClickUpSource,
    Delivery,
    GitHubSource,
    ShopifySource,
    SlackSource,
    Source,
    StandardWebhooksSource,
    StripeSource,
)
from dataflows.errors import InvalidSignature
from tests.connectors.sources.examples import delivery, with_header

THEN = datetime.fromtimestamp(1614265330, UTC)

GOOD = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
NEAR_MISS = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="
FOREIGN = "Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
SEVERAL = f"v1,{FOREIGN} v2,{FOREIGN} {GOOD} v1,{FOREIGN}"
ED25519 = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WHPK = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="

STRIPE_BODY = b"""{
  "id": "evt_test_webhook",
  "object": "event",
  "data": { "object": { "id": "rdr_123", "object": "terminal.reader" } }
}"""
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
CLICKUP_BODY = (
    b'{"event":"taskCreated","history_items":[{"id":"2800763136717140857"}],"task_id":"1vj37mc",'
    b'"webhook_id":"7fa3ec74-69a8-4530-a251-8a13730bd204"}'
)


def github(body: bytes, signature: str) -> Delivery:
    return delivery(body, ("X-Hub-Signature-256", f"sha256={signature}"))


def stripe(body: bytes, signature: str) -> Delivery:
    return delivery(body, ("Stripe-Signature", f"t=1614265330,v1={signature}"), at=THEN)


def standard(signature: str, prefix: str = "webhook") -> Delivery:
    return delivery(
        b'{"test": 2432232314}',
        (f"{prefix}-signature", signature),
        (f"{prefix}-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        (f"{prefix}-timestamp", "1614265330"),
        at=THEN,
    )


def slack(signature: str) -> Delivery:
    stamp = 1531420618
    headers = [("X-Slack-Signature", f"v0={signature}"), ("X-Slack-Request-Timestamp", str(stamp))]
    form = ("Content-Type", "application/x-www-form-urlencoded")
    return delivery(SLACK_BODY, *headers, form, at=datetime.fromtimestamp(stamp, UTC))


def shopify(body: bytes, signature: str) -> Delivery:
    return delivery(body, ("X-Shopify-Hmac-Sha256", signature), ("X-Shopify-Shop-Domain", "acme.myshopify.com"))


def of_shop(secret: str) -> Source:
    return ShopifySource(secret, shops=["acme.myshopify.com"])


VECTORS = {
    "github, documentation": (
        GitHubSource("It's a Secret to Everybody"),
        github(b"Hello, World!", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
    ),
    "github, octokit": (
        GitHubSource("mysecret"),
        github(b'{"foo":"bar"}', "4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3"),
    ),
    "github, octokit on deno": (
        GitHubSource("secret"),
        github(b"data", "1b2c16b75bd2a870c114153ccda5bcfca63314bc722fa160d690de133ccbb9db"),
    ),
    "stripe, payload and secret of stripe-python": (
        StripeSource("whsec_test_secret"),
        stripe(STRIPE_BODY, "117f2d4aa1697fc9f837f2feca4e5e23ec790ffa7b6b669073d3677ae48c4b5f"),
    ),
    "stripe, short": (
        StripeSource("whsec_test_secret"),
        stripe(
            b'{"id":"evt_1","object":"event","type":"invoice.paid"}',
            "7f05f5d53a8d6765a225ba05aefdffda66d1a56c436e4c9f2d675e8256ac735b",
        ),
    ),
    "slack": (
        SlackSource("8f742231b10e8888abcd99yyyzzz85a5"),
        slack("a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
    ),
    "standard": (StandardWebhooksSource(WHSEC), standard(GOOD)),
    "standard, secret without its prefix": (StandardWebhooksSource(WHSEC.removeprefix("whsec_")), standard(GOOD)),
    "standard, several signatures": (StandardWebhooksSource(WHSEC), standard(SEVERAL)),
    "standard, the names of Svix": (StandardWebhooksSource(WHSEC), standard(GOOD, "svix")),
    "standard, ed25519": (StandardWebhooksSource(WHPK), standard(ED25519)),
    "standard, ed25519 beside a shared secret": (
        StandardWebhooksSource(WHSEC, WHPK),
        standard(f"v1,{FOREIGN} {ED25519}"),
    ),
    "shopify, sqlpage": (
        of_shop("test-webhook-secret"),
        shopify(
            b'{"id":1234567890,"email":"customer@example.com","total_price":"123.45"}',
            "QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw=",
        ),
    ),
    "shopify, short": (
        of_shop("hush"),
        shopify(
            b'{"id":820982911946154508,"name":"#9999","total_price":"404.95","currency":"USD"}',
            "QKfL+E8RFjlZyzx0gojVF8X8Pi8Pepzxdvn986sgX2w=",
        ),
    ),
    "clickup": (
        ClickUpSource("clickup-secret"),
        delivery(CLICKUP_BODY, ("X-Signature", "411c6b70f5f3ff217f0afd45b9fe66df05609b371b86632ca28220471b71138b")),
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_what_was_published_is_genuine(name: str) -> None:
    source, genuine = VECTORS[name]
    source.verify(genuine)


@pytest.mark.parametrize("name", VECTORS)
def test_what_was_published_is_refused_with_one_byte_more_or_less(name: str) -> None:
    source, genuine = VECTORS[name]
    for body in (genuine.body + b"\n", genuine.body[:-1], b" " + genuine.body):
        with pytest.raises(InvalidSignature):
            source.verify(replace(genuine, body=body))


def test_a_signature_that_differs_in_its_last_letter_is_refused() -> None:
    with pytest.raises(InvalidSignature):
        StandardWebhooksSource(WHSEC).verify(standard(NEAR_MISS))


def test_neither_kind_of_key_takes_the_other_kinds_signature() -> None:
    for key, signature in ((WHPK, GOOD), (WHSEC, ED25519), (WHPK, "v1a," + GOOD[3:]), (WHSEC, "v1," + ED25519[4:])):
        with pytest.raises(InvalidSignature):
            StandardWebhooksSource(key).verify(standard(signature))


@pytest.mark.parametrize("text", ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr", WHSEC, WHPK])
def test_a_secret_without_padding_is_accepted(text: str) -> None:
    assert StandardWebhooksSource(text).has_secret


def test_the_two_meanings_of_whsec_are_told_apart() -> None:
    """Standard Webhooks decodes what follows; Stripe's key is the whole text."""
    stamped = with_header(standard(GOOD), "Stripe-Signature", f"t=1614265330,v1={GOOD[3:]}")
    with pytest.raises(InvalidSignature):
        StripeSource(WHSEC).verify(stamped)


def test_headers_from_documentation_whose_keys_are_unknown_are_read_and_refused() -> None:
    stripe_signature = "5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd"
    at = datetime.fromtimestamp(1492774577, UTC)
    header = ("Stripe-Signature", f"t=1492774577,v1={stripe_signature},v0={stripe_signature}")
    with pytest.raises(InvalidSignature):
        StripeSource("whsec_test_secret").verify(delivery(b"{}", header, at=at))
    with pytest.raises(InvalidSignature):
        StandardWebhooksSource(WHSEC).verify(standard("v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="))
    with pytest.raises(InvalidSignature):
        ClickUpSource("secret").verify(delivery(b"{}", ("X-Signature", "f7bc83f430538424b13298e6aa6")))
