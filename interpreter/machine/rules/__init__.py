"""The rules of the machine, as three tables: what each command, each fact and each cancellation does.

A further command is a row in ``COMMANDS``; what comes back from its driver is one in ``FACTS``;
and what becomes of it when it is cancelled is one in ``CANCELLATIONS``.
"""

from interpreter.machine.rules.cancellations import CANCELLATIONS
from interpreter.machine.rules.commands import COMMANDS, wrong_yield
from interpreter.machine.rules.facts import FACTS

__all__ = ["CANCELLATIONS", "COMMANDS", "FACTS", "wrong_yield"]
