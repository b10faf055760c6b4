"""How PostgreSQL would answer the queries of this package: the plans it makes, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection

from interpreter.store.arrays import Array, BigIntArray, BoolArray, BytesArray, IntArray, TextArray, TimeArray
from interpreter.store.queries import QUERIES
from interpreter.store.rows import FORMAT
from tests.databases import opened

__all__ = ["CROWDED", "QUESTIONS", "Question", "faults", "nodes", "plan_of", "prepare", "prepared_plan", "touched"]

CROWDED = (
    *("executions", "journal", "inbox", "subscriptions", "events"),
    *("tickets", "uses", "deliveries", "offers", "callbacks"),
)
"""The tables that may be long."""

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_IDS = [f"e{number:07}" for number in range(1, 201)]
_HELD = {"scheduler": 7, "ids": TextArray(_IDS)}
_FIRST = {"id": _IDS[0]}


def _all(kind: type[Array], item: Any) -> Array:
    return kind([item] * len(_IDS))


@dataclass(frozen=True)
class Question:
    """A query with parameters of a usual size.

    :ivar indexes: the indexes by which it may look, and no others.
    """

    parameters: dict[str, Any]
    indexes: set[str]


_EXECUTION = {"executions_pkey"}
_HOLDER = {"executions_held"}
_JOURNAL = {"journal_pkey"}
_INBOX = {"inbox_pkey", "inbox_waiting"}
_FILTER = {"status": None, "workflow": None, "tags": None, "created_after": None, "created_before": None}
_PAGE = {**_FILTER, "before": None, "before_time": None, "limit": 50}
_OUTCOMES = {"oks": _all(BoolArray, True), "encodings": _all(TextArray, "json"), "payloads": _all(BytesArray, b"1")}
_PLACES = {"generations": _all(IntArray, 1), "seqs": _all(IntArray, 1_000_000)}
_LINES = {
    "floors": _all(TimeArray, _NOW),
    "kinds": _all(TextArray, "step"),
    "positions": _all(TextArray, "1"),
    "names": _all(TextArray, "fetch"),
    "branches": _all(TextArray, None),
    "moments": _all(TimeArray, None),
}
_FIRST_LINES = {name: column for name, column in _LINES.items() if name != "floors"}
_MOVES = {
    "statuses": _all(TextArray, "completed"),
    "dues": _all(TimeArray, None),
    "inboxes": _all(BigIntArray, None),
    "progresses": _all(BoolArray, True),
    "problems": _all(TextArray, None),
    "expecteds": _all(TextArray, "running"),
    "waits": _all(TextArray, '["approval"]'),
    "generations": _all(IntArray, None),
}
_STARTS = {
    "format": FORMAT,
    "workflows": _all(TextArray, "w1"),
    "versions": _all(IntArray, 1),
    "tags": _all(TextArray, None),
    "encodings": _all(TextArray, "json"),
    "payloads": _all(BytesArray, b"1"),
    "parents": _all(TextArray, _IDS[0]),
    "generations": _all(IntArray, 1),
    "positions": _all(TextArray, "1"),
    "branches": _all(TextArray, None),
}
_CLAIM = {
    "scheduler": 7,
    "format": FORMAT,
    "workflows": TextArray([f"w{number}" for number in range(40)]),
    "versions": IntArray([1] * 40),
    "most": 50,
    "since": None,
}
_PARENT = {"parent": _IDS[0], "generation": 1, "position": "1", "branch": None}
_START = {"workflow": "w1", "version": 1, "delay": timedelta(0), "format": FORMAT, "tags": None, **_PARENT}
_EVENT = {"name": "paid", "key": "order 7"}
_PLACE = {"execution_id": _IDS[0], "generation": 1, "position": "1"}
_SUBSCRIPTIONS = {"subscriptions_pkey", "subscriptions_waiting"}
_EVENTS = {"events_pkey", "events_expiring"}
_SCHEDULES = {"schedules_pkey", "served_schedules_pkey", "served_schedules_workflow"}
_SLOTS = {
    **dict.fromkeys(("stood_at", "next_at", "last_at"), _NOW),
    "encodings": _all(TextArray, "json"),
    "payloads": _all(BytesArray, b"1"),
}
_TICKETS = {"ids": TextArray(_IDS), "generations": _all(IntArray, 1), "positions": _all(TextArray, "1")}
_LIMITS = {"limits": TextArray(["clickup", "shopify"])}
_TICKET = {"tickets_pkey"}
_QUEUE = {"tickets_waiting", "tickets_granted"}
_USES = {"uses_pkey", "uses_at"}
_LIMIT = {"limits_pkey"}
_DELIVERY = {"deliveries_pkey"}
_OFFERS = {"offers_pkey", "offers_open"}
_CALLBACK = {"callbacks_pkey", "callbacks_execution"}
_SEND = {"execution_id": _IDS[0], "kind": "signal", "name": "approval", "encoding": "json", "payload": b"1"}

QUESTIONS = {
    "claim": Question(_CLAIM, {"executions_due"} | _EXECUTION),
    "claim_suspect": Question(
        {name: _CLAIM[name] for name in ("scheduler", "workflows", "versions", "format")},
        {"executions_suspect"} | _EXECUTION,
    ),
    "look_for_due": Question(
        {name: _CLAIM[name] for name in ("scheduler", "workflows", "versions", "since", "format")}
        | {"triggered": _all(TextArray, "w1")},
        {"executions_due", "executions_suspect", "deliveries_unrouted", "offers_open"} | _SCHEDULES,
    ),
    "take_in_messages": Question({**_HELD, "generations": _all(IntArray, 1)}, _JOURNAL | _INBOX),
    "read_journal": Question(
        {"ids": _HELD["ids"], "generations": _all(IntArray, 1), "afters": _all(IntArray, 0)}, _JOURNAL
    ),
    "read_inbox": Question({"ids": _HELD["ids"]}, _EXECUTION | _INBOX),
    "find_messages": Question(_HELD, _EXECUTION | _INBOX | {"inbox_id"}),
    "list_held": Question({"scheduler": 7}, _HOLDER),
    "hand_back": Question({"scheduler": 7}, _HOLDER),
    "release_orphans": Question({"dead": [7, 8], "deadly": 5}, _HOLDER),
    "start_held": Question({**_HELD, **_STARTS}, _EXECUTION),
    "append": Question({**_HELD, **_PLACES, **_LINES, **_OUTCOMES}, set()),
    "move": Question({**_HELD, **_MOVES}, _EXECUTION),
    "begin_again": Question({**_HELD, **_PLACES, **_FIRST_LINES, **_OUTCOMES}, _EXECUTION | _JOURNAL),
    "forget_generations": Question({**_FIRST, "kept": 2, "most": 1_000}, _EXECUTION | _JOURNAL | {"journal_published"}),
    "mark_inbox": Question({**_HELD, "numbers": _all(BigIntArray, 1), "seqs": _all(IntArray, 3)}, _INBOX),
    "which_are_there": Question({"ids": _HELD["ids"], **_PLACES}, _JOURNAL),
    "which_are_held": Question(_HELD, _EXECUTION),
    "start": Question({"id": "new", **_START, "encoding": "json", "payload": b"1"}, _EXECUTION),
    "send": Question({**_SEND, "id": "m1"}, _EXECUTION | {"inbox_id"}),
    "look_up": Question(_FIRST, _EXECUTION),
    "read_result": Question({**_FIRST, "most": 1_000}, _EXECUTION | _JOURNAL),
    "read_history": Question({**_FIRST, "generation": None}, _EXECUTION | _JOURNAL),
    "read_history_page": Question(
        {**_FIRST, "generation": 1, "after": 2, "limit": 100, "most": 201, "longest_error": 1_000}, _JOURNAL
    ),
    "read_published": Question({**_FIRST, "key": "progress"}, {"journal_published"}),
    "list_published": Question({**_FIRST, "most": 201}, {"journal_published"}),
    "list_executions": Question(_PAGE, _EXECUTION | {"executions_created"}),
    "find_ended": Question(
        {"workflow": None, "status": None, "after": None, "before": str(_NOW), "most": 200},
        {"executions_ended"} | _EXECUTION | _JOURNAL,
    ),
    "purge": Question(
        {"ids": _HELD["ids"], "before": str(_NOW)},
        _EXECUTION | _JOURNAL | _INBOX | _SUBSCRIPTIONS | _TICKET | _CALLBACK,
    ),
    "lock_family": Question({"ids": _HELD["ids"], "children": _HELD["ids"]}, _EXECUTION),
    "tell_parents": Question({"scheduler": 7, "children": _HELD["ids"]}, _EXECUTION | _JOURNAL),
    "whose_is": Question(_FIRST, _EXECUTION),
    "emit": Question(
        {
            **_EVENT,
            "id": "1",
            "encoding": "json",
            "payload": b"1",
            "keep": timedelta(days=7),
            "source": "events",
            "delivery_id": "1",
            "hint": "",
        },
        _EXECUTION | _SUBSCRIPTIONS | _EVENTS | {"triggers_source", "triggers_pkey"},
    ),
    "start_slots": Question(
        {**_SLOTS, "ids": _HELD["ids"], "workflow": "w1", "schedule": "every 1h", "version": 1, "format": FORMAT},
        _EXECUTION | _SCHEDULES,
    ),
    "which_exist": Question({"ids": _HELD["ids"]}, _EXECUTION),
    "store_deliveries": Question(
        {
            "sources": _all(TextArray, "shop"),
            "ids": _HELD["ids"],
            "digests": _all(BytesArray, b"1"),
            "events": _all(IntArray, 1),
            "types": _all(TextArray, "paid"),
            "subjects": _all(TextArray, None),
            "places": _all(IntArray, 1),
            "encodings": _OUTCOMES["encodings"],
            "payloads": _OUTCOMES["payloads"],
            "hint": "",
        },
        _DELIVERY,
    ),
    "offer_deliveries": Question(
        {"most": 100, "emitted": "events"},
        {"deliveries_unrouted", "triggers_pkey", "triggers_source"} | _DELIVERY | _OFFERS,
    ),
    "take_offers": Question({"workflows": _all(TextArray, "w1"), "most": 100, "bytes": 1_000_000}, _DELIVERY | _OFFERS),
    "settle_offers": Question(
        {
            "workflows": _all(TextArray, "w1"),
            "sources": _all(TextArray, "shop"),
            "ids": _HELD["ids"],
            "started_sources": _all(TextArray, "shop"),
            "started_ids": _HELD["ids"],
        },
        _DELIVERY | _OFFERS,
    ),
    "list_deliveries": Question(
        {"source": None, "started": None, "before_at": None, "before_source": None, "before_id": None, "limit": 50},
        {"deliveries_received"},
    ),
    "read_delivery": Question({"source": "shop", "id": _IDS[0], "most": None}, _DELIVERY | _OFFERS),
    "purge_deliveries": Question({"before": str(_NOW), "most": 500}, {"deliveries_received"} | _DELIVERY | _OFFERS),
    "subscribe": Question({**_PLACE, **_EVENT, "deadline": _NOW}, _EXECUTION | _SUBSCRIPTIONS | _EVENTS),
    "open_callbacks": Question(
        {
            **_HELD,
            **_PLACES,
            "digests": BytesArray([id.encode() for id in _IDS]),
            "names": _LINES["names"],
            "questions": _all(BytesArray, b"{}"),
            "lifetimes": _all(BigIntArray, None),
        },
        set(),
    ),
    "look_at_callback": Question({"digest": b"1"}, _EXECUTION | _INBOX | {"callbacks_pkey"}),
    "list_callbacks": Question(_FIRST, _EXECUTION | _INBOX | _JOURNAL | _CALLBACK),
    "answer_callback": Question(
        {"digest": b"1", "message_id": "callback:1", "encoding": "json", "payload": b"1"},
        _EXECUTION | {"callbacks_pkey"},
    ),
    "drop_tickets": Question(_TICKETS, _TICKET),
    "ask": Question({**_TICKETS, "names": _all(TextArray, "clickup"), "scheduler": 7}, _EXECUTION | _TICKET),
    "grant": Question({**_LIMITS, **_TICKETS, "most": 200}, _LIMIT | _QUEUE | _TICKET | _USES | _EXECUTION),
    "take": Question({**_TICKETS, "scheduler": 7}, _LIMIT | _TICKET | _USES),
    "tell_turns": Question(_TICKETS, _TICKET),
    "tell_next": Question(_LIMITS, _LIMIT | _QUEUE | _USES),
    "end_tickets": Question({**_TICKETS, "keeps": _all(BoolArray, False), "scheduler": 7}, _TICKET),
    "look_after_limits": Question({"patience": timedelta(minutes=1)}, _QUEUE | _TICKET | _EXECUTION),
}


# Plans ------------------------------------------------------------------------------------------


def plan_of(connection: Connection[Any], name: str, how: str = "FORMAT JSON", **other: Any) -> dict[str, Any]:
    """The plan that is made for these parameters, and, where ``how`` has it carried out, what it took."""
    query = f"EXPLAIN ({how}) ".encode() + QUERIES[name]
    with connection.transaction(force_rollback=True):
        answer = connection.execute(query, {**QUESTIONS[name].parameters, **other}, prepare=False).fetchall()
    plan: dict[str, Any] = answer[0][0][0]["Plan"]
    return plan


def prepare(connection: Connection[Any], name: str) -> tuple[str, int]:
    """The statement as the server keeps it prepared: its name there, and how many parameters it has.

    It is what a connection of this package prepares, but lives until the connection ends.
    """
    found = "SELECT statement, parameter_types::text[] FROM pg_prepared_statements"
    with opened(connection.info.dsn) as another, another.transaction(force_rollback=True):
        another.execute(QUERIES[name], QUESTIONS[name].parameters, prepare=True)
        [(statement, types)] = another.execute(found, prepare=False).fetchall()
    listed = f"({', '.join(types)})" if types else ""
    connection.execute(f"PREPARE planned_{name} {listed} AS {statement}".encode(), prepare=False)
    return f"planned_{name}", len(types)


def prepared_plan(connection: Connection[Any], prepared: tuple[str, int]) -> dict[str, Any]:
    """The plan for whatever parameters, which is made once and kept for as long as nobody analyzes a table."""
    name, parameters = prepared
    query = f"EXPLAIN (FORMAT JSON) EXECUTE {name} ({', '.join(['NULL'] * parameters)})"
    plan: dict[str, Any] = connection.execute(query.encode(), prepare=False).fetchall()[0][0][0]["Plan"]
    return plan


def nodes(plan: dict[str, Any], end: str = "") -> Iterator[dict[str, Any]]:
    """The parts of a plan; but not those below a part of the kind ``end``."""
    yield plan
    for below in plan.get("Plans", ()) if plan["Node Type"] != end else ():
        yield from nodes(below, end)


def faults(name: str, plan: dict[str, Any]) -> list[str]:
    """What a plan does that takes the longer the more there is: each part with what is wrong with it."""
    return [f"{wrong}: {node}" for node in nodes(plan) if (wrong := _fault(node, QUESTIONS[name].indexes))]


def _fault(node: dict[str, Any], indexes: set[str]) -> str:
    kind, table, index = node["Node Type"], node.get("Relation Name"), node.get("Index Name")
    if kind == "Seq Scan" and table in CROWDED:
        return "a whole table is read"
    if index is not None and index != "schedulers_pkey":
        if index not in indexes:
            return f"another index than {sorted(indexes)}"
        if "Index Cond" not in node:
            return "a whole index is read"
    if kind == "Sort" and any(below.get("Relation Name") == "executions" for below in nodes(node, end="Limit")):
        return "a table is sorted"
    return ""


def touched(plan: dict[str, Any]) -> int:
    """How many blocks were looked at, in memory or not."""
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
