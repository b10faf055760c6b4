"""The verbs on executions, each written once as a generator of requests.

Owns what a caller is told: which error, in which words. Knows the queries by name and nothing
of connections, threads or event loops.
"""

from interpreter.operations.control import resume
from interpreter.operations.host import Host, NewExecution, Watch
from interpreter.operations.looking import Execution, HistoryEntry, describe, history, list_executions, status
from interpreter.operations.messages import cancel, signal
from interpreter.operations.results import result
from interpreter.operations.starting import find_workflow, prepare, start

__all__ = [
    "Execution",
    "HistoryEntry",
    "Host",
    "NewExecution",
    "Watch",
    "cancel",
    "describe",
    "find_workflow",
    "history",
    "list_executions",
    "prepare",
    "result",
    "resume",
    "signal",
    "start",
    "status",
]
