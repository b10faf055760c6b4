"""Another, which claims the same place."""

from __future__ import annotations

from dataflows.connectors.sources import GenericSource, SignedBody
from tests.cli.delivering import unload

__all__ = ["sources", "unload"]

sources = {"depot": GenericSource("depot", SignedBody("X-Signature", "secret"))}
