"""The commands that stand alone: what a program yields for a node that holds no others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dataflows import (
    Flow,
    Retry,
    callback,
    child,
    continue_as_new,
    defer,
    patched,
    publish,
    signal,
    sleep,
    sleep_until,
    start,
    step,
    transaction,
    wait,
)
from dataflows.workflow import Workflow
from tests.machine.by_hand import START, work
from tests.machine.programs import Anew, Await, Change, Child, Do, DoOnce, Inquire, Later, Nap, NapUntil, Show, Tell

__all__ = ["UNSTORABLE", "outward", "single", "url_of"]

UNSTORABLE = "the journal does not hold this"


def single(node: Do | DoOnce | Nap | NapUntil | Await, path: str) -> Any:
    match node:
        case Do():
            verb: Any = transaction if node.transaction else step
            return verb(path, work, node.failures, node.rate_limited, node.value, retry=_policy(node.attempts))
        case DoOnce():
            return step(path, work, int(node.fails), False, node.value, once=True)
        case Nap():
            return sleep(path, node.seconds)
        case NapUntil():
            return sleep_until(path, START + timedelta(seconds=node.seconds))
        case Await():
            default = {"default": "default"} if node.has_default and node.timeout is not None else {}
            return wait(node.signal, *filter(None, [node.type]), key=node.key, timeout=node.timeout, **default)


def _policy(attempts: int) -> Retry:
    return Retry(attempts=attempts, first=1, factor=1, jitter=0)


def url_of(path: str) -> str:
    """Where the callback is answered that stands there."""
    return f"https://flows.example/callbacks/{path}"


def nothing(fate: str) -> Flow[None]:
    """Stands for a child: nobody runs it."""
    return
    yield


def outward(node: Tell | Show | Inquire | Child | Later | Change | Anew, path: str) -> Any:
    match node:
        case Tell():
            return signal("another" if node.arrives else "nobody", path)
        case Show():
            return publish(path, node.value if node.fits else UNSTORABLE)
        case Inquire():
            return callback(path)
        case Child():
            other = Workflow(nothing, path)
            return (child if node.is_waited_for else start)(other, node.fate)
        case Later():
            return defer(f"later {path}", work, node.failures, False, None, retry=_policy(node.attempts))
        case Change():
            return patched(node.name)
        case Anew():
            return continue_as_new(path)
