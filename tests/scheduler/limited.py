"""Workflows whose steps share limits, and what is seen of their turns."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any

from dataflows import Flow, RateLimited, Retry, continue_as_new, defer, gather, step, wait, workflow
from tests.databases import opened

__all__ = [
    "BEGUN",
    "MOST",
    "RELEASED",
    "SERVICE",
    "as_a_whole",
    "beside",
    "by_key",
    "by_what_is_not_there",
    "flaky",
    "forget",
    "held",
    "limited",
    "once_limited",
    "over_generations",
    "told_to_wait",
    "turns_taken",
    "unheard_of",
    "watch_turns",
    "with_cleanup",
]

SERVICE = "service"
BEGUN: list[Any] = []
MOST: dict[str, int] = {}
RELEASED = threading.Event()
TOLD: set[Any] = set()
_RUNNING: dict[str, int] = {}
_lock = threading.Lock()


def forget() -> None:
    for each in (BEGUN, MOST, TOLD, _RUNNING):
        each.clear()
    RELEASED.clear()


def work(id: Any, seconds: float = 0.01, key: str = "") -> Any:
    """Takes a while; how many did at once is noted."""
    with _lock:
        BEGUN.append(id)
        _RUNNING[key] = _RUNNING.get(key, 0) + 1
        MOST[key] = max(MOST.get(key, 0), _RUNNING[key])
    time.sleep(seconds)
    with _lock:
        _RUNNING[key] -= 1
    return id


def hold(id: Any) -> Any:
    BEGUN.append(id)
    RELEASED.wait(20)
    return id


def call(id: Any, seconds: float) -> Any:
    """The first that calls is told to come back later."""
    with _lock:
        BEGUN.append(id)
        is_first = not TOLD
        TOLD.add(id)
    if is_first:
        raise RateLimited(seconds)
    return id


@workflow("limits/limited")
def limited(id: Any) -> Flow[Any]:
    return (yield from step("work", work, id, limit=SERVICE))


@workflow("limits/held")
def held(id: Any) -> Flow[Any]:
    return (yield from step("hold", hold, id, limit=SERVICE))


@workflow("limits/told to wait", retry=Retry(attempts=1))
def told_to_wait(id: Any, seconds: float) -> Flow[Any]:
    return (yield from step("call", call, id, seconds, limit=SERVICE))


@workflow("limits/once")
def once_limited(id: Any) -> Flow[Any]:
    return (yield from step("work", work, id, once=True, limit=SERVICE))


@workflow("limits/unheard of")
def unheard_of(id: Any) -> Flow[Any]:
    return (yield from step("work", work, id, limit="unheard of"))


@workflow("limits/beside")
def beside(id: Any) -> Flow[Any]:
    """While one branch runs for long, which keeps the execution held, another waits for its turn."""
    return (yield from gather(step("hold", hold, f"{id} holds"), step("work", work, id, limit=SERVICE)))


@workflow("limits/with cleanup", retry=Retry(attempts=1))
def with_cleanup(id: Any) -> Flow[None]:
    yield from defer("undo", work, f"{id} undone", limit=SERVICE)
    yield from step("work", work, id, limit=SERVICE)
    raise ValueError(id)


@workflow("limits/as a whole", at_once=2)
def as_a_whole(id: Any) -> Flow[Any]:
    yield from step("first", work, id)
    yield from wait("go", timeout=0.02, default=None)
    return (yield from step("second", work, id))


@workflow("limits/by key", at_once=1, at_once_by=lambda id, key: key)
def by_key(id: Any, key: str) -> Flow[Any]:
    yield from step("first", work, id, 0.03, key)
    return (yield from step("second", work, id, 0.03, key))


@workflow("limits/by what is not there", at_once=1, at_once_by=lambda order: order["project"])
def by_what_is_not_there(order: dict[str, str]) -> Flow[None]:
    yield from step("work", work, order)


@workflow("limits/flaky", at_once=1, retry=Retry(attempts=1))
def flaky(id: Any) -> Flow[Any]:
    return (yield from step("fail", fail_at_first, id))


def fail_at_first(id: Any) -> Any:
    BEGUN.append(id)
    if id not in TOLD:
        TOLD.add(id)
        raise ValueError(id)
    RELEASED.wait(20)
    return id


@workflow("limits/over generations", at_once=1)
def over_generations(id: Any, left: int) -> Flow[Any]:
    yield from step("work", work, f"{id} {left}", 0.02)
    if left:
        yield from continue_as_new(id, left - 1)
    return id


# What the database saw --------------------------------------------------------------------------

_WATCHED = """
CREATE TABLE IF NOT EXISTS public.turns_taken (limit_name text, number bigint, at timestamptz);
TRUNCATE public.turns_taken;
CREATE OR REPLACE FUNCTION public.note_turn() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN INSERT INTO public.turns_taken VALUES (NEW.limit_name, NEW.number, NEW.at); RETURN NEW; END $$;
CREATE OR REPLACE TRIGGER watched AFTER INSERT ON dataflows.uses FOR EACH ROW EXECUTE FUNCTION public.note_turn()
"""


def watch_turns(database: str) -> None:
    """From now on every turn that is taken is noted, by the database's clock."""
    with opened(database) as connection:
        connection.execute(_WATCHED.encode())


def turns_taken(database: str) -> list[datetime]:
    """When, in their order."""
    with opened(database) as connection:
        return [at for (at,) in connection.execute("SELECT at FROM public.turns_taken ORDER BY number")]
