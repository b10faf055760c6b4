"""What runs workflows: the machine, the journal, the scheduler, the client.

These names are imported when they are first used: who tests workflows with ``interpreter.testing``
loads no database driver.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interpreter.client import AsyncClient, AsyncHandle, Client, Handle
    from interpreter.machine.status import Status
    from interpreter.operations import Delivered, Execution, HistoryEntry, LimitStatus, WorkflowSchedule
    from interpreter.reader import Reader
    from interpreter.scheduler.scheduler import AsyncScheduler, Scheduler

__all__ = [
    "AsyncClient",
    "AsyncHandle",
    "AsyncScheduler",
    "Client",
    "Delivered",
    "Execution",
    "Handle",
    "HistoryEntry",
    "LimitStatus",
    "Reader",
    "Scheduler",
    "Status",
    "WorkflowSchedule",
]

_WHERE = {
    **dict.fromkeys(("AsyncClient", "AsyncHandle", "Client", "Handle"), "interpreter.client"),
    **dict.fromkeys(
        ("Delivered", "Execution", "HistoryEntry", "LimitStatus", "WorkflowSchedule"), "interpreter.operations"
    ),
    "Reader": "interpreter.reader",
    **dict.fromkeys(("AsyncScheduler", "Scheduler"), "interpreter.scheduler.scheduler"),
    "Status": "interpreter.machine.status",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_WHERE[name]), name)
    return found
