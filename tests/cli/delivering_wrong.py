"""Another, whose sources are none."""

from __future__ import annotations

from tests.cli.delivering import unload

__all__ = ["sources", "unload"]

sources = ["depot"]
