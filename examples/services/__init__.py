"""Local stand-ins for Azure DevOps, ClickUp and Shopify, which speak the services' real protocols.

They serve on loopback sockets, with the shapes, status codes, limits and faults of the real ones.
Address and token are all that a connector sees differ. ``python -m examples.services`` runs the first two.
"""

from examples.services.azure_devops import LocalAzureDevOps
from examples.services.clickup import LocalClickUp
from examples.services.shopify import LocalShopify

__all__ = ["LocalAzureDevOps", "LocalClickUp", "LocalShopify"]
