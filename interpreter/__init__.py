"""What runs workflows: the machine, the journal, the scheduler, the client."""

from interpreter.client import AsyncClient, AsyncHandle, Client, Handle
from interpreter.machine.status import Status
from interpreter.operations import Execution, HistoryEntry
from interpreter.reader import Reader
from interpreter.scheduler.scheduler import AsyncScheduler, Scheduler

__all__ = [
    "AsyncClient",
    "AsyncHandle",
    "AsyncScheduler",
    "Client",
    "Execution",
    "Handle",
    "HistoryEntry",
    "Reader",
    "Scheduler",
    "Status",
]
