"""Sources: who delivers events, and how that is proven and read. Pure: bytes in, values out.

A source is small parts, ``Source``, that ``receive`` asks in their order. One module for each service holds its source,
with the secrets to know it by, and its triggers, which authors write at their workflows. Nothing here has a clock,
opens a connection or needs an installed package (but for ed25519 keys).
"""

from dataflows.connectors.sources.azure_devops import AzureDevOpsSource
from dataflows.connectors.sources.checks import Basic, Bearer, Check, HeaderToken, SignedBody
from dataflows.connectors.sources.clickup import ClickUpSource
from dataflows.connectors.sources.cloudevents import CloudEventsSource
from dataflows.connectors.sources.delivery import Delivery, Received
from dataflows.connectors.sources.generic import GenericSource
from dataflows.connectors.sources.github import GitHubSource
from dataflows.connectors.sources.headers import LOGGABLE, Headers
from dataflows.connectors.sources.reading import body_hash, identifier
from dataflows.connectors.sources.shopify import ShopifySource
from dataflows.connectors.sources.slack import SlackSource
from dataflows.connectors.sources.source import Source, receive
from dataflows.connectors.sources.standard_webhooks import StandardWebhooksSource
from dataflows.connectors.sources.stripe import StripeSource

__all__ = [
    "LOGGABLE",
    "AzureDevOpsSource",
    "Basic",
    "Bearer",
    "Check",
    "ClickUpSource",
    "CloudEventsSource",
    "Delivery",
    "GenericSource",
    "GitHubSource",
    "HeaderToken",
    "Headers",
    "Received",
    "ShopifySource",
    "SignedBody",
    "SlackSource",
    "Source",
    "StandardWebhooksSource",
    "StripeSource",
    "body_hash",
    "identifier",
    "receive",
]
