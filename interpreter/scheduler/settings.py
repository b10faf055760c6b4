"""How a scheduler works, as plain values: what is left of what people wrote when it has been checked."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import timedelta

from dataflows.limits import Limit
from interpreter.store.patience import LONGEST_SILENCE

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a scheduler works; see ``Scheduler`` for their meaning."""

    concurrency: int = 32
    holding: int = 1_000
    cached: int = 1_000
    lease: timedelta = timedelta(seconds=10)
    grace: timedelta = timedelta(seconds=10)
    drive_limit: timedelta = timedelta(seconds=10)
    deadly: int = 5
    retention: timedelta | None = None
    public_url: str | None = None
    history: int = 200_000
    patience: timedelta = timedelta(seconds=LONGEST_SILENCE)
    executors: Mapping[str, Executor] = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)
