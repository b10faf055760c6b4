"""The testing kit: workflows tested without a server and without a clock, and journals met by changed code."""

from interpreter.testing.checking import Finding, Obstacle, Report, check
from interpreter.testing.explaining import Node, explain
from interpreter.testing.recording import Recorded, record, restored
from interpreter.testing.standing import OpenCommand, Standing, stand

__all__ = [
    "Finding",
    "Node",
    "Obstacle",
    "OpenCommand",
    "Recorded",
    "Report",
    "Standing",
    "check",
    "explain",
    "record",
    "restored",
    "stand",
]
