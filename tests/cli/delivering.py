"""A module for ``dataflows serve`` whose sources deliver."""

from __future__ import annotations

import os

from dataflows import Event, Flow, step, workflow
from dataflows.connectors.sources import Bearer, GenericSource
from dataflows.connectors.sources.generic import received

TOKEN = "a token of the tests"

sources = [GenericSource("depot", Bearer(os.environ.get("DEPOT_TOKEN", TOKEN)), id="id")]


@workflow("unload", trigger=received("depot", "arrived"))
def unload(event: Event) -> Flow[str]:
    return (yield from step("unload", str, event.data["id"]))
