"""Events by key: a message to whoever waits for that key, whichever executions these are.

Owns the words in which an event is refused, and how its name and key are locked against each other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dataflows.connectors.sources.reading import identifier
from dataflows.duration import Duration, to_timedelta
from dataflows.events import EMITTED
from dataflows.names import check_name
from interpreter.codec import Encoded, encode
from interpreter.operations.deliveries import HINT
from interpreter.requests import Operation, Query
from interpreter.store.identifiers import time_ordered_id

__all__ = ["emission", "emit", "subscribe", "unsubscribe"]


def emit(name: str, payload: Any = None, *, key: str, id: str | None = None, keep: Duration = "7d") -> Operation[int]:
    """Emit an event: every execution that stands at a ``wait`` of this name and key goes on with the payload.

    If none does, the event is kept, and the next such ``wait`` takes it: each event one, the oldest first. Besides,
    it starts each workflow that has a ``trigger=on(name)`` and that a scheduler of this database has served.

    :param id: emitted twice under one id, for the same name and key, it counts once; a payload that differs
        is ignored. It is remembered as long as the event would be kept.
    :param keep: how long an event is kept for which nobody waits.
    :returns: how many executions got it; 0: it is kept.
    :raises CannotStore: the payload cannot be stored.
    :raises ValueError: a name, key or id that cannot be, or a negative time.
    """
    encoded = encode(payload, f"the payload of event {check_name(name, 'the name of an event')!r}")
    check_name(key, "the key of an event")
    event_id = time_ordered_id() if id is None else check_name(id, "the id of an event")
    [(woken, _)] = yield emission(name, key, event_id, encoded, keep)
    return int(woken)


def emission(name: str, key: str, id: str, payload: Encoded, keep: Duration = "7d") -> Query:
    """The statement that emits an event, of which all is checked."""
    parameters = {
        "name": name,
        "key": key,
        "id": id,
        "encoding": payload.encoding,
        "payload": payload.data,
        "keep": to_timedelta(keep),
        "source": EMITTED,
        "delivery_id": identifier(EMITTED, name, key, id),
        "hint": HINT,
    }
    return Query("emit", parameters, lock=_lock(name, key))


def subscribe(
    execution_id: str, generation: int, position: str, name: str, key: str, deadline: datetime | None
) -> Operation[bool]:
    """The wait at this position gets the next event of this name and key, or at once the oldest that is kept.

    :param deadline: it gets none that is emitted later.
    :returns: whether it has got one, now or before.
    """
    place = {"execution_id": execution_id, "generation": generation, "position": position}
    parameters = {**place, "name": name, "key": key, "deadline": deadline}
    [(is_delivered,)] = yield Query("subscribe", parameters, lock=_lock(name, key))
    return bool(is_delivered)


def unsubscribe(execution_id: str, generation: int, position: str, *, has_ended: bool) -> Operation[None]:
    """The wait at this position is over.

    :param has_ended: so is its execution; one of the same id that goes on is another, and keeps its subscription.
    """
    place = {"execution_id": execution_id, "generation": generation, "position": position}
    yield Query("unsubscribe", {**place, "has_ended": has_ended})


def _lock(name: str, key: str) -> str:
    return f"dataflows event {name}/{key}"
