"""What people see who look into the database with SQL, and the ids that they find there."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from dataflows.outcome import Error, Value
from interpreter.machine import SignalReceived, StepEnded
from interpreter.store.identifiers import time_ordered_id
from interpreter.store.records import Line
from interpreter.store.rows import to_row
from tests.store.desk import LONG_AGO, Desk


def test_the_history_shows_payloads_as_text_where_they_are_text(new_database: Callable[[], str]) -> None:
    facts: list[Any] = [
        StepEnded((0,), "json", outcome=Value({"a": "é"})),
        StepEnded((1,), "error", outcome=Error(KeyError("k"))),
        StepEnded((2,), "dill", outcome=Value((1, 2))),
        SignalReceived("signal", None, LONG_AGO),
    ]
    with Desk(new_database()) as desk:
        desk.start_held("seen")
        desk.commit(*(Line("seen", 1, seq, LONG_AGO, to_row(fact)) for seq, fact in enumerate(facts, 3)))
        seen = desk.connection.execute(
            "SELECT name, payload, bytes FROM dataflows.history WHERE execution_id = 'seen' AND seq > 2 ORDER BY seq"
        ).fetchall()
    assert [(name, size is not None and size > 0) for name, _, size in seen] == [
        ("json", True),
        ("error", True),
        ("dill", True),
        ("signal", True),
    ]
    payloads = [payload for _, payload, _ in seen]
    assert payloads[0] == r'{"a":"\u00e9"}'
    assert "KeyError" in payloads[1]
    assert payloads[2:] == [None, "null"]


def test_ids_that_nobody_chose_are_uuids_of_version_7_that_sort_by_time() -> None:
    ids = [time_ordered_id() for _ in range(2_000)]
    assert len(set(ids)) == 2_000
    assert {(uuid.UUID(id).version, uuid.UUID(id).variant) for id in ids} == {(7, uuid.RFC_4122)}
    times = [id[:13] for id in ids]
    assert times == sorted(times)
