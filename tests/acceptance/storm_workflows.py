"""What the storm of deliveries starts, and who delivers."""

from __future__ import annotations

from dataflows import Event, Flow, step, workflow
from dataflows.connectors.sources import GenericSource, SignedBody
from dataflows.connectors.sources.generic import received
from tests.acceptance import ledger

__all__ = ["HEADER", "SECRET", "filed", "sources"]

HEADER, SECRET = "X-Signature", "a secret of the storm"

sources = [GenericSource("storm", SignedBody(HEADER, SECRET), id="id")]


@workflow("storm/filed", trigger=received("storm", "filed"))
def filed(event: Event) -> Flow[int]:
    yield from step("file", ledger.record)
    number: int = event.data["number"]
    return number
