"""The verbs on executions, each written once as a generator of requests.

Owns what a caller is told: which error, in which words. Knows the queries by name and nothing
of connections, threads or event loops.
"""

from interpreter.operations.arguments import check_arguments, read_event_for
from interpreter.operations.backfilling import backfill
from interpreter.operations.bulk import BulkVerb, in_bulk
from interpreter.operations.callback_urls import hidden, new_url, origin_of, public_url_or_default
from interpreter.operations.callbacks import (
    CallbackState,
    CallbackStatus,
    answer_callback,
    list_callbacks,
    look_at_callback,
    question_of,
)
from interpreter.operations.control import delete, pause, resume, terminate
from interpreter.operations.deliveries import (
    Delivered,
    NewDelivery,
    Stored,
    StoredDelivery,
    describe_delivery,
    list_deliveries,
    new_delivery,
    replay_delivery,
    store_deliveries,
    stored_delivery,
)
from interpreter.operations.events import emit, subscribe, unsubscribe
from interpreter.operations.host import Host, NewExecution, Watch
from interpreter.operations.limits import LimitStatus, list_limits
from interpreter.operations.looking import (
    Execution,
    HistoryEntry,
    describe,
    history,
    history_page,
    list_executions,
    status,
)
from interpreter.operations.messages import Sent, cancel, send_signal, signal
from interpreter.operations.publishing import describe_published, published
from interpreter.operations.purging import purge
from interpreter.operations.recordings import read_open_recordings, read_recording
from interpreter.operations.results import StoredResult, result, stored_result
from interpreter.operations.retrying import fork, retry
from interpreter.operations.schedules import (
    WorkflowSchedule,
    delete_schedule,
    list_schedules,
    pause_schedule,
    resume_schedule,
    trigger_schedule,
)
from interpreter.operations.starting import find_workflow, is_there, prepare, start, start_with_signal, to_start

__all__ = [
    "BulkVerb",
    "CallbackState",
    "CallbackStatus",
    "Delivered",
    "Execution",
    "HistoryEntry",
    "Host",
    "LimitStatus",
    "NewDelivery",
    "NewExecution",
    "Sent",
    "Stored",
    "StoredDelivery",
    "StoredResult",
    "Watch",
    "WorkflowSchedule",
    "answer_callback",
    "backfill",
    "cancel",
    "check_arguments",
    "delete",
    "delete_schedule",
    "describe",
    "describe_delivery",
    "describe_published",
    "emit",
    "find_workflow",
    "fork",
    "hidden",
    "history",
    "history_page",
    "in_bulk",
    "is_there",
    "list_callbacks",
    "list_deliveries",
    "list_executions",
    "list_limits",
    "list_schedules",
    "look_at_callback",
    "new_delivery",
    "new_url",
    "origin_of",
    "pause",
    "pause_schedule",
    "prepare",
    "public_url_or_default",
    "published",
    "purge",
    "question_of",
    "read_event_for",
    "read_open_recordings",
    "read_recording",
    "replay_delivery",
    "result",
    "resume",
    "resume_schedule",
    "retry",
    "send_signal",
    "signal",
    "start",
    "start_with_signal",
    "status",
    "store_deliveries",
    "stored_delivery",
    "stored_result",
    "subscribe",
    "terminate",
    "to_start",
    "trigger_schedule",
    "unsubscribe",
]
