"""The tables of the machine are complete: every command, every fact, every place where a cancellation may arrive."""

from __future__ import annotations

from typing import get_args

from dataflows import commands
from dataflows.commands import Command
from interpreter.machine import Fact, Placed, StopChild, StopStep
from interpreter.machine.rules import CANCELLATIONS, COMMANDS, FACTS


def test_every_command_has_a_rule() -> None:
    exported = [getattr(commands, name) for name in commands.__all__]
    kinds = {kind for kind in exported if isinstance(kind, type) and issubclass(kind, Command)}
    assert set(COMMANDS) == kinds - {Command}


def test_every_fact_has_a_rule() -> None:
    assert set(FACTS) == set(get_args(Fact))


def test_every_action_is_cancelled_by_a_rule_but_those_that_are_already() -> None:
    assert set(CANCELLATIONS) == set(get_args(Placed)) - {StopStep, StopChild}
