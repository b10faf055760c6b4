"""What could go either way, and which way is gone: every way is gone once, from the start.

Owns that one way is of a piece: what was decided once in it, at one place in the source, is decided
so again, so that a loop goes on as it began, and is cut by its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Choice", "Choices"]

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Choice:
    """One question, and how it was answered on this way.

    :ivar options: all there are; the one with the number ``taken`` was chosen.
    """

    place: str
    question: str
    options: tuple[str, ...]
    taken: int


class Choices:
    """The choices of one way.

    :param given: how the first ones are made; each after these takes its first option.
    """

    def __init__(self, given: Sequence[int] = ()) -> None:
        self.made: list[Choice] = []
        self._given = given
        self._known: dict[tuple[str, str], str] = {}

    def choose(self, place: str, question: str, options: Sequence[str]) -> tuple[str, Choice | None]:
        """An option; with the choice, if the question is new on this way."""
        key = (place, _NUMBER.sub("#", question))
        known = self._known.get(key)
        if known is not None and known in options:
            return known, None
        number = len(self.made)
        choice = Choice(place, question, tuple(options), self._given[number] if number < len(self._given) else 0)
        self.made.append(choice)
        taken = options[choice.taken]
        self._known[key] = taken
        return taken, choice

    def alternatives(self) -> Iterator[list[int]]:
        """How the ways begin that turn off behind the given choices, the last turning first."""
        taken = [choice.taken for choice in self.made]
        for number in reversed(range(len(self._given), len(taken))):
            for other in range(1, len(self.made[number].options)):
                yield [*taken[:number], other]
