"""What is outside of a simulated workflow, as its driver sees it.

Owns the questions that a driver asks. Answers are a test's: in order, or as all that may be.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from interpreter.machine import AwaitChild, AwaitSignal, RunStep, SendSignal, StopChild
from interpreter.testing.agenda import Happening

if TYPE_CHECKING:
    from interpreter.testing.driver import Driver

__all__ = ["World"]


class World(ABC):
    """Each answer says what may happen next about an action, and when; it is asked again when something has begun."""

    @abstractmethod
    def messages(self, driver: Driver) -> Iterable[Happening]:
        """What comes whatever the workflow does."""

    @abstractmethod
    def attempts(self, driver: Driver, action: RunStep) -> list[Happening]:
        """What the attempt that now begins, or is waited for, may come to."""

    @abstractmethod
    def arrivals(self, driver: Driver, action: AwaitSignal) -> list[Happening]:
        """What comes because it is awaited."""

    @abstractmethod
    def sendings(self, driver: Driver, action: SendSignal) -> list[Happening]:
        """What may come of a signal that is sent."""

    @abstractmethod
    def children(self, driver: Driver, action: AwaitChild | StopChild) -> list[Happening]:
        """What a child may come to."""
