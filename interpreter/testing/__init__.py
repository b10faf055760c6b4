"""The testing kit: workflows tested without a server and without a clock, and journals met by changed code.

Without a journal:

- ``rehearse``          a bare generator against an ordered plan of commands and answers
- ``simulate``          a whole run in memory, on a clock that jumps
- ``crash_everywhere``  a run that is dropped and re-driven at every entry: finds what does not replay
- ``explore``           every outcome of every command, and an invariant that has to hold in the end
- ``explain``           the tree of what a workflow would yield

With the journals of real executions: ``check``, ``record``, ``stand``.

The package drives ``interpreter.machine`` through virtual time. It knows no database, no thread
that outlives a call, and no real clock.
"""

from interpreter.testing.answers import NEVER, REAL, REFUSED, Throw, in_turn, takes
from interpreter.testing.calling import Call
from interpreter.testing.checking import Finding, Obstacle, Report, check
from interpreter.testing.comparing import ANY
from interpreter.testing.crashes import crash_everywhere
from interpreter.testing.driver import Launch, Sent
from interpreter.testing.explaining import Node, explain
from interpreter.testing.exploration import Exploration, explore
from interpreter.testing.recording import Recorded, record, restored
from interpreter.testing.rehearsal import rehearse
from interpreter.testing.simulation import START, Simulation, simulate
from interpreter.testing.standing import OpenCommand, Standing, stand

__all__ = [
    "ANY",
    "NEVER",
    "REAL",
    "REFUSED",
    "START",
    "Call",
    "Exploration",
    "Finding",
    "Launch",
    "Node",
    "Obstacle",
    "OpenCommand",
    "Recorded",
    "Report",
    "Sent",
    "Simulation",
    "Standing",
    "Throw",
    "check",
    "crash_everywhere",
    "explain",
    "explore",
    "in_turn",
    "record",
    "rehearse",
    "restored",
    "simulate",
    "stand",
    "takes",
]
