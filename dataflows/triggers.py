"""What starts a workflow without anybody asking: the argument ``trigger=``, checked.

Owns what may stand there. Knows neither sources nor clocks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from dataflows.errors import WorkflowRefused
from dataflows.events import Trigger
from dataflows.schedules import Cron, Every, Schedule

__all__ = ["Starter", "check_takes_an_event", "read_triggers"]

Starter: TypeAlias = Trigger | Schedule
"""One thing that starts a workflow: events of one kind, or the moments of a schedule."""


def read_triggers(name: str, given: Starter | Sequence[Starter] | None) -> tuple[Starter, ...]:
    """What stands at ``trigger=``, as many as there are; one that is there twice counts once.

    :param name: the workflow's, for messages.
    :raises TypeError: it is neither a trigger, nor a schedule, nor several of these.
    """
    if given is None:
        return ()
    found: list[Starter] = []
    for one in given if isinstance(given, Sequence) and not isinstance(given, str) else [given]:
        if not isinstance(one, Trigger | Cron | Every):
            raise TypeError(
                f"@workflow({name!r}, trigger=) is a trigger like azure.work_item_created(), a schedule like "
                f'cron("0 9 * * *"), or a list of these; got {_told(one)}'
            )
        if one not in found:
            found.append(one)
    return tuple(found)


def check_takes_an_event(name: str, function: Callable[..., Any]) -> None:
    """Refuse a function that cannot be called with an event alone.

    :raises WorkflowRefused: it cannot.
    """
    signature = inspect.signature(function)
    try:
        signature.bind(None)
    except TypeError:
        taken = signature.replace(return_annotation=inspect.Signature.empty)
        told = f"{getattr(function, '__qualname__', function)}{taken}"
        raise WorkflowRefused(
            f"@workflow({name!r}, trigger=...) is started with one argument, the event; {told} cannot be: "
            "write `def ...(event: Event)`, or give what follows the event a default"
        ) from None


def _told(wrong: object) -> str:
    return f"a function; call it: {wrong.__name__}()" if inspect.isfunction(wrong) else f"{wrong!r:.200}"
