"""The local services, each fresh for its test, and clients of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dataflows.connectors.azure_devops import AzureDevOps
from dataflows.connectors.clickup import ClickUp
from dataflows.connectors.shopify import Shopify
from examples.services import LocalAzureDevOps, LocalClickUp, LocalShopify
from tests.connectors.till import Till


@pytest.fixture
def azure_service() -> Iterator[LocalAzureDevOps]:
    with LocalAzureDevOps() as service:
        yield service


@pytest.fixture
def azure(azure_service: LocalAzureDevOps) -> AzureDevOps:
    return AzureDevOps(azure_service.url, azure_service.token)


@pytest.fixture
def clickup_service() -> Iterator[LocalClickUp]:
    with LocalClickUp() as service:
        yield service


@pytest.fixture
def clickup(clickup_service: LocalClickUp) -> ClickUp:
    return ClickUp(clickup_service.url, clickup_service.token)


@pytest.fixture
def shopify_service() -> Iterator[LocalShopify]:
    with LocalShopify() as service:
        yield service


@pytest.fixture
def shopify(shopify_service: LocalShopify) -> Shopify:
    return Shopify(shopify_service.url, shopify_service.token)


@pytest.fixture
def till() -> Iterator[Till]:
    with Till() as service:
        yield service
