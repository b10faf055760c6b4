"""The verbs an author writes: each checks its arguments, then builds a command.

Positional arguments are the function's, keywords are the engine's. The checks are here, in
the call that the author made, so that a traceback points at the author's line. Nothing here
runs anything.
"""

from dataflows.verbs.branches import cancel, fork, gather, race
from dataflows.verbs.callbacks import callback
from dataflows.verbs.executions import child, continue_as_new, start
from dataflows.verbs.messages import publish, signal, wait
from dataflows.verbs.readings import now, patched, random, uuid
from dataflows.verbs.steps import defer, step, transaction
from dataflows.verbs.timers import sleep, sleep_until

__all__ = [
    "callback",
    "cancel",
    "child",
    "continue_as_new",
    "defer",
    "fork",
    "gather",
    "now",
    "patched",
    "publish",
    "race",
    "random",
    "signal",
    "sleep",
    "sleep_until",
    "start",
    "step",
    "transaction",
    "uuid",
    "wait",
]
