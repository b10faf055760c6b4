"""How executions and journals are drawn for people.

Owns the columns, the colours and the words in them. Everything that was stored is made inert here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from rich import box
from rich.table import Table
from rich.text import Text

from interpreter.cli.text import as_json, inert, local_time, relative_to_here
from interpreter.machine import ENDED, Status
from interpreter.operations import CallbackState, CallbackStatus, Delivered, Execution, HistoryEntry, WorkflowSchedule
from interpreter.testing import OpenCommand, Standing

__all__ = [
    "callback_table",
    "delivery_facts",
    "delivery_table",
    "execution_facts",
    "execution_table",
    "journal_table",
    "schedule_table",
]

_STYLES = {
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.BLOCKED: "bold red",
    Status.CANCELLED: "yellow",
    Status.RUNNING: "cyan",
}
_COMMANDS = {
    "begin": "step",
    "attempt": "step",
    "stopped": "step",
    "timeout": "wait",
    "sent": "signal to another",
    "published": "publish",
    "child-started": "start",
    "patch": "patched",
}
_WITHOUT_VALUE = {
    "begin": "begun, to run once",
    "sleep": "over",
    "timeout": "timed out",
    "stopped": "stopped",
    "patch": "True",
}


def execution_table(executions: Iterable[Execution]) -> Table:
    """One line an execution."""
    table = _table("id", "workflow", "status", "created", "due or ended")
    for each in executions:
        workflow = f"{each.workflow} v{each.version}" if each.version > 1 else each.workflow
        times = local_time(each.created_at), local_time(each.ended_at or each.due_at)
        table.add_row(_text(each.id), _text(workflow), _status(each), *times)
    return table


def schedule_table(schedules: Iterable[WorkflowSchedule]) -> Table:
    """One line a schedule."""
    table = _table("workflow", "schedule", "next", "last", "")
    for each in schedules:
        workflow = f"{each.workflow} v{each.version}" if each.version > 1 else each.workflow
        state = Text(", ".join(filter(None, ("paused" * each.paused, "not served" * (not each.served)))), "yellow")
        times = local_time(each.next_at), local_time(each.last_at)
        table.add_row(_text(workflow), _text(each.schedule), *times, state)
    return table


def callback_table(callbacks: Iterable[CallbackStatus]) -> Table:
    """One line a callback, with its URL while that is of use."""
    table = _table("name", "state", "opened", "answered or expires", "answer or URL")
    for each in callbacks:
        is_open = each.state is CallbackState.OPEN
        state = Text(each.state, "green" if is_open else "")
        told = each.url or "" if is_open else as_json(each.answer) if each.state is CallbackState.ANSWERED else ""
        times = local_time(each.opened_at), local_time(each.answered_at or each.expires_at)
        table.add_row(_text(each.name), state, *times, _text(told))
    return table


def delivery_table(deliveries: Iterable[Delivered]) -> Table:
    """One line a delivery."""
    table = _table("source", "id", "type", "received", "started", "")
    for each in deliveries:
        kind = each.type or f"{each.events} events"
        started = Text(str(each.starts) if each.routed_at else "…")
        conflicts = Text(f"{each.conflicts} with another body" if each.conflicts else "", "yellow")
        table.add_row(_text(each.source), _text(each.id), _text(kind), local_time(each.received_at), started, conflicts)
    return table


def delivery_facts(delivery: Delivered) -> Table:
    """What is known of a delivery but for its events, one fact a line."""
    facts = {
        "type": _text(delivery.type or f"{delivery.events} events"),
        "subject": _text(delivery.subject or ""),
        "received": Text(local_time(delivery.received_at)),
        "routed": Text(local_time(delivery.routed_at) or "not yet"),
        "started": Text(str(delivery.starts)),
        "offered to": _text(", ".join(delivery.offered)),
        "other bodies": Text(str(delivery.conflicts or ""), "yellow"),
        "bytes": Text(f"{delivery.bytes:,}"),
    }
    return _facts(facts)


def execution_facts(
    execution: Execution, published: Mapping[str, str], standing: Standing | None, problem: str | None
) -> Table:
    """What is known of an execution but for its journal, one fact a line.

    :param published: each key with its value as text.
    :param problem: why it cannot be told where it stands.
    """
    facts = {
        "workflow": _text(f"{execution.workflow}, version {execution.version}"),
        "status": _status(execution),
        "generation": Text(str(execution.generation) if execution.generation > 1 else ""),
        "created": Text(local_time(execution.created_at)),
        "ended": Text(local_time(execution.ended_at)),
        "due": Text(local_time(execution.due_at)),
        "waits for": _text(", ".join(f"signal {name!r}" for name in execution.waits_for or ())),
        "tags": _text(", ".join(f"{name}={value}" for name, value in execution.tags.items())),
        "published": _text("\n".join(f"{key} = {value}" for key, value in published.items()), "green"),
        "blocked by": _text(execution.problem or "", "red"),
        "stands at": _place(execution, standing, problem),
    }
    return _facts(facts)


def journal_table(entries: Iterable[HistoryEntry], unfinished: Iterable[OpenCommand] = ()) -> Table:
    """One line an entry, and below them what has no outcome yet."""
    table = _table("position", "command", "attempts", "outcome", "when")
    table.columns[2].justify = "right"
    attempts: Counter[str | None] = Counter()
    day = None
    for entry in entries:
        is_attempt = entry.kind in ("attempt", "step")
        attempts[entry.position] += is_attempt
        tried = str(attempts[entry.position]) if is_attempt else ""
        date, time = local_time(entry.at, "milliseconds").split()
        when = time if day in (None, date) else f"{date} {time}"
        day = date
        table.add_row(entry.position, _command(entry.kind, entry.name, entry.branch), tried, _outcome(entry), when)
    for each in unfinished:
        until = f"open until {local_time(each.due_at)}" if each.due_at else "open"
        command, tried = _command(each.kind, each.name, each.branch), str(each.attempt or "")
        table.add_row(each.position, command, tried, until, "", style="dim")
    return table


def _table(*columns: str) -> Table:
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in table.columns:
        column.overflow = "fold"
    return table


def _facts(facts: Mapping[str, Text]) -> Table:
    """One fact a line; those that are not there are left out."""
    table = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        if fact:
            table.add_row(Text(f"  {name}", "dim"), fact)
    return table


def _text(stored: str, style: str = "") -> Text:
    return Text(inert(stored), style)


def _status(execution: Execution) -> Text:
    status = Text(execution.status, _STYLES.get(execution.status, ""))
    return status.append(", paused", "yellow") if execution.paused else status


def _place(execution: Execution, standing: Standing | None, problem: str | None) -> Text:
    if problem is not None:
        return _text(problem, "yellow")
    if standing is not None:
        return _text("\n".join(map(relative_to_here, standing.places)), "cyan")
    return Text("" if execution.status in ENDED else "name the workflow's module by --module to be told", "dim")


def _command(kind: str, name: str | None, branch: str | None) -> Text:
    return _text(" ".join(filter(None, (_COMMANDS.get(kind, kind), name, branch and f"in {branch}"))))


def _outcome(entry: HistoryEntry) -> Text:
    """A value takes one line, cut where there is no room; an error takes what it needs."""
    if entry.ok is False and entry.kind != "timeout":
        again = f"; again at {local_time(entry.moment)}" if entry.moment else ""
        return _text(f"failed: {entry.text}{again}", "red")
    text = _text(entry.text or _WITHOUT_VALUE.get(entry.kind, ""), "green" if entry.ok else "")
    text.overflow, text.no_wrap = "ellipsis", True
    return text
