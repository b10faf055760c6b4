"""Limits across executions: one round of asking for turns, granting them, and giving them back.

Owns the translation of a round into statements. Each function takes the connection to use and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import Connection, Cursor

from dataflows.limits import Limit
from interpreter.store.arrays import BigIntArray, IntArray, TextArray, TimeArray, named_columns
from interpreter.store.connection import one_transaction
from interpreter.store.queries import QUERIES

__all__ = ["WHOLE", "Place", "Round", "Turns", "know_limits", "look_after", "play"]

_MOST_GRANTED = 200
_PATIENCE = timedelta(minutes=1)
"""How long a turn is kept for who does not make use of it."""


class Place(NamedTuple):
    """What a ticket is for: a step of an execution, or (generation 0, position "") the execution itself."""

    execution_id: str
    generation: int
    position: str


WHOLE = (0, "")
"""Generation and position of a ticket that is for a whole execution."""


@dataclass(slots=True)
class Round:
    """What is asked of limits in one transaction.

    :ivar known: limits that have to exist by then.
    :ivar asked: who wants a turn of which limit, in their order.
    :ivar dropped: which tickets nobody wants any more.
    :ivar held_back: limits of which nobody is to have a turn before a moment.
    :ivar looked_at: limits of which somebody may have a turn now.
    :ivar proven: those of them from whose services somebody has come back, and was not told to wait.
    """

    known: dict[str, Limit] = field(default_factory=dict)
    asked: list[tuple[str, Place]] = field(default_factory=list)
    dropped: list[Place] = field(default_factory=list)
    held_back: dict[str, datetime] = field(default_factory=dict)
    looked_at: set[str] = field(default_factory=set)
    proven: set[str] = field(default_factory=set)

    @property
    def names(self) -> list[str]:
        """All limits that it is about."""
        asked = (name for name, _ in self.asked)
        return sorted({*self.looked_at, *self.proven, *self.known, *self.held_back, *asked})


@dataclass(frozen=True, slots=True)
class Turns:
    """What a round came to.

    :ivar answers: of those that were asked, whether it is their turn; who is not heard has no answer.
    :ivar next: limit → when somebody who waits there may have a turn. Others depend on a turn that ends.
    """

    answers: dict[Place, bool]
    next: dict[str, datetime]


def play(connection: Connection[Any], scheduler: int, round: Round) -> Turns:
    """Have a round, in one transaction and one round trip.

    :param scheduler: who asks; it is heard for what it holds.
    """
    names, asked = round.names, named_columns(_PLACE, (place for _, place in round.asked))
    statements: dict[str, dict[str, Any]] = {"lock_limits": {"names": TextArray(names)}}
    if round.known:
        statements["know_limits"] = _known(round.known)
    if round.held_back:
        statements["hold_back"] = named_columns(_UNTIL, round.held_back.items())
    if round.proven:
        statements["prove"] = {"names": TextArray(round.proven)}
    if round.dropped:
        statements["drop_tickets"] = named_columns(_PLACE, round.dropped)
    if round.asked:
        wanted = TextArray(name for name, _ in round.asked)
        statements["ask"] = {"names": wanted, "scheduler": scheduler, **asked}
    statements["grant"] = {"limits": TextArray(names), "most": _MOST_GRANTED, **asked}
    if round.asked:
        statements["take"] = {"scheduler": scheduler, **asked}
        statements["tell_turns"] = asked
    statements["tell_next"] = {"limits": TextArray(names)}
    return _turns(_execute(connection, statements))


def _execute(connection: Connection[Any], statements: Mapping[str, dict[str, Any]]) -> dict[str, Cursor[Any]]:
    cursors = {name: connection.cursor(binary=True) for name in statements}
    with one_transaction(connection):
        for name, parameters in statements.items():
            cursors[name].execute(QUERIES[name], parameters, prepare=True)
    return cursors


def _turns(cursors: Mapping[str, Cursor[Any]]) -> Turns:
    told = cursors["tell_turns"].fetchall() if "tell_turns" in cursors else ()
    answers = {Place(*place): is_turn for *place, is_turn in told}
    return Turns(answers, dict(cursors["tell_next"].fetchall()))


def know_limits(connection: Connection[Any], limits: Mapping[str, Limit]) -> None:
    """What a scheduler was given; it counts for all, from now on."""
    connection.execute(QUERIES["know_limits"], _known(limits))


def look_after(connection: Connection[Any]) -> list[str]:
    """Have those give their turns back who will not do so themselves; answers where somebody may have a turn."""
    connection.execute(QUERIES["forget_limits"], prepare=True)
    found = connection.execute(QUERIES["look_after_limits"], {"patience": _PATIENCE}, prepare=True)
    return [name for (name,) in found]


def _known(limits: Mapping[str, Limit]) -> dict[str, Any]:
    return named_columns(_LIMIT, (_limit_row(name, limit) for name, limit in limits.items()))


def _limit_row(name: str, limit: Limit) -> tuple[Any, ...]:
    milliseconds = None if limit.period is None else limit.period // timedelta(milliseconds=1)
    return name, limit.rate, milliseconds, limit.at_once


_LIMIT: dict[str, type[Any]] = {"names": TextArray, "rates": IntArray, "periods": BigIntArray, "at_onces": IntArray}
_PLACE: dict[str, type[Any]] = {"ids": TextArray, "generations": IntArray, "positions": TextArray}
_UNTIL: dict[str, type[Any]] = {"names": TextArray, "untils": TimeArray}
