"""One journal against the code that is here.

Owns what can stand in an execution's way. Nothing is carried out: only the workflow's own code
runs, as far as the journal leads it.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from dataflows.errors import Mismatch, PatchPassed, UnknownWorkflow
from dataflows.logs import replaying
from dataflows.workflow import Registry, Workflow, registry
from interpreter.machine import Entry, Machine, Recording, Started, format_position

__all__ = ["Finding", "Obstacle", "check"]


class Obstacle(StrEnum):
    """What keeps an execution from going on with this code."""

    MISMATCH = "mismatch"
    """The code yields something else than what its journal has."""
    UNREGISTERED = "unregistered"
    """Its workflow, or the version it stays on, is not registered here."""
    UNREADABLE = "unreadable"
    """A value in its journal cannot be rebuilt by this code."""
    ARGUMENTS = "arguments"
    """The workflow's function no longer takes the arguments it was started with."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Why an execution could not go on with this code.

    :ivar entry: the number of the first entry that does not fit; 0 where no entry is to blame.
    :ivar position: where that entry stands, like ``"3.0.2"``; "" for the whole execution.
    :ivar place: ``file:line: text`` where the code then stands, or what defines the workflow; "" if nothing does.
    :ivar expected: what the journal has, in words.
    :ivar found: what the code has, in words.
    """

    id: str
    workflow: str
    version: int
    obstacle: Obstacle
    entry: int
    position: str
    place: str
    expected: str
    found: str


def check(recording: Recording, known: Registry = registry) -> Finding | None:
    """Apply a journal to the code that is here; None if the execution can go on with it.

    :param known: where its workflow is looked for.
    """
    try:
        workflow = known.find(recording.workflow, recording.version)
    except UnknownWorkflow as unknown:
        wanted = f"workflow {recording.workflow!r} version {recording.version}"
        return _finding(recording, Obstacle.UNREGISTERED, expected=wanted, found=str(unknown))
    token = replaying.set(True)
    try:
        return _drive(workflow, recording)
    finally:
        replaying.reset(token)


def _drive(workflow: Workflow[..., Any], recording: Recording) -> Finding | None:
    passed: frozenset[str] = frozenset()
    while True:
        try:
            return _drive_once(workflow, recording, passed)
        except PatchPassed as found:
            passed |= found.changes


def _drive_once(workflow: Workflow[..., Any], recording: Recording, passed: frozenset[str]) -> Finding | None:
    machine = Machine(workflow, passed)
    entries, flaw = recording.readable()
    try:
        for entry in entries:
            if isinstance(entry.fact, Started) and (refusal := _refusal(workflow, entry.fact)):
                return _refused(workflow, recording, entry, refusal)
            machine.apply(entry)
    except PatchPassed:
        raise
    except Mismatch as mismatch:
        return _mismatch(recording, entries[machine.seq - 1], mismatch)
    finally:
        machine.abandon()
    return None if flaw is None else _unreadable(workflow, recording, len(entries) + 1, flaw)


def _mismatch(recording: Recording, entry: Entry, mismatch: Mismatch) -> Finding:
    return _finding(
        recording,
        Obstacle.MISMATCH,
        entry=entry.seq,
        position=format_position(getattr(entry.fact, "position", ())),
        place=next(iter(mismatch.places), ""),
        expected=mismatch.journal or str(mismatch),
        found=mismatch.code,
    )


def _unreadable(workflow: Workflow[..., Any], recording: Recording, entry: int, flaw: Mismatch) -> Finding:
    return _finding(recording, Obstacle.UNREADABLE, entry=entry, place=workflow.source, expected=str(flaw))


def _refused(workflow: Workflow[..., Any], recording: Recording, entry: Entry, refusal: str) -> Finding:
    details = {"expected": "the arguments it was started with", "found": refusal}
    return _finding(recording, Obstacle.ARGUMENTS, entry=entry.seq, place=workflow.source, **details)


def _finding(
    recording: Recording,
    obstacle: Obstacle,
    *,
    entry: int = 0,
    position: str = "",
    place: str = "",
    expected: str = "",
    found: str = "",
) -> Finding:
    where = (entry, position, place)
    return Finding(recording.id, recording.workflow, recording.version, obstacle, *where, expected, found)


def _refusal(workflow: Workflow[..., Any], started: Started) -> str:
    try:
        _signature(workflow).bind(*started.args, **started.kwargs)
    except TypeError as error:
        return str(error)
    return ""


@lru_cache
def _signature(workflow: Workflow[..., Any]) -> inspect.Signature:
    return inspect.signature(workflow.function)
