"""Local stand-ins for Azure DevOps and ClickUp, which speak the services' real protocols.

They serve on loopback sockets, with the shapes, status codes, limits and faults of the real ones.
Address and token are all that a connector sees differ. ``python -m examples.services`` runs both.
"""

from examples.services.azure_devops import LocalAzureDevOps
from examples.services.clickup import LocalClickUp

__all__ = ["LocalAzureDevOps", "LocalClickUp"]
