"""Workflows as people write them, in every style: the checks have nothing to say of any."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import json
import logging
import os
import random as chances
import time
import uuid as identifiers
from collections import Counter, defaultdict
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

import dataflows as df
from dataflows import (
    Cancelled,
    Command,
    Event,
    Flow,
    Retry,
    Step,
    StepFailed,
    Task,
    WaitTimeout,
    cancel,
    fork,
    gather,
    get_logger,
    now,
    race,
    random,
    sleep,
    sleep_until,
    step,
    uuid,
    wait,
    workflow,
)

log = get_logger("tests.language.idioms")
STAMPED = datetime.now(UTC)
REGION = os.environ.get("REGION", "eu")
PRICES = {"tea": 3, "cake": 5}
COUNTRIES = frozenset({"de", "fr", "it"})


@dataclass
class Cart:
    lines: list[str] = field(default_factory=list)
    total: int = 0


def fetch(id: str) -> dict[str, Any]:
    return {"id": id, "at": time.time(), "by": os.getpid()}


def save(*values: object) -> None:
    print(values, identifiers.uuid4())


async def fetch_async(id: str) -> str:
    return id


def noted(text: str) -> Step[None]:
    return step("note", save, text)


def chunks(texts: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(texts), size):
        yield texts[start : start + size]


@contextlib.contextmanager
def labelled(text: str) -> Generator[str]:
    yield text.upper()


@workflow("idioms/plain yields")
def plain_yields(id: str) -> Generator[Command[Any], Any, str]:
    item = yield step("fetch", fetch, id)
    yield sleep("rest", "1h")
    answer = yield wait("answer", timeout="1d", default=None)
    return f"{item['id']}: {answer}"


@workflow("idioms/everything named first")
def named_first(id: str) -> Flow[str]:
    first, second = step("a", fetch, id), step("b", fetch_async, id)
    deadline = sleep("deadline", timedelta(days=1))
    winner = yield from race(both=gather(first, second), late=deadline)
    return winner.name


@workflow("idioms/module as a name")
def module_as_a_name(id: str) -> df.Flow[str]:
    moment = yield from df.now()
    key = yield from df.uuid()
    if (yield from df.random()) < 0.5:
        yield from df.sleep_until("noon", moment.replace(hour=12) + timedelta(days=1))
    return f"{key}{id}"


@workflow("idioms/fan out", retry=Retry(attempts=2))
def fan_out(ids: list[str]) -> Flow[dict[str, int]]:
    counts: Counter[str] = Counter()
    by_letter: defaultdict[str, list[str]] = defaultdict(list)
    for part in chunks(sorted(set(ids)), 10):
        answers = yield from gather(*(one(each) for each in part), limit=3)
        counts.update(answers)
        by_letter[part[0]].extend(answers)
    seen = {id for id in ids if counts[id]}
    total = sum(len(each) for each in seen)
    log.info("fetched %d", total)
    return dict(counts) | {"total": total}


def one(id: str) -> Flow[str]:
    try:
        found = yield from step("fetch", fetch, id)
    except (StepFailed, OSError) as error:
        log.warning("no %s: %s", id, error)
        return "missing"
    else:
        return str(found["id"])


@workflow("idioms/saga")
def saga(order: str) -> Flow[str]:
    undo: list[Step[None]] = []
    try:
        for name in ("reserve", "charge", "ship"):
            yield from step(name, save, order)
            undo.append(step(f"undo {name}", save, order))
    except BaseException:
        for compensation in reversed(undo):
            yield from compensation
        raise
    return "done"


@workflow("idioms/cancelled")
def cancelled(order: str) -> Flow[str]:
    try:
        yield from wait("never")
    except Cancelled:
        yield from step("release", save, order)
        return "released"
    except BaseException as error:
        log.exception("failed")
        if isinstance(error, ValueError):
            return "odd"
        raise
    finally:
        released = True
        yield from step("close", save, order, released)
    return "never"


@workflow("idioms/reminders")
def reminders(who: str) -> Flow[str]:
    for attempt in itertools.count():
        try:
            return (yield from wait("approval", str, timeout="1d"))
        except WaitTimeout:
            if attempt >= 3:
                raise
            yield from step("remind", save, who, attempt)
    return ""


@workflow("idioms/tasks")
def tasks(id: str) -> Flow[list[Any]]:
    watchers: list[Task[Any]] = []
    for name in "abc":
        watchers.append((yield from fork(one(name))))
    yield from fork(step("beside", save, id))
    first = yield from race(**{f"w{number}": watcher for number, watcher in enumerate(watchers)})
    for watcher in watchers:
        yield from cancel(watcher)
    return [first.value]


@workflow("idioms/pure computing", trigger=df.Trigger("shop", "order.paid"))
def pure_computing(event: Event) -> Flow[str]:
    chooser = chances.Random(event.id)
    winner = chooser.choice(sorted(PRICES))
    stable = identifiers.uuid5(identifiers.NAMESPACE_URL, event.id)
    moment = yield from now()
    text = json.dumps({"name": winner, "at": moment.isoformat(), "in": time.strftime("%Y", moment.timetuple())})
    path = PurePosixPath(REGION) / os.path.basename(event.id)
    label = next(iter(text), "")
    cart = dataclasses.replace(Cart(), total=max(PRICES.values(), default=0))
    cart.lines.append(winner)
    cart.total += PRICES.get(winner, 0)
    if REGION in COUNTRIES and moment > STAMPED:
        label = label.upper()
    with labelled("x") as marked, contextlib.suppress(KeyError):
        yield from step("save", functools.partial(save, label=label), marked, path, stable, cart)
    return text


@workflow("idioms/functions in functions")
def functions_in_functions(ids: list[str]) -> Flow[int]:
    total = 0

    def add(number: int) -> None:
        nonlocal total
        total += number

    def branch(id: str) -> Flow[int]:
        answer = yield from step("length", lambda: len(id) + int(time.time() * 0))
        add(answer)
        return answer

    yield from gather(*[branch(id) for id in ids])
    command = noted("done") if total else noted("nothing")
    yield command
    yield from noted("again")
    return total


@workflow("idioms/state machine")
def state_machine(id: str) -> Flow[str]:
    state = "new"
    while state != "closed":
        match state:
            case "new":
                yield from step("open", save, id)
                state = "open"
            case _:
                winner = yield from race(close=wait("close"), tick=sleep("tick", 60))
                state = "closed" if winner.name == "close" else state
    return state


class Shop:
    """Workflows may be methods."""

    def __init__(self, name: str) -> None:
        self.name = name

    def sell(self, what: str) -> Flow[str]:
        yield from self.packed(what)
        self.last = what
        return f"{self.name} sold {what}"

    def packed(self, what: str) -> Flow[None]:
        key = yield from uuid()
        chance = yield from random()
        yield from step("pack", save, what, key, chance)
        yield from sleep_until("later", (yield from now()) + timedelta(hours=1))


sell = workflow("idioms/method")(Shop("corner").sell)


@workflow("idioms/agent")
def agent(goal: str) -> Flow[str]:
    tools = {"fetch": fetch, "save": save}
    messages: list[dict[str, Any]] = [{"role": "user", "content": goal}]
    while len(messages) < 20:
        reply: dict[str, Any] = yield from step("model", fetch, goal, timeout="30s")
        messages.append(reply)
        calls = reply.get("calls") or []
        if not calls:
            return str(reply["id"])
        results = yield from gather(*(step(call["tool"], tools[call["tool"]], call["input"]) for call in calls))
        messages.extend({"role": "tool", "content": result} for result in results)
    return "gave up"


@workflow("idioms/nothing yet")
def nothing_yet() -> Flow[None]:
    return
    yield


logging.getLogger("tests.language.idioms").addFilter(lambda record: True)
